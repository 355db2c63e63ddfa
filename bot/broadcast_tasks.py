"""What ``hesbot broadcast`` does: a part of the composition root, as ``tasks`` is.

Only the command imports this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import clock, wall
from bot.notices.conductor import COST
from bot.notices.drafting import Bubble, bubbles, drafted
from bot.notices.exporting import export
from bot.notices.planning import Count, counted, selection_of
from bot.notices.progress import Progress, progress
from bot.outbound import channels, limits
from bot.records import Records, open_records
from bot.settings import Settings
from bot.staff.acting import acting
from bot.wording import Wording
from conversations.broadcasts import RIGHTS, Act, Audience, Refusal, Role, Stage
from storage import Broadcast, Connection, Draft, Member, campaigns
from storage.broadcasts import Broadcasts

SAMPLED = timedelta(minutes=2)
"""How far back speeds can be asked for."""
LOOK = timedelta(seconds=1)
"""From one look at a broadcast to the next."""
ENDED = frozenset({Stage.FINISHED, Stage.CANCELLED})


@dataclass(frozen=True, slots=True)
class Written:
    """What an author ordered: ``texts`` and ``templates`` are by language."""

    texts: Mapping[str, str]
    audience: Audience
    title: str
    templates: Mapping[str, str]
    urgent: bool
    resend_unknown: bool
    failure_limit: float
    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A broadcast as it will be seen, and by whom."""

    broadcast: Broadcast
    bubbles: list[Bubble]
    count: Count


@dataclass(frozen=True, slots=True)
class Standing:
    """A broadcast and how far it is."""

    broadcast: Broadcast
    progress: Progress


# --- writing --------------------------------------------------------------------------------


async def create(settings: Settings, by: str, written: Written) -> Broadcast:
    """A new draft. Raise Invalid, Refusal, Declined."""
    draft = _draft(settings, written)
    async with _at_work(settings, by, Act.WRITE) as work:
        return await work.broadcasts.create(work.conn, work.member, draft, work.now)


async def rewrite(
    settings: Settings, by: str, id: int, written: Written, version: int | None
) -> Broadcast:
    """Another draft in the place of the one there is, which has that version if one is given."""
    draft = _draft(settings, written)
    async with _at_work(settings, by, Act.WRITE) as work:
        found = await work.broadcasts.get(work.conn, id)
        expected = found.version if version is None else version
        return await work.broadcasts.write(work.conn, work.member, id, expected, draft, work.now)


def _draft(settings: Settings, written: Written) -> Draft:
    at = written.starts_at
    if at is not None and at <= clock(settings.hesbot_now)():
        raise Refusal("past")
    return drafted(
        written.texts,
        written.audience,
        Wording.load().locales,
        title=written.title,
        templates=written.templates,
        urgent=written.urgent,
        resend_unknown=written.resend_unknown,
        failure_limit=written.failure_limit,
        starts_at=at,
    )


# --- moving on ------------------------------------------------------------------------------


async def submit(settings: Settings, by: str, id: int, version: int | None) -> Broadcast:
    """Ask for approval."""
    async with _at_work(settings, by, Act.SUBMIT) as work:
        return await work.broadcasts.submit(work.conn, work.member, id, work.now, version)


async def approve(settings: Settings, by: str, id: int, version: int | None) -> Broadcast:
    """Approve what was looked at."""
    async with _at_work(settings, by, Act.APPROVE) as work:
        return await work.broadcasts.approve(work.conn, work.member, id, work.now, version)


async def give_back(settings: Settings, by: str, id: int, why: str) -> Broadcast:
    """Return it to its author."""
    async with _at_work(settings, by, Act.GIVE_BACK) as work:
        return await work.broadcasts.give_back(work.conn, work.member, id, work.now, why)


async def start(settings: Settings, by: str, id: int, at: datetime | None) -> Broadcast:
    """Let it run, or at that moment."""
    async with _at_work(settings, by, Act.START) as work:
        return await work.broadcasts.start(work.conn, work.member, id, work.now, wall(), at)


async def pause(settings: Settings, by: str, id: int) -> Broadcast:
    """Stop it for a while."""
    async with _at_work(settings, by, Act.PAUSE) as work:
        return await work.broadcasts.pause(work.conn, work.member, id, work.now)


async def resume(settings: Settings, by: str, id: int) -> Broadcast:
    """Go on with it."""
    async with _at_work(settings, by, Act.RESUME) as work:
        return await work.broadcasts.resume(work.conn, work.member, id, work.now, wall())


async def cancel(settings: Settings, by: str, id: int) -> Broadcast:
    """End it for good."""
    async with _at_work(settings, by, Act.CANCEL) as work:
        return await work.broadcasts.cancel(work.conn, work.member, id, work.now)


async def retry(settings: Settings, by: str, id: int, unknown: bool) -> tuple[Broadcast, int]:
    """Send again what failed; to how many."""
    async with _at_work(settings, by, Act.RETRY) as work:
        return await work.broadcasts.retry(
            work.conn, work.member, id, work.now, wall(), unknown=unknown
        )


async def test(settings: Settings, by: str, id: int) -> Broadcast:
    """Send it to the member's own account."""
    async with _at_work(settings, by, Act.TEST) as work:
        ledger = work.records.ledger
        await work.broadcasts.test(work.conn, work.member, id, work.now, ledger)
        return await work.broadcasts.get(work.conn, id)


@dataclass(frozen=True, slots=True)
class _Work:
    """An act under way: its transaction, who does it, and when."""

    records: Records
    conn: Connection
    member: Member
    now: datetime

    @property
    def broadcasts(self) -> Broadcasts:
        return self.records.broadcasts


@asynccontextmanager
async def _at_work(settings: Settings, by: str, act: Act) -> AsyncIterator[_Work]:
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.begin() as conn,
    ):
        member = await acting(conn, records.staff, by, RIGHTS[act])
        yield _Work(records, conn, member, clock(settings.hesbot_now)())


# --- looking --------------------------------------------------------------------------------


async def newest(
    settings: Settings, stages: tuple[Stage, ...], limit: int, before: int | None
) -> list[Broadcast]:
    """Those in these stages, newest first."""
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.read() as conn,
    ):
        return await records.broadcasts.newest(conn, stages or tuple(Stage), limit, before)


async def preview(settings: Settings, id: int, told: Callable[[int, int], object]) -> Preview:
    """How it will look, and whom it would reach now; ``told`` how far the counting is."""
    wording = Wording.load()
    now = clock(settings.hesbot_now)()
    async with open_records(settings, new_keys=False) as records:
        async with records.database.read() as conn:
            found = await records.broadcasts.get(conn, id)
        shown = bubbles(found.draft, wording, now, settings.pairing_deadline)
        selection = selection_of(found.draft, channels(settings), now, found.as_of)
        return Preview(found, shown, await counted(records.database, selection, told))


async def standing(
    settings: Settings, id: int, watch: Callable[[Standing], object] | None = None
) -> Standing:
    """How it stands. With ``watch``, which is told again and again, how it stands in the end."""
    now = clock(settings.hesbot_now)
    async with open_records(settings, new_keys=False) as records:
        while True:
            began = wall()
            found = await _stand(records, settings, id, now())
            if watch is None:
                return found
            watch(found)
            if found.broadcast.stage in ENDED:
                return found
            pause = max(LOOK, (wall() - began) * COST)
            await asyncio.sleep(pause.total_seconds())


async def _stand(records: Records, settings: Settings, id: int, now: datetime) -> Standing:
    real = wall()
    async with records.database.read() as conn:
        found = await records.broadcasts.get(conn, id)
        outcomes = await campaigns.outcomes(conn, id)
        samples = await campaigns.samples_since(conn, id, real - SAMPLED)
    return Standing(found, progress(found, outcomes, samples, limits(settings), now, real))


async def export_recipients(
    settings: Settings,
    by: str,
    id: int,
    write: Callable[[str], object],
    told: Callable[[int, int], object],
) -> int:
    """List to whom it goes, masked; how many. That it was asked for is on the audit before."""
    async with open_records(settings, new_keys=False) as records:
        async with records.database.begin() as conn:
            member = await acting(conn, records.staff, by, tuple(Role))
            found = await records.broadcasts.get(conn, id)
            now = clock(settings.hesbot_now)()
            detail = {"stage": str(found.stage), "version": found.version}
            await records.audit.add(
                conn, member.name, "broadcast.export", f"broadcast:{id}", now, **detail
            )
        return await export(records.database, records.vault, id, write, told)
