"""What is done about the staff themselves: each act with its row in the audit, in one transaction.

Whoever calls decides who may do it. What somebody is to sign in with is made before the
transaction, for a hash takes its time.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.staff.acting import MACHINE, Declined, quoted
from bot.staff.secrets import Chance, Passwords, new_link_code, new_password, new_secret
from conversations.broadcasts import Role
from conversations.turkish import fold
from storage import Audit, Connection, Member, NameTaken, Staff

LINK_LASTS = timedelta(minutes=10)

_NAME = re.compile(r"[^\W_](?:[\w .'’-]{0,38}[\w.])?")


@dataclass(frozen=True, slots=True)
class Keys:
    """What somebody signs in with, in the clear: shown once and never kept."""

    password: str = field(repr=False)
    password_hash: str = field(repr=False)
    secret: bytes = field(repr=False)


async def cut_keys(passwords: Passwords, chance: Chance = os.urandom) -> Keys:
    """Make a password and a secret for one-time codes."""
    password = new_password(chance)
    return Keys(password, await passwords.hash(password), new_secret(chance))


def member_name(text: str) -> str:
    """A name as it is kept: NFC, single spaces, at most 40 signs; else raise Declined."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not _NAME.fullmatch(name) or not any(sign.isalpha() for sign in name):
        raise Declined("a name has up to 40 letters, digits, spaces, and . - ' between them")
    if fold(name) == MACHINE:
        raise Declined(f"the name {MACHINE} stands for the command itself in the audit")
    return name


class Personnel:
    """Takes people on, changes what they may do, lets them go. ``who`` is the one who does it."""

    def __init__(self, staff: Staff, audit: Audit, who: str, now: datetime) -> None:
        self._staff = staff
        self._audit = audit
        self._who = who
        self._now = now

    async def add(self, conn: Connection, name: str, role: Role, keys: Keys) -> Member:
        """Take somebody on; raise Declined if the name is taken."""
        hashed, secret = keys.password_hash, keys.secret
        try:
            member = await self._staff.add(conn, name, role, hashed, secret, self._now)
        except NameTaken:
            raise Declined(f"the name {name} is taken, or was once; choose another") from None
        await self._write_down(conn, "staff_add", member, role=role)
        return member

    async def found(self, conn: Connection, name: str) -> Member:
        """Who is called so, of those who are here; else raise Declined."""
        member = await self._staff.find(conn, name)
        if member is None:
            raise Declined(f"nobody here is called {quoted(name)}")
        return member

    async def change_role(self, conn: Connection, name: str, role: Role) -> Member:
        """Let somebody do something else from now on."""
        member = await self.found(conn, name)
        await self._staff.change_role(conn, member, role)
        await self._write_down(conn, "staff_role", member, before=member.role, role=role)
        return Member(member.id, member.name, role, member.address)

    async def reset(self, conn: Connection, name: str, keys: Keys) -> Member:
        """Give somebody new keys; whoever is signed in with the old ones is out."""
        member = await self.found(conn, name)
        await self._staff.renew(conn, member, keys.password_hash, keys.secret)
        await self._write_down(conn, "staff_reset", member)
        return member

    async def dismiss(self, conn: Connection, name: str) -> Member:
        """Somebody leaves."""
        member = await self.found(conn, name)
        await self._staff.dismiss(conn, member, self._now)
        await self._write_down(conn, "staff_leave", member)
        return member

    async def offer_link(
        self, conn: Connection, member: Member, real: datetime, chance: Chance = os.urandom
    ) -> str:
        """A code that links the messenger account from which it is said within ten minutes of
        real time."""
        code = new_link_code(chance)
        await self._staff.offer_link(conn, member, code, real + LINK_LASTS)
        await self._write_down(conn, "staff_link_code", member)
        return code

    async def _write_down(self, conn: Connection, act: str, member: Member, **detail: str) -> None:
        await self._audit.add(conn, self._who, act, member.subject, self._now, **detail)
