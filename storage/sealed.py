"""Every column that holds sealed values, and for what row a value of it is sealed.

A column of bytes that is neither here nor in ``HASHES`` stops a test: what nobody seals anew would
be lost with its key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column

from storage import tables
from storage.vault import row


def _itself(key: bytes) -> bytes:
    return key


def _text(words: object) -> bytes:
    return str(words).encode()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed values. Each is sealed for the row that ``by``, as bytes, names.

    ``page`` is how many are taken together; NULL is no value.
    """

    column: Column[bytes]
    by: Column[Any]
    to_bytes: Callable[[Any], bytes] = _itself
    page: int = 2000

    @property
    def name(self) -> str:
        """``table.column``"""
        return f"{self.column.table.name}.{self.column.name}"

    @property
    def key(self) -> Column[Any]:
        """The table's primary key."""
        (key,) = self.column.table.primary_key.columns
        return key

    def where(self, value: Any) -> bytes:
        """What a value is sealed for in the row in which ``by`` has this value."""
        return row(self.column.table.name, self.to_bytes(value))


SEALED = (
    Sealed(tables.inbox.c.answer, tables.inbox.c.key, page=500),
    Sealed(tables.conversations.c.state, tables.conversations.c.address_key, page=500),
    Sealed(tables.citizens.c.profile, tables.citizens.c.identity_key),
    Sealed(tables.addresses.c.address, tables.addresses.c.key),
    Sealed(tables.cards.c.number, tables.cards.c.number_key),
    Sealed(tables.links.c.hes_code, tables.links.c.hes_key),
    Sealed(tables.risks.c.hes_code, tables.risks.c.hes_key),
    # One is a whole report, of many megabytes.
    Sealed(tables.reports.c.content, tables.reports.c.sha256, bytes.fromhex, page=1),
    Sealed(tables.staff.c.secret, tables.staff.c.folded, _text),
    Sealed(tables.audit.c.detail, tables.audit.c.id, _text),
)

HASHES = frozenset(
    {
        "ring.key_check",
        "passages.key",
        "inbox.key",
        "inbox.address_key",
        "conversations.address_key",
        "citizens.identity_key",
        "citizens.phone_key",
        "addresses.key",
        "cards.number_key",
        "links.hes_key",
        "suspensions.hes_key",
        "risks.hes_key",
        "risk_changes.id_key",
        "boardings.key",
        "staff.link_key",
        "visits.key",
        "audit.before",
        "audit.hash",
    }
)
"""Columns of bytes that nothing is read out of again: blind indexes and hashes."""
