"""The report of attempts to travel on suspended cards: made once, written as often as is wanted.

A file is written under a name of its own, then the report is made, then the file gets its name: a
report without its files can be written again (``rewrite``), and no attempt is in two.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkstemp
from typing import Any, TypeVar

from bot.services.targets import obstacle
from conversations.calendar import ISTANBUL
from storage import Boardings, Database
from storage.boardings import Draft, Reported, Summary
from storage.private_files import sync_folder

Found = TypeVar("Found")

ReportWork = Callable[[Database, Boardings, datetime], Awaitable[Found]]
"""What can be done with the reports, at the present moment."""

CAUSE = "suspended"
"""All that the authorities are told of why."""

COLUMNS = (
    "card_number",
    "identity_number",
    "first_name",
    "last_name",
    "validator_id",
    "at",
    "received_at",
    "cause",
    "late",
)


class UnusableFolder(Exception):
    """The files cannot be written there; the message says why in one line."""


class UnusablePeriod(Exception):
    """There can be no report of that time; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Written:
    """A report and its files. ``late`` of its attempts became known after a report of their time;
    ``left`` attempts, of other times, have not been in any report yet."""

    summary: Summary
    files: tuple[Path, ...]
    late: int
    left: int


# --- making and writing ---------------------------------------------------------------------


async def make(
    database: Database,
    boardings: Boardings,
    now: datetime,
    *,
    first: datetime,
    last: datetime,
    folder: Path,
) -> Written:
    """Make the next report of that time and write its files into the folder.

    It ends now at the latest: what comes later would else be late before it has happened. Raise
    UnusablePeriod, UnusableFolder.
    """
    last = min(last, now)
    if first >= last:
        raise UnusablePeriod("nothing of that time has passed yet")
    while True:
        async with database.read() as connection:
            draft = await boardings.draft(connection, first, last)
        content = content_of(draft, first, last, now)
        sha256 = hashlib.sha256(content).hexdigest()
        count = len(draft.attempts)
        summary = Summary(draft.number, first, last, now, count, sha256)
        with _files(folder, draft.number, content) as files:
            async with database.begin() as connection:
                made = await boardings.file(connection, draft, summary, content)
            # Somebody made another report meanwhile, and may have had some of the attempts.
            if made:
                late = sum(each.late for each in draft.attempts)
                return Written(summary, _published(files, draft.number), late, draft.left)


async def rewrite(
    database: Database, boardings: Boardings, _now: datetime, *, number: int, folder: Path
) -> Written | None:
    """Write the files of an earlier report as they were; None if there is no such report."""
    async with database.read() as connection:
        found = await boardings.report(connection, number)
    if found is None:
        return None
    summary, content = found
    late = sum(each["late"] for each in json.loads(content)["attempts"])
    with _files(folder, number, content) as files, _usable(folder):
        return Written(summary, files.publish(), late, 0)


def _published(files: _Files, number: int) -> tuple[Path, ...]:
    try:
        return files.publish()
    except OSError as error:
        why = error.strerror or "its files cannot be written"
        advice = f"report {number} was made; write its files with --again {number}"
        raise UnusableFolder(f"{why}: {advice}") from error


async def made(database: Database, boardings: Boardings, _now: datetime) -> list[Summary]:
    """The reports that were made."""
    async with database.read() as connection:
        return await boardings.reports(connection)


# --- what stands in the files ---------------------------------------------------------------


def content_of(draft: Draft, first: datetime, last: datetime, now: datetime) -> bytes:
    """The report as JSON; moments are Istanbul's."""
    plain = {
        "report": draft.number,
        "from": _at_istanbul(first),
        "to": _at_istanbul(last),
        "made_at": _at_istanbul(now),
        "count": len(draft.attempts),
        "attempts": [_attempt(each) for each in draft.attempts],
    }
    return (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode()


def table_of(content: bytes) -> bytes:
    """The same attempts as CSV (RFC 4180)."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for attempt in json.loads(content)["attempts"]:
        writer.writerow({**attempt, "late": "yes" if attempt["late"] else "no"})
    return text.getvalue().encode()


def _attempt(reported: Reported) -> dict[str, Any]:
    holder = reported.holder
    return {
        "card_number": reported.card_number,
        "identity_number": holder.get("identity_number"),
        "first_name": holder.get("first_name"),
        "last_name": holder.get("last_name"),
        "validator_id": reported.validator_id,
        "at": _at_istanbul(reported.at),
        "received_at": _at_istanbul(reported.received_at),
        "cause": CAUSE,
        "late": reported.late,
    }


def _at_istanbul(moment: datetime) -> str:
    return moment.astimezone(ISTANBUL).isoformat()


class _Files:
    """The files of a report under names of their own, until they are published."""

    def __init__(self, drafts: Mapping[Path, Path]) -> None:
        self._drafts = drafts

    def publish(self) -> tuple[Path, ...]:
        """Give the files their names, each in one step."""
        for place, draft in self._drafts.items():
            os.replace(draft, place)
            sync_folder(place.parent)
        return tuple(self._drafts)


@contextmanager
def _files(folder: Path, number: int, content: bytes) -> Iterator[_Files]:
    drafts: dict[Path, Path] = {}
    try:
        with _usable(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for ending, text in {"csv": table_of(content), "json": content}.items():
                place = folder / f"boardings-{number:05d}.{ending}"
                if why := obstacle(place):
                    raise UnusableFolder(f"{place}: {why}")
                drafts[place] = _draft(folder, text)
        yield _Files(drafts)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _draft(folder: Path, text: bytes) -> Path:
    handle, name = mkstemp(dir=folder, prefix=".boardings-", suffix=".draft")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusableFolder(f"{folder}: {error.strerror or 'cannot be written'}") from error
