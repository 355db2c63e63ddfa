"""Doors on a real database, with hashes that cost little."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher

from bot.staff.doors import Doors
from bot.staff.secrets import Passwords, secret_text
from conversations.broadcasts import Role
from storage import Audit, AuditEntry, Database, KeyRing, Member, Staff, Vault
from tests.fakes.clock import Clock

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NAME, PASSWORD, SECRET = "Ayşe Yılmaz", "kuzu-7nar-b3te-9yol", b"twenty bytes exactly"


@dataclass(frozen=True, slots=True)
class House:
    """The doors, somebody who may pass them, and the clock on the wall."""

    database: Database
    staff: Staff
    audit: Audit
    passwords: Passwords
    clock: Clock
    doors: Doors
    member: Member

    def code(self, at: datetime | None = None) -> str:
        """What the member's authenticator shows."""
        return pyotp.TOTP(secret_text(SECRET)).at(at or self.clock.now)

    async def enter(self, name: str = NAME, password: str = PASSWORD, **more: Any) -> str:
        """Sign in, with the right code if none is given."""
        code = more.pop("code", None) or self.code()
        return await self.doors.enter(name, password, code, **more)

    async def written(self) -> list[AuditEntry]:
        """What is in the audit, oldest first."""
        async with self.database.read() as conn:
            return (await self.audit.entries(conn))[::-1]

    async def acts(self) -> list[str]:
        """What was done, oldest first."""
        return [each.act for each in await self.written()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house with one member."""
    database = await Database.open(f"sqlite:///{tmp_path / 'records.sqlite3'}")
    vault, clock, passwords = Vault(KeyRing.new()), Clock(), Passwords(CHEAP)
    staff, audit = Staff(vault), Audit(vault)
    async with database.begin() as conn:
        member = await staff.add(conn, NAME, Role.AUTHOR, CHEAP.hash(PASSWORD), SECRET, clock.now)
    doors = Doors(database, staff, audit, passwords, clock, real=clock)
    yield House(database, staff, audit, passwords, clock, doors, member)
    await database.close()
