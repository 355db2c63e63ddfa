"""``hesbot report``: what is written for the authorities, once and the same every time."""

from __future__ import annotations

import asyncio
import csv
import errno
import hashlib
import json
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.records import open_records
from bot.services import boardings
from bot.services.boardings import COLUMNS, made, make, rewrite
from bot.services.moments import beginning, ending
from storage import Attempt
from storage.risks import RiskChange
from tests import homes
from tests.bot.commanding import commanded, contents, files, refused, told
from tests.storage.conftest import database, office, postgresql, url, vault
from tests.storage.people import AYSE, AYSE_ANSWERS, CARD, CODE, NOW, Office

__all__ = ["database", "office", "postgresql", "url", "vault"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2021, 1, 9, 21, tzinfo=UTC)
TODAY = ("--from", "2021-01-10", "--to", "2021-01-10")
ATTEMPT = {
    "card_number": CARD,
    "identity_number": "10000000146",
    "first_name": "Ayşe",
    "last_name": "Yıldızoğlu",
    "validator_id": "V-1",
    "at": "2021-01-10T12:30:00+03:00",
    "received_at": "2021-01-10T12:30:00+03:00",
    "cause": "suspended",
    "late": False,
}


async def tried(office: Office, *moments: datetime) -> None:
    """Ayşe's card, suspended, is held to a validator at these moments."""
    async with office.database.begin() as conn:
        change = RiskChange("r-1", CODE, True, NOW - HOUR)
        await office.registry.risks.take(conn, [change], NOW)
        found = await office.registry.boardings.look(conn, [CARD], NOW)
        card = found[CARD].card
        assert card is not None
        attempts = {Attempt(CARD, "V-1", at): card for at in moments}
        await office.registry.boardings.keep(conn, attempts, NOW)


@asynccontextmanager
async def records_in(home: Path) -> AsyncIterator[Office]:
    async with open_records(homes.settings_in(home)) as records:
        yield Office(records.database, records.registry)


@pytest.fixture
async def home(empty_home: Path, tmp_path: Path) -> Path:
    """A home in which Ayşe's suspended card was tried once."""
    home = homes.copied(empty_home, tmp_path / "home")
    async with records_in(home) as office:
        await office.paired(AYSE, AYSE_ANSWERS)
        await tried(office, NOW)
    return home


async def reported(home: Path, *words: str, now: str = "2021-01-11T09:00") -> Any:
    """What the command says of itself."""
    return await told(home, "report", "boardings", *words, HESBOT_NOW=now)


# --- the command ----------------------------------------------------------------------------


async def test_a_report_is_written_for_nobody_else_to_read(home: Path) -> None:
    """CSV and JSON say the same; the summary says nothing of anybody."""
    found = await reported(home, *TODAY)
    table, document = (Path(name) for name in found["files"])
    assert (table.name, document.name) == ("boardings-00001.csv", "boardings-00001.json")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (table, document)} == {0o600}
    assert stat.S_IMODE(table.parent.stat().st_mode) == 0o700
    plain = json.loads(document.read_bytes())
    assert (plain["report"], plain["count"], plain["attempts"]) == (1, 1, [ATTEMPT])
    assert (plain["from"], plain["to"]) == (
        "2021-01-10T00:00:00+03:00",
        "2021-01-11T00:00:00+03:00",
    )
    with table.open(newline="", encoding="utf-8") as lines:
        assert list(csv.DictReader(lines)) == [{**ATTEMPT, "late": "no"}]
    assert found["sha256"] == hashlib.sha256(document.read_bytes()).hexdigest()
    assert (found["report"], found["attempts"], found["late"], found["left"]) == (1, 1, 0, 0)
    assert not any(word in json.dumps(found) for word in ("Ayşe", "10000000146", CARD))


async def test_the_same_report_again_is_the_same_byte_for_byte(home: Path, tmp_path: Path) -> None:
    """Also after the person has another name and the card another code."""
    first = await reported(home, *TODAY)
    written = contents(first["files"])
    async with records_in(home) as office:
        changed = {**AYSE_ANSWERS, "last_name": "Demir", "hes_code": "C3D4567890"}
        await office.at(NOW + DAY).paired(AYSE, changed)
        await tried(office, NOW + HOUR)
    shutil.rmtree(home / "reports")
    again = await reported(home, "--again", "1", "--out", str(tmp_path / "out"))
    assert contents(again["files"]) == written
    assert {**again, "files": 0} == {**first, "files": 0}
    assert [Path(name).parent for name in again["files"]] == [tmp_path / "out"] * 2


async def test_nothing_to_report_is_a_report_too(home: Path) -> None:
    """That nothing happened is worth knowing."""
    await reported(home, *TODAY)
    found = await reported(home, *TODAY)
    assert (found["report"], found["attempts"]) == (2, 0)
    out = (await commanded(home, "report", "boardings", *TODAY)).stdout
    assert out.startswith("Report 3: no attempts.\n")
    listed = await told(home, "report", "list")
    assert [(each["report"], each["attempts"]) for each in listed] == [(1, 1), (2, 0), (3, 0)]
    assert (await commanded(home, "report", "list")).stdout.count("\n") == 3


async def test_what_comes_late_is_marked(home: Path) -> None:
    """In the next report, whatever its time."""
    await reported(home, *TODAY)
    async with records_in(home) as office:
        await tried(office, NOW + HOUR, NOW + DAY, NOW - DAY)
    period = ("--from", "2021-01-11", "--to", "2021-01-11T23:00")
    found = await reported(home, *period, now="2021-01-12T09:00")
    assert (found["attempts"], found["late"], found["left"]) == (2, 1, 1)
    plain = json.loads(contents(found["files"])[1])
    assert [(each["at"], each["late"]) for each in plain["attempts"]] == [
        ("2021-01-10T13:30:00+03:00", True),
        ("2021-01-11T12:30:00+03:00", False),
    ]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--from", "2021-01-10"),
        ("--to", "2021-01-10"),
        ("--from", "2021-01-10", "--to", "soon"),
        ("--from", "2021-13-10", "--to", "2021-01-10"),
        ("--from", "0001-01-01", "--to", "2021-01-10"),
        ("--from", "2021-01-10", "--to", "9999-12-31"),
        ("--from", "2021-01-11", "--to", "2021-01-10"),
        ("--from", "2021-01-10T12:00", "--to", "2021-01-10T12:00"),
        ("--again", "7"),
        ("--again", "0"),
        ("--again", "-1"),
        ("--again", "2147483648"),
        ("--again", "9" * 30),
        ("--from", "2999-01-01", "--to", "2999-01-02"),
        (*TODAY, "--out", "/proc/reports"),
    ],
)
async def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    home: Path, words: tuple[str, ...]
) -> None:
    async with records_in(home) as office:
        before = await office.count()
    await refused(home, "report", "boardings", *words)
    async with records_in(home) as office:
        assert await office.count() == before
    assert not (home / "reports").exists()


async def test_an_earlier_report_has_its_own_time(home: Path) -> None:
    """Nobody can want both."""
    await reported(home, *TODAY)
    line = await refused(home, "report", "boardings", "--again", "1", *TODAY)
    assert "--again" in line


async def test_a_report_ends_now_at_the_latest(home: Path) -> None:
    """What comes later is not late, and has the next one; a person is told."""
    now = "2021-01-10T12:45"
    found = await reported(home, "--from", "2021-01-10", "--to", "2021-01-12", now=now)
    assert found["to"] == found["made_at"]
    assert (found["to"][:16], found["attempts"]) == (now, 1)
    async with records_in(home) as office:
        await tried(office, NOW + HOUR)
    found = await reported(home, *TODAY)
    assert (found["attempts"], found["late"]) == (1, 0)
    words = ("report", "boardings", "--from", "2021-01-10", "--to", "2021-01-12")
    out = (await commanded(home, *words, HESBOT_NOW="2021-01-10T15:00")).stdout
    assert "It ends when it was made, 2021-01-10T15:00:" in out.splitlines()[0]


@pytest.mark.parametrize("words", [("boardings", *TODAY), ("list",)])
@pytest.mark.sqlite("a home without its file is a new one, and a server never is")
async def test_where_nothing_is_nothing_is_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert "nothing is on record" in await refused(tmp_path / "home", "report", *words)
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2021-01-10", MIDNIGHT, MIDNIGHT + DAY),
        (" 2021-01-10 ", MIDNIGHT, MIDNIGHT + DAY),
        ("2021-01-10T00:00", MIDNIGHT, MIDNIGHT),
        ("2021-01-09T21:00Z", MIDNIGHT, MIDNIGHT),
        ("2021-01", None, None),
        ("20210110", None, None),
        ("", None, None),
    ],
)
def test_a_day_ends_with_its_last_moment(
    text: str, first: datetime | None, last: datetime | None
) -> None:
    """In Istanbul; a moment is itself."""
    assert (beginning(text), ending(text)) == (first, last)


# --- faults ---------------------------------------------------------------------------------


async def test_killed_before_the_files_have_their_names_nothing_is_lost(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is made by then; its files can be written again."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await tried(office, NOW)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    period = {"first": NOW, "last": NOW + DAY, "folder": tmp_path / "out"}
    boardings_of = office.registry.boardings
    with monkeypatch.context() as patched:
        patched.setattr(boardings.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            await make(office.database, boardings_of, NOW + DAY, **period)
    assert files(tmp_path / "out") == {}
    (summary,) = await made(office.database, boardings_of, NOW)
    written = await rewrite(office.database, boardings_of, NOW, number=1, folder=tmp_path / "again")
    assert written is not None
    document = written.files[1].read_bytes()
    assert hashlib.sha256(document).hexdigest() == summary.sha256
    assert json.loads(document)["count"] == 1


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("ending", ["csv", "json"])
async def test_a_folder_in_a_files_place_is_seen_in_time(
    home: Path, ending: str, again: bool
) -> None:
    """Before the report is made."""
    if again:
        await reported(home, *TODAY)
    out = home / "out"
    (out / f"boardings-00001.{ending}").mkdir(parents=True)
    words = ("--again", "1") if again else TODAY
    line = await refused(home, "report", "boardings", *words, "--out", str(out))
    assert f"boardings-00001.{ending}: is a folder" in line
    assert len(await told(home, "report", "list")) == again
    assert files(out) == {}


async def test_a_report_whose_files_fail_at_last_says_how_to_write_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made by then."""

    def failing(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(boardings.os, "replace", failing)
        line = await refused(home, "report", "boardings", *TODAY)
        assert "No space left" in await refused(home, "report", "boardings", "--again", "1")
    assert line.endswith("report 1 was made; write its files with --again 1")
    assert (await reported(home, "--again", "1"))["attempts"] == 1


async def test_killed_before_the_report_is_made_nothing_has_happened(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, no report, and the attempt is still to be reported."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await tried(office, NOW)
    before = await office.count()

    async def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    period = {"first": NOW, "last": NOW + DAY, "folder": tmp_path}
    with monkeypatch.context() as patched:
        patched.setattr(type(office.registry.boardings), "file", killed)
        with pytest.raises(KeyboardInterrupt):
            await make(office.database, office.registry.boardings, NOW + DAY, **period)
    assert [name for name in files(tmp_path) if name.endswith(("csv", "json", "draft"))] == []
    assert await office.count() == before
    made_now = await make(office.database, office.registry.boardings, NOW + DAY, **period)
    assert (made_now.summary.attempts, made_now.late) == (1, 0)


async def test_two_reports_at_once_share_no_attempt(office: Office, tmp_path: Path) -> None:
    """Whoever comes second drafts anew."""
    await office.paired(AYSE, AYSE_ANSWERS)
    await tried(office, *(NOW + n * HOUR for n in range(12)))
    both = await asyncio.gather(
        *(
            make(
                office.database,
                office.registry.boardings,
                NOW + DAY,
                first=NOW,
                last=NOW + DAY,
                folder=tmp_path / "out",
            )
            for _ in range(4)
        )
    )
    assert sorted(each.summary.number for each in both) == [1, 2, 3, 4]
    assert sorted(each.summary.attempts for each in both) == [0, 0, 0, 12]
    assert len(files(tmp_path / "out")) == 8


def test_the_columns_are_all_there() -> None:
    assert tuple(ATTEMPT) == COLUMNS
