"""The timetable at work: workers that are killed, that share a database, whose records are down."""

from __future__ import annotations

import asyncio
import sqlite3
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS

from bot.notices import schedules as module
from bot.notices import steps
from bot.notices.rounds import Pass, Round, Stride
from bot.notices.schedules import schedules
from bot.notices.workers import named
from bot.settings import WORKFLOWS_FILE as FILE
from bot.telemetry import FAULTS
from storage import Unavailable
from tests.bot.notices.keeper import HANGS_ON, KEEPER, NOW, PAGES
from tests.fakes.clock import Clock
from tests.fakes.waiting import Pulse
from tests.faults.born import Child, Wish, start
from tests.faults.processes import surroundings
from tests.storage.conftest import new_postgresql, postgresql  # noqa: F401

WHOLE = [f"codes {page}" for page in range(PAGES + 1)]
DEADLINE = datetime.fromisoformat("2021-01-15T00:00+03:00")


class Work:
    """Work that notes which pages were begun, and that can be told to fail or to wait."""

    deadline = DEADLINE

    def __init__(self, *offered: Pass, pages: int = 1) -> None:
        self.offered = frozenset(offered)
        self.begun: list[tuple[str, int]] = []
        self.asked_for: list[Round] = []
        self.faults: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.closes_before: int | None = None
        self.misses: frozenset[int] = frozenset()
        self._pages = pages
        self._pulse = Pulse()

    async def wanted(self) -> list[Round]:
        return self.asked_for

    async def advance(self, task: str, now: datetime, began: datetime, after: int) -> Stride:
        self.begun.append((task, after))
        self._pulse.beat()
        if after == self.closes_before:
            self.gate.clear()
        await self.gate.wait()
        if self.faults:
            raise self.faults.pop(0)
        return Stride(after + 1 if after + 1 < self._pages else None, 1, after in self.misses)

    @property
    def pages(self) -> list[int]:
        """The pages that were begun, of whatever pass."""
        return [after for _, after in self.begun]

    async def has_begun(self, times: int) -> None:
        await self._pulse.until(lambda: len(self.begun) >= times)


@asynccontextmanager
async def kept(work: Work, home: Path, clock: Clock) -> AsyncIterator[None]:
    with named(home) as name:
        async with schedules(work, clock, name, home, None, tick=0.02, mark=""):
            yield


@pytest.fixture
def clock() -> Clock:
    """The morning of 8 January 2021, in Istanbul half past twelve."""
    found = Clock()
    found.now = NOW
    return found


async def until(
    look: Callable[[], Awaitable[list[Any]]], condition: Callable[[list[Any]], bool]
) -> list[Any]:
    """What another process or thread has done, once it fulfils the condition."""
    for _ in range(1000):
        found = await look()
        if condition(found):
            return found
        await asyncio.sleep(0.03)
    raise TimeoutError


# --- in one process -------------------------------------------------------------------------


async def test_a_round_goes_page_by_page_and_once_a_period(tmp_path: Path, clock: Clock) -> None:
    """The next one comes with the next period, by our clock."""
    work = Work(Pass.RETURNS, pages=3)
    async with kept(work, tmp_path, clock):
        await work.has_begun(3)
        clock.now += timedelta(seconds=59)
        await asyncio.sleep(0.2)
        assert work.pages == [0, 1, 2]
        clock.now += timedelta(seconds=1)
        await work.has_begun(6)


async def test_a_restart_does_no_round_again(tmp_path: Path, clock: Clock) -> None:
    first, second = Work(Pass.FORGET), Work(Pass.FORGET)
    async with kept(first, tmp_path, clock):
        await first.has_begun(1)
        await asyncio.sleep(0.2)
    async with kept(second, tmp_path, clock):
        await asyncio.sleep(0.2)
    assert second.begun == []


async def test_what_is_broken_off_goes_on_at_the_same_page(tmp_path: Path, clock: Clock) -> None:
    """A worker that is told to stop does not wait for its page, and does not call it done."""
    first, second = (Work(Pass.FORGET, pages=3) for _ in range(2))
    first.closes_before = 1
    async with kept(first, tmp_path, clock):
        await first.has_begun(2)
    async with kept(second, tmp_path, clock):
        await second.has_begun(2)
    assert first.pages == [0, 1]
    assert second.pages == [1, 2]


@pytest.mark.parametrize("fault", [Unavailable("down"), RuntimeError("Ayşe 10000000146")])
async def test_a_page_that_fails_is_tried_again(
    tmp_path: Path,
    clock: Clock,
    fault: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is given up while the records are down, and nobody's name is logged."""
    monkeypatch.setattr(steps, "SHORTEST_PAUSE", 0.01)
    work = Work(Pass.FORGET)
    work.faults = [fault, fault]
    async with kept(work, tmp_path, clock):
        await work.has_begun(3)
    assert work.pages == [0, 0, 0]
    assert "Ayşe" not in caplog.text
    assert "10000000146" not in caplog.text


async def test_while_a_round_is_stuck_no_other_begins(tmp_path: Path, clock: Clock) -> None:
    """Or a long fault would leave a crowd of rounds that all want the same."""
    work = Work(Pass.RETURNS)
    work.gate.clear()
    async with kept(work, tmp_path, clock):
        await work.has_begun(1)
        for _ in range(3):
            clock.now += timedelta(minutes=1)
            await asyncio.sleep(0.1)
        assert len(work.begun) == 1
        work.gate.set()
        await work.has_begun(2)
        await asyncio.sleep(0.1)
        assert len(work.begun) == 2


async def test_a_silent_service_ends_the_round(tmp_path: Path, clock: Clock) -> None:
    """Three pages in a row, and the rest is left for another day; fewer are only passed over."""
    work = Work(Pass.CODES, pages=100)
    work.misses = frozenset({1, 3, 4, 6, 7, 8, 9})
    async with kept(work, tmp_path, clock):
        await work.has_begun(9)
        await asyncio.sleep(0.2)
    assert work.pages == list(range(9))


async def test_what_is_not_offered_is_not_begun(tmp_path: Path, clock: Clock) -> None:
    work = Work(Pass.RETURNS)
    async with kept(work, tmp_path, clock):
        await work.has_begun(1)
        clock.now += timedelta(days=1)
        await work.has_begun(2)
    assert {what for what, _ in work.begun} == {Pass.RETURNS}


async def test_old_rounds_are_forgotten(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DBOS's tables do not grow for ever; a round that stands open is kept."""
    monkeypatch.setattr(module, "TIDY", 0.02)
    work = Work(Pass.FORGET, Pass.RETURNS)
    async with kept(work, tmp_path, clock):
        await work.has_begun(2)
        monkeypatch.setattr(module, "KEPT", timedelta(seconds=-60))
        await until(lambda: asyncio.to_thread(DBOS.list_workflows), lambda left: not left)


async def test_a_forsaken_round_is_taken_over(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that began it never comes back under its name."""
    work = Work(Pass.FORGET)
    work.gate.clear()
    async with kept(work, tmp_path, clock):
        await work.has_begun(1)
    (tmp_path / "worker-0.id").write_text("another")
    monkeypatch.setattr(module, "TIDY", 0.02)
    work = Work(Pass.FORGET)
    async with kept(work, tmp_path, clock):
        await asyncio.sleep(0.2)
        assert work.begun == []
        monkeypatch.setattr(module, "FORSAKEN", timedelta(seconds=-60))
        await work.has_begun(1)


async def test_a_round_outlives_a_fault_of_its_own_database(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not over because DBOS could not write down a step; it goes on when it can again."""
    monkeypatch.setattr(module, "TIDY", 0.2)
    monkeypatch.setattr(module, "BEGINNING", timedelta(seconds=1))
    work = Work(Pass.FORGET, pages=3)
    work.closes_before = 1
    faults = FAULTS.labels("schedules")._value.get
    async with kept(work, tmp_path, clock):
        await work.has_begun(2)
        work.closes_before = None
        rename(tmp_path / FILE, "operation_outputs", "lost")
        before = faults()
        work.gate.set()
        await until(lambda: asyncio.sleep(0, [faults()]), lambda found: found[0] > before)
        rename(tmp_path / FILE, "lost", "operation_outputs")
        await work.has_begun(4)
    assert sorted(set(work.pages)) == [0, 1, 2]
    assert work.pages[-1] == 2


def rename(database: Path, table: str, name: str) -> None:
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")


async def test_where_dbos_cannot_write_nothing_begins(tmp_path: Path, clock: Clock) -> None:
    """And it can be tried again in the same process."""
    (tmp_path / FILE).mkdir()
    with pytest.raises(Unavailable):
        async with kept(Work(), tmp_path, clock):
            raise AssertionError
    (tmp_path / FILE).rmdir()
    work = Work(Pass.FORGET)
    async with kept(work, tmp_path, clock):
        await work.has_begun(1)


# --- several processes ----------------------------------------------------------------------


class Worker:
    """A worker process."""

    def __init__(self, home: Path, journal: Path, address: str) -> None:
        self._words = (str(home), str(journal), address)
        self._home = home
        self._process: Child | None = None

    async def start(self) -> None:
        self._process = await start(
            Wish(self._words, surroundings(self._home), KEEPER), DEVNULL, PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            assert await self._process.stdout.readline() == b"ready\n"

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest.fixture(params=["sqlite", "postgresql"])
async def address(request: pytest.FixtureRequest) -> str:
    """Where DBOS keeps its rows; "" is the file in the home."""
    if request.param == "sqlite":
        return ""
    return await new_postgresql(request.getfixturevalue("postgresql"))


async def until_written(journal: Path, condition: Callable[[list[str]], bool]) -> list[str]:
    """The lines of the journal about codes, once they fulfil the condition."""
    return await until(lambda: asyncio.to_thread(_codes_in, journal), condition)


def _codes_in(journal: Path) -> list[str]:
    text = journal.read_text() if journal.exists() else ""
    return [line for line in text.splitlines() if line.startswith("codes")]


async def test_a_killed_worker_goes_on_where_it_was(tmp_path: Path, address: str) -> None:
    """Only the page it was killed in is done again."""
    journal = tmp_path / "journal"
    worker = Worker(tmp_path / "home", journal, address)
    try:
        await worker.start()
        await until_written(journal, lambda lines: len(lines) == HANGS_ON + 1)
        await worker.kill()
        await worker.start()
        done = await until_written(journal, lambda lines: lines[-1:] == WHOLE[-1:])
    finally:
        await worker.kill()
    assert done == [*WHOLE[: HANGS_ON + 1], *WHOLE[HANGS_ON:]]


async def test_two_workers_do_a_round_once(tmp_path: Path, address: str) -> None:
    """Whichever is first; also when it is killed and comes back."""
    journal = tmp_path / "journal"
    home = tmp_path / "home"
    workers = [Worker(home, journal, address) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for worker in workers:
            stack.push_async_callback(worker.kill)
        await asyncio.gather(*(worker.start() for worker in workers))
        await until_written(journal, lambda lines: len(lines) == HANGS_ON + 1)
        # Time enough for the other one to do it too, if it were to.
        await asyncio.sleep(0.5)
        for worker in workers:
            await worker.kill()
            await worker.start()
        done = await until_written(journal, lambda lines: lines[-1:] == WHOLE[-1:])
    assert done == [*WHOLE[: HANGS_ON + 1], *WHOLE[HANGS_ON:]]
