"""The Ministry's list of risky codes taken in by ``hesbot risk import``, against bare SQL."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from bot.records import Records, open_records
from bot.settings import Settings
from conversations.actions import LinkSaved, SaveLink, Value
from conversations.events import Address
from conversations.registration import DOCUMENTS
from storage import Asked
from tests.benchmarks.citizens import Citizen, WrongAnswer
from tests.benchmarks.commands import timed
from tests.benchmarks.results import Row, verdict

GOAL = 2.0
"""Times the bare SQL."""
BATCH = 500
DECEMBER = datetime(2020, 12, 20, tzinfo=UTC)
TEXTS = {document.name: "0" * 64 for document in DOCUMENTS}
SUSPENDED = """
    UPDATE cards SET status = 'SUSPENDED', cause = 'suspended'
    WHERE id IN (SELECT card_id FROM links JOIN wanted ON links.hes_key = wanted.key)
"""


async def measure(home: Path, codes: int, links: int) -> list[Row]:
    """Pair ``links`` cards, then let the Ministry name ``codes`` of their codes."""
    settings = Settings(hesbot_home=home)
    async with open_records(settings) as records:
        await _pair(records, links)
    bare = _bare(home, codes)
    # One code that nobody has: what the command itself takes, whatever there is to do.
    _, start = await timed(home, "risk", "import", str(_list(home / "one.jsonl", links, links + 1)))
    taken, took = await timed(home, "risk", "import", str(_list(home / "all.jsonl", 0, codes)))
    took = max(took - start, 0.001)
    if (taken["taken"], taken["cards"]) != (codes, codes):
        raise WrongAnswer(f"{taken} of {codes} codes")
    return [
        Row(
            f"suspending {codes:,} codes among {links:,} links by `hesbot risk import`, notices"
            " queued",
            f"{took:.2f} s after {start:.1f} s to start the command, {codes / took:,.0f} codes/s;"
            f" bare SQL {bare:.3f} s",
            f"≤ {GOAL:g} × bare SQL",
            verdict(took / bare, GOAL),
        )
    ]


async def _pair(records: Records, links: int) -> None:
    for start in range(0, links, BATCH):
        asked = [_asked(number) for number in range(start, min(start + BATCH, links))]
        async with records.database.begin() as connection:
            found = await records.registry.perform(connection, asked)
        if not all(isinstance(finding, LinkSaved) for finding in found):
            raise WrongAnswer("a card could not be paired")


def _asked(number: int) -> Asked:
    citizen = Citizen(number)
    _, _, first, last, identity, _, email, card, phone, code, _, _ = citizen.lines()
    answers: dict[str, Value] = {
        "first_name": first,
        "last_name": last,
        "identity_number": identity,
        "birth_date": date(1950 + number % 50, 1, 1),
        "email": email,
        "card_number": card,
        "phone": phone,
        "hes_code": code,
    }
    return Asked(Address("telegram", str(citizen.chat)), SaveLink(answers), DECEMBER, "tr", TEXTS)


def _list(file: Path, first: int, end: int) -> Path:
    """The Ministry's list of these people's codes."""
    file.write_text("".join(map(_record, range(first, end))), "utf-8")
    return file


def _record(number: int) -> str:
    *_, code, _, _ = Citizen(number).lines()
    record = {
        "id": f"record-{number}",
        "hes_code": code,
        "status": "RISKY",
        "changed_at": "2021-01-08T11:00:00+03:00",
    }
    return json.dumps(record) + "\n"


def _bare(home: Path, codes: int) -> float:
    """How long one statement takes for as many cards, on a copy and without anything around it."""
    copy = home / "bare.sqlite3"
    shutil.copy(home / "hesbot.sqlite3", copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TEMP TABLE wanted (key BLOB)")
        database.execute("INSERT INTO wanted SELECT hes_key FROM links LIMIT ?", (codes,))
        began = time.perf_counter()
        database.execute(SUSPENDED)
        took = time.perf_counter() - began
    copy.unlink()
    return took
