"""The links that were made last, for whoever wants to follow what happens as it happens.

Changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Verdict
from storage import tables
from storage.vault import Vault, row


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link by its number, and its code."""

    link: int
    hes_code: str


async def links_since(conn: AsyncConnection, vault: Vault, link: int) -> list[NewLink]:
    """The links made after that one which are still open, oldest first."""
    column = tables.links.c
    found = await conn.execute(
        select(column.id, column.hes_key, column.hes_code)
        .where(column.id > link, column.ended_at.is_(None))
        .order_by(column.id)
    )
    return [
        NewLink(each.id, vault.open(each.hes_code, row("links", each.hes_key)).decode())
        for each in found
    ]


async def is_good(conn: AsyncConnection, link: int) -> bool:
    """Whether the link is open, with a code that nobody has denied."""
    column = tables.links.c
    open_still = select(column.verdict).where(column.id == link, column.ended_at.is_(None))
    verdict = (await conn.execute(open_still)).scalar_one_or_none()
    return verdict is not None and not Verdict(verdict).denied
