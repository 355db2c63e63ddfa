"""What ``hesbot staff`` and ``hesbot audit`` do: a part of the composition root, as ``tasks`` is.

Only the command imports this.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.clock import clock, wall
from bot.records import open_records
from bot.settings import Settings
from bot.staff.acting import Declined, named
from bot.staff.personnel import Keys, Personnel, cut_keys, member_name
from bot.staff.secrets import Passwords
from conversations.broadcasts import Role
from conversations.turkish import fold
from storage import AuditEntry, Chain, Connection, Head, Member
from storage.staff import Listed

ADMINISTRATORS = frozenset({Role.OPERATOR})
"""Who of the staff may change the staff."""


@dataclass(frozen=True, slots=True)
class _Act:
    """A staff act that is under way: its transaction and who does it."""

    conn: Connection
    personnel: Personnel


async def add_member(
    settings: Settings, name: str, role: Role, by: str | None
) -> tuple[Member, Keys]:
    """Take somebody on; what they sign in with is known to nobody after this."""
    name = member_name(name)
    if settings.fresh and by is not None:
        raise Declined("--by: nobody is here yet; the first is taken on without it")
    keys = await cut_keys(Passwords())
    first_ever = settings.fresh or settings.database_file is None
    async with _acting(settings, by, new_keys=first_ever) as act:
        return await act.personnel.add(act.conn, name, role, keys), keys


async def reset_member(settings: Settings, name: str, by: str | None) -> tuple[Member, Keys]:
    """Give somebody new keys."""
    keys = await cut_keys(Passwords())
    async with _acting(settings, by) as act:
        return await act.personnel.reset(act.conn, name, keys), keys


async def change_role(settings: Settings, name: str, role: Role, by: str | None) -> Member:
    """Let somebody do something else."""
    async with _acting(settings, by) as act:
        return await act.personnel.change_role(act.conn, name, role)


async def dismiss(settings: Settings, name: str, by: str | None) -> Member:
    """Let somebody go."""
    async with _acting(settings, by) as act:
        return await act.personnel.dismiss(act.conn, name)


async def offer_link(settings: Settings, name: str, by: str | None) -> tuple[Member, str]:
    """A code with which somebody links a messenger account."""
    async with _acting(settings, by) as act:
        member = await act.personnel.found(act.conn, name)
        return member, await act.personnel.offer_link(act.conn, member, wall())


async def list_staff(settings: Settings) -> list[Listed]:
    """All who are or were here."""
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.read() as conn,
    ):
        return await records.staff.everybody(conn)


async def verify_audit(settings: Settings, noted: Head | None) -> Chain:
    """Whether the chain holds."""
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.read() as conn,
    ):
        return await records.audit.verify(conn, noted)


async def list_audit(
    settings: Settings, who: str | None, subject: str | None, before: int | None, limit: int
) -> list[AuditEntry]:
    """The newest rows; a member's name is known in any spelling."""
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.read() as conn,
    ):
        if who is not None:
            everybody = [each.member.name for each in await records.staff.everybody(conn)]
            who = next((name for name in everybody if fold(name) == fold(who)), who)
        audit = records.audit
        return await audit.entries(conn, who=who, subject=subject, before=before, limit=limit)


@asynccontextmanager
async def _acting(
    settings: Settings, by: str | None, *, new_keys: bool = False
) -> AsyncIterator[_Act]:
    async with (
        open_records(settings, new_keys=new_keys) as records,
        records.database.begin() as conn,
    ):
        who = await named(conn, records.staff, by, ADMINISTRATORS)
        now = clock(settings.hesbot_now)()
        yield _Act(conn, Personnel(records.staff, records.audit, who, now))
