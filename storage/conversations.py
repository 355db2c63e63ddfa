"""The inbox and the conversation states, read and written a whole batch at a time.

States and answers are bytes here; what they mean is the caller's affair. Every function is one
statement or two however large the batch, inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.events import Address
from storage import tables
from storage.prepared import Prepared, run, write
from storage.statements import INSERTS, among_keys, lock
from storage.vault import Vault, row

REMEMBERED = 4096
"""How many keys are remembered: more than a batch has."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was answered, and its answer."""

    address: Address
    message: str
    answer: bytes


def address_key(vault: Vault, address: Address) -> bytes:
    """The blind index of an address, the same in every table."""
    return vault.index("address", f"{address.channel}\0{address.id}")


def message_key(vault: Vault, address: Address, message: str) -> bytes:
    """The blind index of one message of an address."""
    # The length keeps apart what two ids could otherwise be joined to alike.
    return vault.index("message", f"{address.channel}\0{len(address.id)}\0{address.id}{message}")


class Conversations:
    """What the front desk remembers between two messages.

    A value that does not open raises ``vault.Unreadable`` and names no one; the batch can then be
    tried message by message to find whose it is.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        # A batch asks for each key two or three times, and hashing is dear beside the rest.
        self._address_key = lru_cache(REMEMBERED)(partial(address_key, vault))
        self._message_key = lru_cache(REMEMBERED)(partial(message_key, vault))

    async def claim(self, conn: AsyncConnection, addresses: Collection[Address]) -> None:
        """Keep other processes away from these conversations until the transaction ends.

        Call it first. SQLite lets in one writer at a time anyway.
        """
        await lock(conn, (self._address_key(address) for address in addresses))

    async def recall(
        self,
        conn: AsyncConnection,
        messages: Sequence[tuple[Address, str]],
        addresses: Collection[Address],
    ) -> tuple[dict[tuple[Address, str], bytes], dict[Address, bytes]]:
        """The answers of those messages that were answered before, and the states of those
        addresses whose conversation is not blank."""
        asked = {self._message_key(*message): message for message in messages}
        present = {self._address_key(address): address for address in addresses}
        answers, states = await run(
            conn, _FIND_ANSWERS(keys=list(asked)), _FIND_STATES(keys=list(present))
        )
        opened = self._vault.open
        return (
            {asked[key]: opened(answer, row("inbox", key)) for key, answer in answers},
            {present[key]: opened(state, row("conversations", key)) for key, state in states},
        )

    async def states(
        self, conn: AsyncConnection, addresses: Collection[Address]
    ) -> dict[Address, bytes]:
        """The states of those addresses whose conversation is not blank."""
        return (await self.recall(conn, (), addresses))[1]

    async def keep(
        self,
        conn: AsyncConnection,
        states: Mapping[Address, bytes | None],
        inbox: Sequence[Kept],
        now: datetime,
        steps: Mapping[Address, str] = MappingProxyType({}),
    ) -> None:
        """Write the new states (None: the conversation is blank again) and the messages answered.

        Where the conversation is blank, nothing tells afterwards whose the message was. An address
        is "heard" when the inbox holds a message of it. ``steps`` are the questions that
        are open, by form and field.
        """
        keys = {address: self._address_key(address) for address in states}
        owners = {
            address: self._vault.nobody() if state is None else keys[address]
            for address, state in states.items()
        }
        heard = {kept.address for kept in inbox}
        blank = [keys[address] for address, state in states.items() if state is None]
        changed = [
            self._state_row(
                keys[address],
                state,
                steps.get(address, ""),
                now,
                now if address in heard else None,
            )
            for address, state in states.items()
            if state is not None
        ]
        await write(
            conn,
            _UPSERT_STATE.each(changed),
            _DELETE_STATES(keys=blank),
            _INSERT_INBOX.each(self._inbox_rows(inbox, owners, now)),
        )

    async def amend(
        self, conn: AsyncConnection, address: Address, message: str, answer: bytes
    ) -> None:
        """Replace the answer that a message got, for something was learned since."""
        key = self._message_key(address, message)
        await conn.execute(
            update(tables.inbox)
            .where(tables.inbox.c.key == key)
            .values(answer=self._vault.seal(answer, row("inbox", key)))
        )

    async def forget_inbox(self, conn: AsyncConnection, before: datetime, limit: int) -> int:
        """Delete messages received before that moment, at most so many; say how many."""
        inbox = tables.inbox.c
        old = select(inbox.key).where(inbox.received_at < before).limit(limit)
        return (await conn.execute(delete(tables.inbox).where(inbox.key.in_(old)))).rowcount

    def _state_row(
        self, key: bytes, state: bytes, step: str, now: datetime, heard_at: datetime | None
    ) -> dict[str, object]:
        return {
            "address_key": key,
            "state": self._vault.seal(state, row("conversations", key)),
            "step": step,
            "updated_at": now,
            "heard_at": heard_at,
        }

    def _inbox_rows(
        self, inbox: Sequence[Kept], keys: Mapping[Address, bytes], now: datetime
    ) -> list[dict[str, object]]:
        return [self._inbox_row(kept, keys.get(kept.address), now) for kept in inbox]

    def _inbox_row(self, kept: Kept, owner: bytes | None, now: datetime) -> dict[str, object]:
        key = self._message_key(kept.address, kept.message)
        return {
            "key": key,
            "address_key": owner or self._address_key(kept.address),
            "received_at": now,
            "answer": self._vault.seal(kept.answer, row("inbox", key)),
        }


def _upsert_state(insert: Any) -> Any:
    statement = insert(tables.conversations)
    new, old = statement.excluded, tables.conversations.c
    return statement.on_conflict_do_update(
        index_elements=[old.address_key],
        set_={
            "state": new.state,
            "step": new.step,
            "updated_at": new.updated_at,
            "heard_at": func.coalesce(new.heard_at, old.heard_at),
        },
    )


_FIND_ANSWERS = Prepared(
    among_keys(select(tables.inbox.c.key, tables.inbox.c.answer).where, tables.inbox.c.key)
)
_FIND_STATES = Prepared(
    among_keys(
        select(tables.conversations.c.address_key, tables.conversations.c.state).where,
        tables.conversations.c.address_key,
    )
)
_DELETE_STATES = Prepared(
    among_keys(delete(tables.conversations).where, tables.conversations.c.address_key)
)
_INSERT_INBOX = Prepared(tables.inbox.insert())
_UPSERT_STATE = Prepared({dialect: _upsert_state(insert) for dialect, insert in INSERTS.items()})
