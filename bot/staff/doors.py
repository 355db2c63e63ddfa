"""The doors of the console: who is let in, for how long, and what is written down of it.

Whoever is refused does not learn what was wrong, neither from the words nor from the time it takes,
nor whether anybody has the name. Nothing is hashed inside a transaction.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.clock import Clock, wall
from bot.staff.brake import CLIENTS, NAMES, Brake
from bot.staff.secrets import Chance, Passwords, matching_step, new_secret, new_token
from conversations.broadcasts import Role
from conversations.turkish import fold
from storage import Audit, Connection, Database, Member, Staff, visits
from storage.staff import Credentials

IDLE = timedelta(minutes=30)
"""A visit ends when nothing was done for so long."""
LONGEST = timedelta(hours=12)
"""And after so long in any case."""
NOTICED = timedelta(minutes=1)
"""How exactly it is known when something was done."""


class Refused(Exception):
    """Name, password and one-time code do not belong together."""


class LockedOut(Refused):
    """There were too many failures; nobody is let in under this name, or from there, before
    ``until``."""

    def __init__(self, until: datetime) -> None:
        super().__init__("too many failures")
        self.until = until


@dataclass(frozen=True, slots=True)
class _Proof:
    """What somebody showed: whether the password fits, the step of the code, the hash to keep."""

    fits: bool
    step: int | None
    kept: str = field(repr=False)

    def fault(self, used: int) -> str | None:
        """What is wrong with it, where the code of the step ``used`` was the last to open."""
        if not self.fits:
            return "password"
        if self.step is None:
            return "code"
        return None if self.step > used else "used_code"


_NOBODY = Member(0, "-", Role.AUDITOR, None)
"""For what is tried under a name that nobody has. The name itself is not kept: people type their
password there."""


class Doors:
    """Lets people in and out.

    ``now`` is the time that goes into the audit. Codes, visits and locks run in real time, that is
    ``real``, for an authenticator and a browser know no other.
    """

    def __init__(
        self,
        database: Database,
        staff: Staff,
        audit: Audit,
        passwords: Passwords,
        now: Clock,
        *,
        real: Clock = wall,
        chance: Chance = os.urandom,
    ) -> None:
        self._database = database
        self._staff = staff
        self._audit = audit
        self._passwords = passwords
        self._now = now
        self._real = real
        self._chance = chance
        self._clients = Brake(CLIENTS)
        self._strangers = Brake(NAMES)

    async def enter(self, name: str, password: str, code: str, client: str = "") -> str:
        """Let somebody in; the token for their cookie. ``client`` is where they call from.

        Raise Refused or LockedOut.
        """
        if until := self._clients.locked_until(client, self._real()):
            raise LockedOut(until)
        async with self._database.read() as conn:
            known = await self._staff.credentials(conn, name)
        if until := self._locked_until(name, known):
            raise LockedOut(until)
        proof = await self._examine(known, password, code)
        token = new_token(self._chance)
        async with self._database.begin() as conn:
            refusal = await self._settle(conn, name, known, proof, token)
        if refusal is not None:
            if client:
                self._clients.fail(client, self._real())
            raise refusal
        self._clients.forgive(client)
        return token

    async def who(self, token: str, *, seen: bool = True) -> Member | None:
        """Who is signed in with this token. ``seen``: they did something just now, which keeps
        their visit alive; a page that stands open does not."""
        async with self._database.read() as conn:
            visit = await visits.find(conn, token)
        now = self._real()
        if visit is None or visit.ends_at <= now or visit.seen_at + IDLE <= now:
            return None
        if seen and visit.seen_at + NOTICED <= now:
            async with self._database.begin() as conn:
                await visits.see(conn, token, now)
        return visit.member

    async def leave(self, token: str) -> None:
        """They go; the token opens nothing more."""
        async with self._database.begin() as conn:
            visit = await visits.find(conn, token)
            if visit is not None:
                await visits.end(conn, token)
                await self._write_down(conn, "sign_out", visit.member)

    def _locked_until(self, name: str, known: Credentials | None) -> datetime | None:
        now = self._real()
        if known is None:
            return self._strangers.locked_until(fold(name), now)
        until = known.locked_until
        return until if until is not None and until > now else None

    async def _examine(self, known: Credentials | None, password: str, code: str) -> _Proof:
        fits = await self._passwords.fits(password, known.password if known else None)
        secret = known.secret if known else new_secret(self._chance)
        step = matching_step(secret, code, self._real())
        if known is None or not fits or step is None:
            return _Proof(fits, step, "")
        return _Proof(fits, step, await self._passwords.renewed(password, known.password))

    async def _settle(
        self,
        conn: Connection,
        name: str,
        known: Credentials | None,
        proof: _Proof,
        token: str,
    ) -> Refused | None:
        """Let them in or not. Others may have tried meanwhile: what is on record now counts."""
        held = await self._staff.credentials(conn, name, hold=True)
        if until := self._locked_until(name, held):
            return LockedOut(until)
        same = held is not None and known is not None and held.password == known.password
        if held is None or not same or proof.fault(held.step):
            return await self._turn_away(conn, name, held, proof)
        await self._let_in(conn, held.member, proof, token)
        return None

    async def _let_in(self, conn: Connection, member: Member, proof: _Proof, token: str) -> None:
        now = self._real()
        await visits.clear(conn, now, now - IDLE)
        await visits.begin(conn, token, member, now, now + LONGEST)
        await self._staff.keep_success(conn, member, proof.step or 0, proof.kept)
        await self._write_down(conn, "sign_in", member)

    async def _turn_away(
        self, conn: Connection, name: str, held: Credentials | None, proof: _Proof
    ) -> Refused:
        now = self._real()
        if held is None:
            failures, until = 0, self._strangers.fail(fold(name), now)
        else:
            failures = held.failures + 1
            until = NAMES.locked_until(failures, now)
        member = held.member if held else _NOBODY
        # Nobody's row is changed as anybody's, so that it takes as long.
        await self._staff.keep_failure(conn, member, failures, until)
        fault = proof.fault(held.step) if held else "name"
        await self._write_down(conn, "sign_in_refused", member, fault=fault or "changed")
        if until is None:
            return Refused()
        await self._write_down(conn, "lock_out", member, until=until.isoformat())
        return LockedOut(until)

    async def _write_down(self, conn: Connection, act: str, member: Member, **detail: str) -> None:
        await self._audit.add(conn, member.name, act, member.subject, self._now(), **detail)
