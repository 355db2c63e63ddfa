"""Who works here: names, roles, what they sign in with, and the messenger accounts they linked.

Nobody's row is ever deleted, for the audit speaks of them: who leaves keeps the name. This module
keeps hashes and sealed secrets; it knows neither how they are made nor when somebody is let in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Update, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.broadcasts import Role
from conversations.events import Address
from conversations.turkish import fold
from storage import tables
from storage.conversations import address_key
from storage.statements import upsert
from storage.vault import Vault, row

_staff = tables.staff.c
MEMBER = (_staff.id, _staff.name, _staff.role, _staff.address_id)
"""The columns that ``member_of`` reads."""

_HERE = _staff.left_at.is_(None)


class NameTaken(Exception):
    """Somebody has this name, or had it."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the staff. ``address`` is the row of the linked messenger account."""

    id: int
    name: str
    role: Role
    address: int | None

    @property
    def subject(self) -> str:
        """What the audit calls this member's row."""
        return f"staff:{self.id}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A member as a list shows them; also those who have left."""

    member: Member
    created_at: datetime
    left_at: datetime | None
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody must show to be let in, and how often they failed since they last were.

    ``step`` is the newest step of the one-time codes that was used.
    """

    member: Member
    password: str = field(repr=False)
    secret: bytes = field(repr=False)
    step: int
    failures: int
    locked_until: datetime | None


class Staff:
    """Keeps the members. Every method works inside the caller's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    # --- coming, changing, leaving ------------------------------------------------------------

    async def add(
        self,
        conn: AsyncConnection,
        name: str,
        role: Role,
        password_hash: str,
        secret: bytes,
        now: datetime,
    ) -> Member:
        """Take somebody on; raise NameTaken, also for a name that differs in its spelling only."""
        folded = fold(name)
        values = {
            "name": name,
            "folded": folded,
            "role": role,
            "password": password_hash,
            "secret": self._sealed(folded, secret),
            "last_step": 0,
            "failures": 0,
            "created_at": now,
        }
        adding = upsert(conn, tables.staff).values(values).on_conflict_do_nothing()
        number = (await conn.execute(adding.returning(_staff.id))).scalar()
        if number is None:
            raise NameTaken
        return Member(number, name, role, None)

    async def change_role(self, conn: AsyncConnection, member: Member, role: Role) -> None:
        """Let them do something else from now on."""
        await conn.execute(_of(member).values(role=role))

    async def renew(
        self, conn: AsyncConnection, member: Member, password_hash: str, secret: bytes
    ) -> None:
        """Give them a new password and secret; what they held is void, wherever they are signed in,
        and they are locked out no longer."""
        values = {"password": password_hash, "secret": self._sealed(fold(member.name), secret)}
        await conn.execute(_of(member).values(**values, last_step=0, failures=0, locked_until=None))
        await self._end_visits(conn, member)

    async def dismiss(self, conn: AsyncConnection, member: Member, now: datetime) -> None:
        """They leave: signed in nowhere, linked to nothing."""
        nothing = {"address_id": None, "link_key": None, "link_until": None}
        await conn.execute(_of(member).values(left_at=now, **nothing))
        await self._end_visits(conn, member)

    # --- finding ------------------------------------------------------------------------------

    async def find(self, conn: AsyncConnection, name: str) -> Member | None:
        """Who of those who are here has this name, however it is spelled."""
        return await _one(conn, select(*MEMBER).where(_staff.folded == fold(name), _HERE))

    async def of_address(self, conn: AsyncConnection, address: Address) -> Member | None:
        """Whose messenger account that is."""
        known = tables.addresses.c
        wanted = select(*MEMBER).join(tables.addresses, known.id == _staff.address_id)
        key = address_key(self._vault, address)
        return await _one(conn, wanted.where(known.key == key, _HERE))

    async def everybody(self, conn: AsyncConnection) -> list[Listed]:
        """All who are or were here, in the order in which they came. There are dozens."""
        wanted = select(*MEMBER, _staff.created_at, _staff.left_at, _staff.locked_until)
        found = await conn.execute(wanted.order_by(_staff.id))
        return [
            Listed(member_of(each), each.created_at, each.left_at, each.locked_until)
            for each in found
        ]

    # --- signing in ---------------------------------------------------------------------------

    async def credentials(
        self, conn: AsyncConnection, name: str, *, hold: bool = False
    ) -> Credentials | None:
        """What the one of this name must show; with ``hold`` others who ask so wait for the end of
        this transaction."""
        wanted = select(tables.staff).where(_staff.folded == fold(name), _HERE)
        found = (await conn.execute(wanted.with_for_update() if hold else wanted)).first()
        if found is None:
            return None
        return Credentials(
            member_of(found),
            found.password,
            self._vault.open(found.secret, _place(found.folded)),
            found.last_step,
            found.failures,
            found.locked_until,
        )

    async def keep_failure(
        self, conn: AsyncConnection, member: Member, failures: int, locked_until: datetime | None
    ) -> None:
        """Write down how often they have failed by now, and until when they are locked out."""
        await conn.execute(_of(member).values(failures=failures, locked_until=locked_until))

    async def keep_success(
        self, conn: AsyncConnection, member: Member, step: int, password_hash: str
    ) -> None:
        """They were let in with the code of this step, which opens no more."""
        values = {"last_step": step, "password": password_hash}
        await conn.execute(_of(member).values(**values, failures=0, locked_until=None))

    # --- messenger accounts -------------------------------------------------------------------

    async def offer_link(
        self, conn: AsyncConnection, member: Member, code: str, until: datetime
    ) -> None:
        """Whoever says the code in a messenger before then is this member; an older code is void.
        Only its keyed hash is kept."""
        await conn.execute(_of(member).values(link_key=self._link_key(code), link_until=until))

    async def link(
        self, conn: AsyncConnection, code: str, address_id: int, now: datetime
    ) -> Member | None:
        """Make the account theirs to whom the code was given, and the code void; None if nobody
        holds it now, or if the account is somebody else's."""
        offered = (_staff.link_key == self._link_key(code)) & (_staff.link_until > now)
        values = {"address_id": address_id, "link_key": None, "link_until": None}
        taking = update(tables.staff).where(offered, _HERE).values(values).returning(*MEMBER)
        try:
            async with conn.begin_nested():
                return await _one(conn, taking)
        except IntegrityError:
            return None

    def _link_key(self, code: str) -> bytes:
        return self._vault.index("staff_link", fold(code).replace(" ", ""))

    def _sealed(self, folded: str, secret: bytes) -> bytes:
        return self._vault.seal(secret, _place(folded))

    async def _end_visits(self, conn: AsyncConnection, member: Member) -> None:
        await conn.execute(delete(tables.visits).where(tables.visits.c.staff_id == member.id))


def _place(folded: str) -> bytes:
    # The number of a row is known only after the secret was sealed for it; its name never changes.
    return row("staff", folded.encode())


def _of(member: Member) -> Update:
    return update(tables.staff).where(_staff.id == member.id)


async def _one(conn: AsyncConnection, wanted: Any) -> Member | None:
    found = (await conn.execute(wanted)).first()
    return member_of(found) if found else None


def member_of(found: Any) -> Member:
    """The member of a row that has the columns of ``MEMBER``."""
    return Member(found.id, found.name, Role(found.role), found.address_id)
