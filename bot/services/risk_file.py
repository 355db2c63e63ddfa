"""A risk feed from a file or the standard input; what cannot be read is written beside the file.

The whole file again changes nothing that was taken, so a run that was broken off is just repeated.
Knows no record; what takes them is handed in.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from bot.clock import Clock
from bot.services.packed_lines import PIECE, PackedLines, TooLarge
from bot.services.risk_feed import BadLine, Intake, Take
from bot.services.targets import obstacle
from storage import RiskChange, RiskOutcome

STDIN = "-"
BATCH = 2000
"""Records in one transaction."""

_BOMB = "it unpacks to far more than a list of risky codes can; {} records before that were taken"


class UnusableFile(Exception):
    """The file cannot be taken; the message says why in one line, ``why`` as a code: disk,
    no_record, too_large, unfit (its place or kind)."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many records are taken in one transaction, and how many bytes the lines may have together
    once they are unpacked."""

    batch: int = BATCH
    unpacked: int | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file came to; see ``storage.RiskOutcome``. ``bad_file`` holds the lines that are no
    records, None if there are none or the lines came by standard input."""

    lines: int
    taken: int
    repeated: int
    older: int
    unknown: int
    cards: int
    bad: int
    bad_file: str | None


USUAL = Bounds()

Opened = Callable[[], AbstractAsyncContextManager[Take]]
"""Opens the records."""

Progress = Callable[[int], None]
"""Is told how many bytes more were read."""


async def import_file(
    name: str, opened: Opened, clock: Clock, progress: Progress, bounds: Bounds = USUAL
) -> Imported:
    """Take every record of the file, or of standard input if it is called ``-``.

    The records are opened with the first one. Raise UnusableFile if the file cannot be read or
    holds none.
    """
    async with AsyncExitStack() as stack:
        taking: list[Take] = []

        async def take(changes: Sequence[RiskChange]) -> RiskOutcome:
            if not taking:
                taking.append(await stack.enter_async_context(opened()))
            return await taking[0](changes)

        if name == STDIN:
            return await _import(sys.stdin.buffer, None, take, clock, progress, bounds)
        path = Path(name)
        with _usable(path), _open(path) as source, _draft_beside(path) as bad:
            return await _import(source, bad, take, clock, progress, bounds)


async def _import(
    source: BinaryIO,
    bad: _BadLines | None,
    take: Take,
    clock: Clock,
    progress: Progress,
    bounds: Bounds,
) -> Imported:
    intake = Intake(take, clock(), bounds.batch, _uncollected if bad is None else bad.add)
    try:
        await _read(source, PackedLines(bounds.unpacked), intake, progress)
    except TooLarge:
        raise UnusableFile(_BOMB.format(intake.outcome.taken), "too_large") from None
    if not intake.good:
        why = "no risk record can be read there (JSON Lines, plain or gzip)"
        raise UnusableFile(why, "no_record")
    return _imported(intake, None if bad is None else bad.publish())


async def _read(source: BinaryIO, lines: PackedLines, intake: Intake, progress: Progress) -> None:
    while piece := source.read(PIECE):
        await intake.read(lines.read(piece))
        progress(len(piece))
    await intake.read(lines.end())
    await intake.finish()


def _imported(intake: Intake, bad_file: Path | None) -> Imported:
    found = intake.outcome
    return Imported(
        lines=intake.lines,
        taken=found.taken,
        repeated=found.repeated,
        older=found.older,
        unknown=found.unknown,
        cards=found.cards,
        bad=intake.lines - intake.good,
        bad_file=None if bad_file is None else str(bad_file),
    )


# --- what could not be read -----------------------------------------------------------------


class _BadLines:
    """The bad lines of one run, under a name of their own until it has succeeded."""

    def __init__(self, draft: Path, place: Path) -> None:
        self._draft = draft
        self._place = place
        self._file = draft.open("w", encoding="utf-8")
        self._any = False

    def add(self, bad: BadLine) -> None:
        """Write a line down as it was, as far as it is text."""
        self._any = True
        text = bad.text.decode("utf-8", "backslashreplace")
        plain = {"line": bad.number, "why": bad.why, "text": text}
        self._file.write(json.dumps(plain, ensure_ascii=False) + "\n")

    def publish(self) -> Path | None:
        """Put the file in its place, or take an older run's away if nothing was bad now."""
        self._file.close()
        if not self._any:
            self._place.unlink(missing_ok=True)
            return None
        os.replace(self._draft, self._place)
        return self._place

    def close(self) -> None:
        """Leave no draft behind."""
        self._file.close()
        self._draft.unlink(missing_ok=True)


def _uncollected(_bad: BadLine) -> None:
    """Standard input has no place beside it; its bad lines are counted only."""


@contextmanager
def _draft_beside(path: Path) -> Iterator[_BadLines]:
    # Made before anything is taken, so that a folder that cannot be written stops the run in time.
    place = path.with_name(f"{path.name}.bad.jsonl")
    if why := obstacle(place):
        raise UnusableFile(f"{place}: {why}", "unfit")
    handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".draft")
    os.close(handle)
    bad = _BadLines(Path(draft), place)
    try:
        yield bad
    finally:
        bad.close()


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or 'cannot be used'}", "disk") from error
