"""The tables of a city that has paired its cards, filled by SQL: nothing in them opens or is found,
but it is as much and lies as scattered as the real thing."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg

PAGE = 250_000
"""Rows written by one statement."""
MOMENT = "'2020-12-20 10:00:00'"
STATE = 260
PROFILE = 230
ANSWER = 700
"""Bytes of a sealed state, profile and answer."""


def statements(dialect: str, links: int) -> Iterator[str]:
    """The statements that fill the tables, page by page."""
    for start in range(0, links, PAGE):
        numbers = range(start + 1, min(start + PAGE, links) + 1)
        yield from _page(dialect, numbers)
    if dialect == "postgresql":
        yield from (f"SELECT setval('{name}_id_seq', {links + 1})" for name in _NUMBERED)
        yield "ANALYZE"


_NUMBERED = ("citizens", "addresses", "links")


def _page(dialect: str, numbers: range) -> Iterator[str]:
    key, first, last = _blob(dialect, 16), numbers[0], numbers[-1]
    source = _series(dialect, first, last)
    yield f"""
        INSERT INTO citizens (id, identity_key, profile, phone_key, created_at, updated_at)
        SELECT n, {key}, {_blob(dialect, PROFILE)}, {key}, {MOMENT}, {MOMENT} FROM {source}"""
    yield f"""
        INSERT INTO addresses (id, key, channel, address, citizen_id, locale, created_at)
        SELECT n, {key}, 'telegram', {_blob(dialect, 41)}, n, 'tr', {MOMENT} FROM {source}"""
    yield f"""
        INSERT INTO links
            (id, card_id, citizen_id, address_id, hes_key, hes_code, linked_at, verdict)
        SELECT n, n, n, n, {key}, {_blob(dialect, 41)}, {MOMENT}, 'unchecked'
        FROM {source}"""
    yield f"""
        UPDATE cards SET status = 'ACTIVE', cause = 'paired'
        WHERE id BETWEEN {first} AND {last}"""
    yield f"""
        INSERT INTO card_history (card_id, at, status, cause, link_id)
        SELECT n, {MOMENT}, 'ACTIVE', 'paired', n FROM {source}"""
    yield f"""
        INSERT INTO consents
            (address_id, citizen_id, document, version, locale, sha256, channel, at)
        SELECT n, n, 'consent', '1', 'tr', 'of the words', 'telegram', {MOMENT} FROM {source}"""
    yield f"""
        INSERT INTO conversations (address_key, state, step, updated_at, heard_at)
        SELECT key, {_blob(dialect, STATE)}, '', {MOMENT}, {MOMENT}
        FROM addresses WHERE id BETWEEN {first} AND {last}"""
    yield f"""
        INSERT INTO inbox (key, address_key, received_at, answer)
        SELECT {key}, {key}, '2021-01-08 08:00:00', {_blob(dialect, ANSWER)} FROM {source}"""


def _series(dialect: str, first: int, last: int) -> str:
    if dialect == "postgresql":
        return f"generate_series({first}, {last}) AS n"
    return f"""(
        WITH RECURSIVE row(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM row WHERE n < {last})
        SELECT n FROM row)"""


def _blob(dialect: str, size: int) -> str:
    """So many bytes that no other row has."""
    if dialect == "postgresql":
        return (
            f"substr(decode(repeat(md5(random()\\:\\:text), {-(-size // 16)}), 'hex'), 1, {size})"
        )
    return f"randomblob({size})"


async def create(server: str, name: str) -> None:
    """An empty database on the server."""
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
