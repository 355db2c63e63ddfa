"""Receives files, takes them in one of a kind at a time, and writes down who handed in what.

What runs goes on whoever leaves the page, and ends with the server: what was taken stays, and the
same file again goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.clock import Clock
from bot.feeds import intakes
from bot.feeds.folder import BAD_KEPT, Folder
from bot.feeds.intakes import Intake
from bot.feeds.receiving import Upload
from bot.feeds.values import LARGEST, MEGABYTE, Bad, End, Kind, Past, Refused, Run
from bot.telemetry import FAULTS, place_of
from storage import Audit, AuditEntry, Database, Unavailable

log = logging.getLogger("hesbot.feeds")

RESERVE, TIMES = 512 * MEGABYTE, 4
"""What must be left free beside a file, in bytes and in times its size: sorted and written, cards
take more room than their list."""
LOOKED_THROUGH = 40
"""Rows of the audit that are read for each kind."""
_UNCOUNTED = frozenset({"state", "why", "size", "sha256"})


def act(kind: Kind) -> str:
    """What the audit calls it."""
    return f"feed.{kind}"


def subject(kind: Kind) -> str:
    """What the audit says it was done to."""
    return f"feed:{kind}"


class Feeds:
    """The files of both kinds, those that are being taken in and those that were.

    ``moves`` grows whenever one begins or ends here.
    """

    def __init__(
        self,
        folder: Folder,
        intakes: Mapping[Kind, Intake],
        database: Database,
        audit: Audit,
        now: Clock,
    ) -> None:
        self._folder = folder
        self._intakes = intakes
        self._database = database
        self._audit = audit
        self._now = now
        self.moves = 0
        self._runs: dict[Kind, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Files may be handed in meanwhile. What still runs at the end is stopped."""
        await asyncio.to_thread(self._folder.sweep)
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- a file ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def receiving(self, kind: Kind, announced: int) -> AsyncIterator[Upload]:
        """A place for a file of that kind, which is to have so many bytes; it is removed at the
        end unless it is taken in. Raise Refused, OSError."""
        if announced > LARGEST[kind]:
            raise Refused("too_large")
        place = self._folder.lease(kind)
        if place is None:
            raise Refused("busy")
        try:
            if self._folder.room() < announced * TIMES + RESERVE:
                raise Refused("no_room")
            upload = Upload(kind, place, LARGEST[kind])
        except BaseException:
            place.release()
            raise
        try:
            yield upload
        finally:
            upload.drop()

    async def take(self, upload: Upload, who: str) -> None:
        """Take a file in, from now on by itself. Raise Refused, OSError, Unavailable."""
        await upload.end()
        run = Run(upload.kind, who, self._now(), upload.size, upload.sha256)
        await self._write_down(run, End.BEGUN)
        upload.taken = True
        self._runs[run.kind] = run
        self.moves += 1
        task = asyncio.create_task(self._run(run, upload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, run: Run, upload: Upload) -> None:
        try:
            end, why, counts = await self._taken(run, upload.place.path)
        except asyncio.CancelledError:
            await self._end(run, End.STOPPED, "", {})
            raise
        else:
            await self._end(run, end, why, counts)
        finally:
            upload.place.release()
            del self._runs[run.kind]
            self.moves += 1
            # The loop may be closed by then; what stays is removed at the next start.
            loop = asyncio.get_running_loop()
            loop.call_later(BAD_KEPT.total_seconds() + 1, self._folder.forget, run.kind)

    async def _taken(self, run: Run, path: Path) -> tuple[End, str, Mapping[str, int]]:
        def report(share: float) -> None:
            run.share = share

        try:
            return End.DONE, "", await self._intakes[run.kind](path, report)
        except Refused as refused:
            return End.REFUSED, refused.why, {}
        except Unavailable:
            return End.BROKEN, "unavailable", {}
        except Exception as error:
            FAULTS.labels("feeds").inc()
            log.error("file not taken in", extra={"kind": str(run.kind), "error": place_of(error)})
            return End.BROKEN, "fault", {}

    async def _end(self, run: Run, end: End, why: str, counts: Mapping[str, int]) -> None:
        try:
            await self._write_down(run, end, **({"why": why} if why else {}), **counts)
        except Unavailable as error:
            FAULTS.labels("feeds").inc()
            log.error("end not written", extra={"kind": str(run.kind), "error": place_of(error)})

    async def _write_down(self, run: Run, end: End, **detail: Any) -> None:
        known: dict[str, Any] = {"state": str(end), "size": run.size, "sha256": run.sha256}
        async with self._database.begin() as conn:
            what, which = act(run.kind), subject(run.kind)
            await self._audit.add(conn, run.who, what, which, self._now(), **known, **detail)

    # --- what is known of them ------------------------------------------------------------------

    def running(self, kind: Kind) -> Run | None:
        """What is being taken in here just now."""
        return self._runs.get(kind)

    async def past(self) -> list[Past]:
        """What was handed in lately, newest first, also what is still being taken in."""
        found = []
        async with self._database.read() as conn:
            for kind in Kind:
                rows = await self._audit.entries(conn, subject=subject(kind), limit=LOOKED_THROUGH)
                found += _past(kind, [each for each in rows if each.act == act(kind)])
        return sorted(found, key=lambda each: each.began_at, reverse=True)

    async def bad(self, kind: Kind) -> list[Bad]:
        """The first lines of the newest file that could not be taken, as long as they are kept."""
        if kind in self._runs:
            return []
        return await asyncio.to_thread(intakes.told, kind, self._folder.bad_file(kind))

    async def fetch_bad(self, kind: Kind, who: str) -> Path | None:
        """The file of those lines, whole, for somebody who is on record by then."""
        path = self._folder.bad_file(kind)
        if kind in self._runs or not path.exists():
            return None
        async with self._database.begin() as conn:
            await self._audit.add(conn, who, "feed.bad_lines", subject(kind), self._now())
        return path


def _past(kind: Kind, rows: list[AuditEntry]) -> list[Past]:
    """Rows of one kind, newest first, each end joined with its beginning."""
    found: list[Past] = []
    ends: dict[object, AuditEntry] = {}
    for each in rows:
        detail = each.detail or {}
        if detail.get("state") != End.BEGUN:
            ends[detail.get("sha256")] = each
            continue
        end = ends.pop(detail.get("sha256"), None)
        found.append(_joined(kind, each, end))
    return found


def _joined(kind: Kind, begun: AuditEntry, ended: AuditEntry | None) -> Past:
    detail = (ended or begun).detail or {}
    return Past(
        kind,
        begun.who,
        begun.at,
        None if ended is None else ended.at,
        int(detail.get("size", 0)),
        End(detail.get("state", End.BEGUN)),
        str(detail.get("why", "")),
        {name: count for name, count in detail.items() if name not in _UNCOUNTED},
    )
