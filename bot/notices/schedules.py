"""The timetable at work: every pass as a DBOS workflow, each page of it a step.

A round's name is its workflow's, and DBOS keeps names unique: of several workers one does it. A
killed worker's rounds go on behind their last finished step, at its restart or, when nothing has
moved for a while, with another worker. What DBOS keeps is names, dates, positions and counts.

DBOS lives in threads of its own; the steps come back to our event loop for their work. Its own
times are the real ones, so which round is due is decided here, by our clock.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetWorkflowID,
    WorkflowStatus,
    WorkflowStatusString,
)

from bot.clock import Clock, wall
from bot.notices.rounds import MOST_MISSES, Round, due, task_of
from bot.notices.steps import Steps, Stopped, Work
from bot.patience import AWAITED, patiently
from bot.settings import WORKFLOWS_FILE
from bot.stopping import CALLS, Stop
from bot.telemetry import FAULTS, place_of
from storage import Unavailable
from storage.postgresql import EVERY, PROBES, SILENCE, UNHEARD

log = logging.getLogger("hesbot.schedules")

FORMAT = "1"
"""Of the workflows. A round is only ever continued by code that has the same steps."""

TICK = 1.0
"""Seconds from one look at the clock to the next."""
TIDY = 20.0
"""Seconds from one look for forsaken and for old rounds to the next."""
FORSAKEN = timedelta(minutes=5)
"""How long a round stands still until another worker takes it over; no step lasts that long."""
BEGINNING = timedelta(seconds=5)
"""How long a round of our own may take from its row to its first step."""
KEPT = timedelta(days=2)
"""How long finished rounds are remembered: longer than any period."""
CLEARED_AT_ONCE = 500
CONNECTIONS = 4
"""DBOS's own at most, besides those of the records; it keeps those that it has needed once."""
_LINE = {
    "application_name": "hesbot-schedules",
    "connect_timeout": 5,
    # As for the records' connections: a line that was cut is noticed, though nobody hangs up.
    "keepalives_idle": SILENCE,
    "keepalives_interval": EVERY,
    "keepalives_count": PROBES,
    "tcp_user_timeout": UNHEARD,
}
"""How DBOS's connections are made, in libpq's words."""


@asynccontextmanager
async def schedules(
    work: Work,
    clock: Clock,
    name: str,
    home: Path,
    database_url: str | None,
    *,
    tick: float = TICK,
    mark: str | None = None,
    rest: float = 0.0,
    stop: Stop | None = None,
) -> AsyncIterator[None]:
    """Keep the timetable while the block runs. Raise Unavailable if that cannot begin.

    One block at a time in a process: DBOS is a singleton. ``name`` is this worker's, ``home`` the
    folder for DBOS's own rows where the records are not on a server. ``mark`` tells the rounds of
    this clock from those of another one that told the same times. ``rest`` as for ``Steps``.
    It ends with the block, or when ``stop`` begins.
    """
    stop = stop or Stop()
    keeper = _Keeper(Steps(work, clock, rest), name, tick, _mark(clock) if mark is None else mark)
    config = _config(name, home, database_url)
    on_server = not str(config["system_database_url"]).startswith("sqlite")
    await patiently(lambda: keeper.start(config), AWAITED if on_server else 0.0)
    ending = asyncio.create_task(keeper.stop_when(stop))
    try:
        yield
    finally:
        stop.begin()
        await asyncio.shield(ending)


# --- where DBOS keeps its rows ---------------------------------------------------------------


def _mark(clock: Clock) -> str:
    """A pinned clock tells the same day again at every start; its rounds are then not done yet."""
    pinned = abs(clock() - wall()) > timedelta(minutes=1)
    return f"@{wall():%Y-%m-%dT%H:%M}" if pinned else ""


def _config(name: str, home: Path, database_url: str | None) -> DBOSConfig:
    address = _address(home, database_url)
    return DBOSConfig(
        name="hesbot",
        system_database_url=address,
        sys_db_pool_size=CONNECTIONS,
        db_engine_kwargs={} if address.startswith("sqlite") else {"connect_args": dict(_LINE)},
        executor_id=name,
        application_version=FORMAT,
        # Plain JSON can be looked through for what must not be there; a pickle cannot.
        serializer=DBOSPortableJSONSerializer(),
        use_listen_notify=False,
        # Nothing here waits for DBOS's own events, so this is only how soon its thread ends.
        notification_listener_polling_interval_sec=0.1,
        log_level="ERROR",
    )


def _address(home: Path, database_url: str | None) -> str:
    """PostgreSQL's address as libpq writes it; asyncpg says ``ssl`` for ``sslmode``."""
    if not database_url or database_url.startswith("sqlite"):
        return f"sqlite:///{home / WORKFLOWS_FILE}"
    parts = urlsplit(database_url)
    query = [
        ("sslmode" if key == "ssl" else key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    address = parts._replace(scheme="postgresql", query=urlencode(query, safe="/"))
    return address.geturl()


# --- rounds ---------------------------------------------------------------------------------

Flow = Callable[[str, str], int]


def _workflow(steps: Steps) -> Flow:
    """A round as a workflow, which gives how many it concerned."""

    @DBOS.workflow(name="round", max_recovery_attempts=None)
    def flow(what: str, began: str) -> int:
        after: int | None = 0
        total = misses = 0
        with steps.running(what):
            while after is not None and misses < MOST_MISSES:
                page = _step(steps, what, began, after)
                after, total = page[0], total + page[1]
                misses = misses + 1 if page[2] else 0
        return total

    return flow


def _step(steps: Steps, what: str, began: str, after: int) -> list[Any]:
    try:
        return DBOS.run_step({"name": what}, steps.take, what, began, after)
    except Exception as error:
        # The work itself never fails, so it is DBOS's database. Called an error, the round would
        # be over; left open, it goes on when the database is there again.
        _report(error)
        raise Stopped from None


# --- keeping time ---------------------------------------------------------------------------


class _Keeper:
    """Starts the rounds that are due, in a thread that has DBOS to itself."""

    def __init__(self, steps: Steps, name: str, tick: float, mark: str) -> None:
        self._steps = steps
        self._name = name
        self._tick = tick
        self._mark = mark
        self._flow = _workflow(steps)
        self._begun: dict[str, str] = {}
        self._stopping = threading.Event()

    async def start(self, config: DBOSConfig) -> None:
        """Open DBOS and begin. Raise Unavailable if it cannot be opened."""
        # With a handler of its own DBOS would print; without, our log has it.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        try:
            await _in_thread(lambda: _launch(config), "launch")
        except Exception as error:
            await _in_thread(_destroy, "destroy")
            raise Unavailable("the schedules' database cannot be opened") from error
        self._ended = _spawn(self._keep_time, "timetable")

    async def stop_when(self, stop: Stop) -> None:
        """End at the word; rounds that are under way stay open for the next start."""
        await stop.told()
        self._stopping.set()
        self._steps.stop()
        try:
            async with asyncio.timeout(stop.left(CALLS)):
                await self._ended
                await _in_thread(_destroy, "destroy")
        except TimeoutError:
            log.warning("the timetable did not end in time; left without it")

    def _keep_time(self) -> None:
        for number in count():
            _carefully(self._begin_rounds)
            _carefully(self._begin_wanted)
            if number % max(round(TIDY / self._tick), 1) == 0:
                _carefully(self._take_over)
                _carefully(_clear)
            if self._stopping.wait(self._tick):
                return

    def _begin_rounds(self) -> None:
        now = self._steps.clock()
        for each in due(now, self._steps.work.deadline):
            if each.what in self._steps.work.offered and self._is_new(each):
                self._begin(each, now)

    def _begin_wanted(self) -> None:
        for each in self._steps.wanted():
            if self._is_new(each):
                self._begin(each, self._steps.clock())

    def _is_new(self, each: Round) -> bool:
        return self._begun.get(each.task) != each.period and not self._steps.is_running(each.task)

    def _begin(self, each: Round, now: datetime) -> None:
        with SetWorkflowID(f"{each.name}{self._mark}"):
            DBOS.start_workflow(self._flow, each.task, now.isoformat())
        self._begun[each.task] = each.period

    def _take_over(self) -> None:
        """Go on with what stands still: another worker's that seems to be no more, or our own that
        ended with DBOS's database."""
        open_rounds = DBOS.list_workflows(
            status=WorkflowStatusString.PENDING.value,
            app_version=FORMAT,
            load_input=False,
            load_output=False,
        )
        for each in open_rounds:
            if self._stands_still(each):
                DBOS.resume_workflow(each.workflow_id)

    def _stands_still(self, round_: WorkflowStatus) -> bool:
        """Others may be at it; of our own we know."""
        what = task_of(round_.workflow_id)
        ours = round_.executor_id == self._name
        if ours and self._steps.is_running(what):
            return False
        return _moved_at(round_) < wall() - (BEGINNING if ours else FORSAKEN)


def _carefully(task: Callable[[], None]) -> None:
    try:
        task()
    except Stopped:
        """The process ends."""
    except Exception as error:
        _report(error)


def _report(error: Exception) -> None:
    FAULTS.labels("schedules").inc()
    log.error("schedules failed", extra={"error": place_of(error)})


def _launch(config: DBOSConfig) -> None:
    DBOS(config=config)
    DBOS.launch()


def _destroy() -> None:
    DBOS.destroy(destroy_registry=True)


def _moved_at(round_: WorkflowStatus) -> datetime:
    """When the round was begun or resumed, or its last step ended."""
    steps = DBOS.list_workflow_steps(round_.workflow_id, load_output=False)
    moments = [round_.updated_at or 0, *(step["completed_at_epoch_ms"] or 0 for step in steps)]
    return datetime.fromtimestamp(max(moments) / 1000, UTC)


def _clear() -> None:
    """Forget rounds that ended long ago."""
    while True:
        old = DBOS.list_workflows(
            completed_before=(wall() - KEPT).isoformat(),
            limit=CLEARED_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if not old:
            return
        DBOS.delete_workflows([each.workflow_id for each in old])


# --- threads --------------------------------------------------------------------------------


def _spawn(task: Callable[[], None], name: str) -> asyncio.Future[None]:
    """Run it in a thread that nobody waits for at the process's end; a future for its end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            task()
        except Exception as raised:
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=run, name=f"schedules-{name}", daemon=True).start()
    return ended


async def _in_thread(task: Callable[[], None], name: str) -> None:
    await _spawn(task, name)
