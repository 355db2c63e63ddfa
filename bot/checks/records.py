"""The keys, the database and what waits in it. Nothing is made, brought up or changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from bot.checks.findings import Finding, fail, ok, warn
from bot.clock import Clock
from bot.keys import GivenRing, KeyFile, key_source
from bot.mending import advice
from bot.settings import Settings, SettingsError
from storage import Database, KeyRing, Unavailable, UnusableKeys, Vault, checkup, migrations
from storage.admission import LOST, examine, is_sealed
from storage.retention import TERMS
from storage.seclusion import look
from storage.tallies import waiting

OLDEST_SERVER = 120_000
"""The oldest PostgreSQL that is served."""
APART, TOO_FAR_APART = 2.0, 30.0
"""Seconds that our clock and the server's may differ."""
LATE, TOO_LATE = 60.0, 600.0
"""Seconds that a suspension may wait to go out."""
FORGOTTEN = TERMS["inbox"].kept + timedelta(days=1)
"""No message is older where the timetable is kept."""
MESSENGERS = ("telegram", "whatsapp")


class Examination:
    """Looks at the keys and the database of the settings; ``real`` is the real clock."""

    def __init__(self, settings: Settings, real: Clock) -> None:
        self._settings = settings
        self._real = real
        self._ring: KeyRing | None = None

    async def findings(self) -> AsyncIterator[Finding]:
        """Everything about them, as far as one thing can be seen without the other."""
        yield await self._keys()
        async with self._opened() as database:
            if database is None:
                yield warn("database", "nothing is on record yet", "it is made at the first start")
                return
            try:
                async for finding in self._database(database):
                    yield finding
            except Unavailable as error:
                yield fail("database", _why(error), "see that it runs and can be reached")

    async def _keys(self) -> Finding:
        try:
            source = key_source(self._settings)
            if isinstance(source, KeyFile) and not source.path.exists():
                found = f"{source.path} is not there"
                if source.named:
                    return fail("keys", found, "put a copy back, or: hesbot keys new")
                return warn("keys", found, "the first start makes it, or: hesbot keys new")
            self._ring = await asyncio.to_thread(source.read)
        except (UnusableKeys, SettingsError) as error:
            return fail("keys", str(error), "put the ring back from its copy, or mend the setting")
        if isinstance(source, KeyFile):
            return ok("keys", f"{source.path} is readable, and by nobody else")
        return ok("keys", "in HESBOT_KEYS" if isinstance(source, GivenRing) else "by the command")

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Database | None]:
        if self._settings.fresh:
            yield None
            return
        database = Database.as_it_is(
            self._settings.database_url, home=self._settings.hesbot_home, must_exist=True
        )
        try:
            yield database
        finally:
            await database.close()

    async def _database(self, database: Database) -> AsyncIterator[Finding]:
        seen = await look(database)
        if seen.revision is None:
            found = "it has tables of something else" if seen.has_tables else "it is empty"
            yield (fail if seen.has_tables else warn)(
                "database", found, "name another" if seen.has_tables else "the first start fills it"
            )
            return
        if seen.revision == migrations.HEAD:
            yield ok("database", f"reachable, at revision {seen.revision}")
        else:
            found = f"at revision {seen.revision}, not {migrations.HEAD}"
            yield fail("database", found, "run: hesbot db upgrade, or the version that made it")
            return
        yield await self._writable(database)
        yield await self._matching(database)
        kind = self._server if database.dialect == "postgresql" else self._file
        async for finding in kind(database):
            yield finding
        async for finding in self._queue(database):
            yield finding

    async def _writable(self, database: Database) -> Finding:
        try:
            await database.ping()
        except Unavailable as error:
            return fail("writing", _why(error), "somebody holds it, it is full, or read-only")
        return ok("writing", "something was written within a second")

    async def _matching(self, database: Database) -> Finding:
        if self._ring is None:
            if await is_sealed(database):
                return fail("keys and database", "there are records, and no keys", LOST)
            return warn("keys and database", "neither keys nor records are there", "see: keys")
        try:
            await examine(database, Vault(self._ring))
        except UnusableKeys as error:
            return fail("keys and database", str(error), "nothing starts until they fit")
        return ok("keys and database", "they belong together")

    async def _file(self, database: Database) -> AsyncIterator[Finding]:
        async with database.read() as conn:
            mode = await checkup.file_mode(conn)
        words = f"journal {mode.journal.upper()}, synchronous {mode.synchronous}"
        if (mode.journal, mode.synchronous) == ("wal", "FULL"):
            yield ok("safety", words)
        else:
            yield fail("safety", words, "the disk allows no WAL: put the file on a local one")

    async def _server(self, database: Database) -> AsyncIterator[Finding]:
        before = self._real()
        async with database.read() as conn:
            server = await checkup.server(conn)
        now = before + (self._real() - before) / 2
        if server.number < OLDEST_SERVER:
            yield fail("server", f"PostgreSQL {server.version}", "12 or newer is wanted")
        else:
            yield ok("server", f"PostgreSQL {server.version}")
        yield _connections(server.connections, server.taken)
        yield _apart((server.now - now).total_seconds())

    async def _queue(self, database: Database) -> AsyncIterator[Finding]:
        now = self._real() if self._settings.hesbot_now is None else self._settings.hesbot_now
        async with database.read() as conn:
            found = {each: await waiting(conn, each, now) for each in MESSENGERS}
            held = await checkup.held(conn)
            oldest = await checkup.oldest_message(conn)
        for name, (due, late) in found.items():
            yield _lateness(f"queue of {name}", due, late)
        if held:
            advice_ = "see “Held because of” in docs/operations.md"
            yield warn("held deliveries", f"{held} wait for you", advice_)
        yield _timetable(now, oldest)


def _connections(most: int, taken: int) -> Finding:
    words = f"{most} for users, {taken} taken now; a process takes up to {checkup.DEMAND}"
    if most < 2 * (checkup.DEMAND + 4):
        return warn("connections", words, "raise max_connections before a second process")
    if taken > 0.9 * most:
        return warn("connections", words, "raise max_connections, or see who takes them")
    return ok("connections", words)


def _apart(seconds: float) -> Finding:
    words = f"the server's is {abs(seconds):.1f} seconds {'ahead' if seconds > 0 else 'behind'}"
    if abs(seconds) >= TOO_FAR_APART:
        return fail("clocks", words, "set both by NTP: leases and limits go by them")
    if abs(seconds) >= APART:
        return warn("clocks", words, "set both by NTP")
    return ok("clocks", words)


def _lateness(name: str, due: int, late: float) -> Finding:
    words = f"{due} due, the oldest suspension for {late:.0f} seconds"
    if late >= TOO_LATE:
        return fail(name, words, "see that a worker runs, and what its log says of the messenger")
    if late >= LATE:
        return warn(name, words, "see that a worker runs")
    return ok(name, words)


def _timetable(now: datetime, oldest: datetime | None) -> Finding:
    if oldest is not None and oldest < now - FORGOTTEN:
        found = f"messages of {oldest:%Y-%m-%d} are kept still"
        return fail("timetable", found, "nobody keeps it: start hesbot run or hesbot worker")
    return ok("timetable", "what is to be forgotten is")


def _why(error: BaseException) -> str:
    return advice(error) or str(error)
