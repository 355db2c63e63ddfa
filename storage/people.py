"""Citizens, the addresses they write from, and what they consented to.

A citizen is one row per identity number. Every answer about the person is one sealed value, so this
module knows of a form's fields only the few that rules speak of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import CardView, Document, Holder, NoticesFound, RecordFound, Value
from conversations.events import Address
from storage import tables
from storage.asked import Asked
from storage.conversations import address_key
from storage.prepared import Call, Prepared, one
from storage.statements import INSERTS, among_keys, among_numbers, needs_locks
from storage.vault import Vault, row

Profile = Mapping[str, Value]
"""Answers about a person, by the name of the field."""

NOT_OF_THE_PERSON = frozenset({"card_number", "hes_code"})
"""Answers that belong to a card, not to its holder."""


@dataclass(frozen=True, slots=True)
class Sender:
    """An address that is known, and whose it is."""

    id: int
    citizen_id: int | None


@dataclass(frozen=True, slots=True)
class Citizen:
    """A person as the records have them; ``id`` is None for one who is new."""

    id: int | None
    identity_key: bytes
    profile: Profile

    @property
    def holder(self) -> Holder:
        """The person as the HES service needs to know them."""
        first_name, last_name = self.profile.get("first_name"), self.profile.get("last_name")
        return Holder(
            str(self.profile["identity_number"]),
            str(first_name or ""),
            str(last_name) if last_name else None,
        )


@dataclass(frozen=True, slots=True)
class Consent:
    """That a document was shown or accepted at an address, for a citizen if that is known."""

    asked: Asked
    document: Document
    sender: Sender
    citizen_id: int | None


class People:
    """Finds and keeps people. Rules about who may do what are not here."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def identity_key(self, identity_number: str) -> bytes:
        """The blind index of an identity number."""
        return self._vault.index("identity", identity_number)

    async def sender(self, conn: AsyncConnection, address: Address) -> Sender | None:
        """What is known of an address."""
        return (await self.senders(conn, [address])).get(address)

    async def senders(
        self, conn: AsyncConnection, addresses: Iterable[Address]
    ) -> dict[Address, Sender]:
        """What is known of these addresses; those that are not are left out."""
        keys = {address_key(self._vault, address): address for address in addresses}
        found = await one(conn, FIND_SENDERS(keys=list(keys)))
        return {keys[each.key]: Sender(each.id, each.citizen_id) for each in found}

    async def keep_senders(
        self, conn: AsyncConnection, asked: Sequence[Asked]
    ) -> dict[Address, Sender]:
        """Make the addresses known, in the language they now speak."""
        rows = {each.address: self.address_row(each) for each in asked}
        found = await one(conn, keep_senders(conn, rows.values()))
        kept = {each.key: Sender(each.id, each.citizen_id) for each in found}
        return {address: kept[row["key"]] for address, row in rows.items()}

    async def set_notices(
        self, conn: AsyncConnection, address: Address, wanted: bool, now: datetime
    ) -> None:
        """Stop notices to a known address, from the first time it was asked, or allow them."""
        column = tables.addresses.c
        stopped = None if wanted else func.coalesce(column.opted_out_at, now)
        key = address_key(self._vault, address)
        await conn.execute(
            update(tables.addresses).where(column.key == key).values(opted_out_at=stopped)
        )

    async def set_reminders(
        self, conn: AsyncConnection, address: Address, wanted: bool, now: datetime
    ) -> None:
        """Let everything reach a known address again, or all but the reminders."""
        column = tables.addresses.c
        values: dict[str, Any] = {"reminders_off_at": func.coalesce(column.reminders_off_at, now)}
        if wanted:
            values = {"reminders_off_at": None, "opted_out_at": None}
        key = address_key(self._vault, address)
        await conn.execute(update(tables.addresses).where(column.key == key).values(values))

    async def set_reach(
        self, conn: AsyncConnection, address: Address, reachable: bool, now: datetime
    ) -> None:
        """Keep whether anything arrives at a known address, from the first time it did not."""
        column = tables.addresses.c
        blocked = None if reachable else func.coalesce(column.blocked_at, now)
        key = address_key(self._vault, address)
        await conn.execute(
            update(tables.addresses).where(column.key == key).values(blocked_at=blocked)
        )

    async def notices(self, conn: AsyncConnection, address: Address) -> NoticesFound:
        """What reaches an address unasked; one that is not known has declined nothing."""
        column = tables.addresses.c
        found = await conn.execute(
            select(column.reminders_off_at, column.opted_out_at).where(
                column.key == address_key(self._vault, address)
            )
        )
        declined, stopped = found.one_or_none() or (None, None)
        return NoticesFound(reminders=declined is None, stopped=stopped is not None)

    async def citizen(self, conn: AsyncConnection, citizen_id: int) -> Citizen:
        """The citizen with that number, who must exist."""
        wanted = tables.citizens.c.id == citizen_id
        return self.read((await conn.execute(select(tables.citizens).where(wanted))).one())

    async def consents(
        self, conn: AsyncConnection, sender: Sender
    ) -> tuple[tuple[str, str, datetime], ...]:
        """Document, version and time of what was consented to at an address and still holds."""
        return await _consents(conn, tables.consents.c.address_id == sender.id)

    async def by_identity(self, conn: AsyncConnection, identity_number: str) -> Citizen | None:
        """The citizen with that identity number."""
        key = self.identity_key(identity_number)
        found = (await one(conn, FIND_CITIZENS(keys=[key])))[:1]
        return self.read(found[0]) if found else None

    async def amend(
        self, conn: AsyncConnection, citizen: Citizen, answers: Profile, now: datetime
    ) -> None:
        """Put these answers in place of those on record; never the identity number."""
        kept = {**citizen.profile, **answers}
        kept["identity_number"] = citizen.profile["identity_number"]
        await conn.execute(
            update(tables.citizens)
            .where(tables.citizens.c.id == citizen.id)
            .values(self.sealed(replace(citizen, profile=kept), now))
        )

    async def withdraw(self, conn: AsyncConnection, address: Address, now: datetime) -> None:
        """Consent given at an address no longer holds, and nothing reaches it unasked."""
        await self.set_notices(conn, address, False, now)
        place, given = tables.addresses.c, tables.consents.c
        there = select(place.id).where(place.key == address_key(self._vault, address))
        await conn.execute(
            update(tables.consents)
            .where(
                given.address_id.in_(there),
                given.document == "consent",
                given.withdrawn_at.is_(None),
            )
            .values(withdrawn_at=now)
        )

    async def record(
        self, conn: AsyncConnection, citizen: Citizen, cards: tuple[CardView, ...]
    ) -> RecordFound:
        """All that is held of a citizen."""
        place, sent = tables.addresses.c, tables.deliveries.c
        theirs = select(place.id).where(place.citizen_id == citizen.id)
        addresses = await conn.execute(
            select(place.channel, place.created_at)
            .where(place.citizen_id == citizen.id)
            .order_by(place.id)
        )
        told = select(func.count()).where(sent.address_id.in_(theirs), sent.sent_at.is_not(None))
        return RecordFound(
            citizen.profile,
            cards,
            await _consents(conn, tables.consents.c.address_id.in_(theirs)),
            tuple((each.channel, each.created_at) for each in addresses),
            int(await conn.scalar(told) or 0),
        )

    def profile(self, sealed: bytes, identity_key: bytes) -> Profile:
        """Open a sealed profile."""
        plain = self._vault.open(sealed, row("citizens", identity_key))
        profile: Profile = json.loads(plain, object_hook=_revived)
        return profile

    def address_row(self, asked: Asked) -> dict[str, Any]:
        """What ``keep_senders`` writes of the address that asks."""
        key = address_key(self._vault, asked.address)
        plain = asked.address.id.encode("utf-8", "surrogatepass")
        return {
            "key": key,
            "channel": asked.address.channel,
            "address": self._vault.seal(plain, row("addresses", key)),
            "locale": asked.locale,
            "created_at": asked.now,
        }

    def read(self, found: Any) -> Citizen:
        """A row of ``citizens``, opened."""
        profile = self.profile(found.profile, found.identity_key)
        return Citizen(found.id, found.identity_key, profile)

    def sealed(self, citizen: Citizen, now: datetime) -> dict[str, Any]:
        """What is written of a citizen, whether new or known."""
        plain = json.dumps(dict(citizen.profile), default=_plain).encode()
        phone = citizen.profile.get("phone")
        return {
            "profile": self._vault.seal(plain, row("citizens", citizen.identity_key)),
            "phone_key": self._vault.index("phone", str(phone)) if phone else None,
            "updated_at": now,
        }


async def _consents(
    conn: AsyncConnection, whose: ColumnElement[bool]
) -> tuple[tuple[str, str, datetime], ...]:
    """Document, version and time of the consents that still hold."""
    given = tables.consents.c
    found = await conn.execute(
        select(given.document, given.version, given.at)
        .where(whose, given.withdrawn_at.is_(None))
        .order_by(given.id)
    )
    return tuple((each.document, each.version, each.at) for each in found)


def profile_of(answers: Mapping[str, Value]) -> Profile:
    """The answers that are about the person."""
    return {name: value for name, value in answers.items() if name not in NOT_OF_THE_PERSON}


def _plain(day: date) -> dict[str, str]:
    return {"date": day.isoformat()}


def _revived(plain: dict[str, Any]) -> Any:
    return date.fromisoformat(plain["date"]) if plain.keys() == {"date"} else plain


def keep_senders(conn: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> Call:
    """Make addresses known, each a row of ``People.address_row``."""
    # Where two can write at once they take the rows in one order, so that neither waits for both.
    by_key = itemgetter("key")
    return _KEEP_SENDERS.each(sorted(rows, key=by_key) if needs_locks(conn) else list(rows))


def record(consents: Iterable[Consent]) -> Call:
    """Keep the evidence of consents."""
    return _RECORD.each([_consent_row(consent) for consent in consents])


def _consent_row(consent: Consent) -> dict[str, Any]:
    asked, document = consent.asked, consent.document
    return {
        "address_id": consent.sender.id,
        "citizen_id": consent.citizen_id,
        "document": document.name,
        "version": document.version,
        "locale": asked.locale,
        "sha256": asked.texts[document.name],
        "channel": asked.address.channel,
        "at": asked.now,
    }


# --- statements -----------------------------------------------------------------------------

_address, _citizen = tables.addresses.c, tables.citizens.c


def _keep_senders(insert: Any) -> Any:
    statement = insert(tables.addresses)
    return statement.on_conflict_do_update(
        index_elements=["key"], set_={"locale": statement.excluded.locale}
    ).returning(_address.key, _address.id, _address.citizen_id)


FIND_SENDERS = Prepared(
    among_keys(select(_address.key, _address.id, _address.citizen_id).where, _address.key)
)
_KEEP_SENDERS = Prepared({dialect: _keep_senders(insert) for dialect, insert in INSERTS.items()})
GIVE = Prepared(
    update(tables.addresses)
    .where(_address.id == bindparam("sender"))
    .values(citizen_id=bindparam("owner"))
)
"""The address belongs to the citizen."""

FIND_CITIZENS = Prepared(among_keys(select(tables.citizens).where, _citizen.identity_key))
CITIZENS = Prepared(among_numbers(select(tables.citizens).where, _citizen.id))
ADD_CITIZENS = Prepared(tables.citizens.insert().returning(_citizen.identity_key, _citizen.id))
REWRITE_CITIZENS = Prepared(
    update(tables.citizens)
    .where(_citizen.id == bindparam("citizen"))
    .values({name: bindparam(f"new_{name}") for name in ("profile", "phone_key", "updated_at")})
)
_RECORD = Prepared(tables.consents.insert())
