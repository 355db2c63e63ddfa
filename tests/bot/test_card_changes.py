"""The list of cards that changed, as the card system gets it."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.services.card_changes import OVERLAP, Exported, private_file
from bot.services.card_lists import UnusableFile
from bot.settings import Settings
from bot.tasks import export_cards
from tests.bot.card_lists import (
    Interrupted,
    files,
    number,
    pair,
    run,
    settings,
    take,
    write_list,
)
from tests.storage.conftest import postgresql, url
from tests.storage.people import CARD, DEADLINE, NOW, OTHER_CARD

__all__ = ["postgresql", "settings", "url"]


async def exported(
    settings: Settings, since: datetime, *, as_json: bool = False
) -> tuple[str, Exported]:
    """The list as text, and what is said of it."""
    written: list[str] = []
    done = await export_cards(settings, since, written.append, as_json=as_json)
    return "".join(written), done


async def test_the_list_of_changes_has_what_every_card_is_now(
    settings: Settings, tmp_path: Path
) -> None:
    """By moment: the cards that were imported, then the one that was paired."""
    await take(settings, write_list(tmp_path / "cards.csv", OTHER_CARD))
    later = settings.model_copy(update={"hesbot_now": NOW + timedelta(hours=1)})
    await take(later, write_list(tmp_path / "cards.csv", CARD))
    text, done = await exported(later, NOW)
    heading, *lines = text.splitlines()
    assert heading == "number,status,cause,changed_at"
    assert [line.split(",")[:3] for line in lines] == [
        [OTHER_CARD, "UNPAIRED", "never_paired"],
        [CARD, "UNPAIRED", "never_paired"],
    ]
    assert lines[0].split(",")[3].startswith("2021-01-10T09:30:0")
    assert lines[0].endswith("+00:00")
    assert done.count == 2
    later_text, _ = await exported(later, NOW + timedelta(minutes=30))
    assert later_text.splitlines()[1:] == lines[1:]


async def test_the_list_is_complete_until_a_moment_before_it_was_begun(
    settings: Settings,
) -> None:
    """A transaction under way may still bring an older change."""
    await pair(settings)
    _, done = await exported(settings, NOW)
    assert NOW - OVERLAP <= done.complete_until < NOW - OVERLAP + timedelta(minutes=1)
    text, _ = await exported(settings, done.complete_until)
    assert CARD in text


@pytest.mark.parametrize(
    ("at", "status", "cause"),
    [
        (NOW + timedelta(hours=2), "UNPAIRED", "code_expired"),
        (DEADLINE + timedelta(hours=2), "PASSIVE", "code_expired"),
    ],
)
async def test_what_time_has_changed_is_in_the_list(
    settings: Settings, tmp_path: Path, at: datetime, status: str, cause: str
) -> None:
    """Though nothing was running when a code ended or the deadline passed."""
    await pair(settings, NOW + timedelta(hours=1))
    await take(settings, write_list(tmp_path / "cards.csv", OTHER_CARD))
    text, _ = await exported(settings.model_copy(update={"hesbot_now": at}), at)
    found = {line.split(",")[0]: line.split(",")[1:3] for line in text.splitlines()[1:]}
    assert found[CARD] == [status, cause]
    assert (found.get(OTHER_CARD) == ["PASSIVE", "deadline_passed"]) == (at > DEADLINE)


async def test_the_list_as_json_is_one_document(settings: Settings, tmp_path: Path) -> None:
    """With any number of cards in any number of pages."""
    await take(settings, write_list(tmp_path / "cards.csv", CARD, OTHER_CARD))
    empty, _ = await exported(settings, NOW + timedelta(hours=1), as_json=True)
    assert json.loads(empty)["cards"] == []
    text, done = await exported(settings, NOW, as_json=True)
    plain = json.loads(text)
    assert {each["number"] for each in plain["cards"]} == {CARD, OTHER_CARD}
    assert plain["count"] == 2
    assert datetime.fromisoformat(plain["complete_until"]) == done.complete_until


async def test_pages_of_the_list_join(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.card_changes.PAGE", 3)
    many = [number(place) for place in range(7)]
    await take(settings, write_list(tmp_path / "cards.csv", *many))
    text, done = await exported(settings, NOW)
    assert sorted(line[:16] for line in text.splitlines()[1:]) == many
    plain = json.loads((await exported(settings, NOW, as_json=True))[0])
    assert [len(plain["cards"]), done.count] == [7, 7]


def test_a_list_goes_to_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    """Whole under its name, with nothing left beside it; the end line says how to go on."""
    home, out = tmp_path / "home", tmp_path / "changes.csv"
    run(home, "cards", "import", str(write_list(tmp_path / "cards.csv", CARD)))
    out.write_text("an older list")
    out.chmod(0o644)
    words = ("cards", "export", "--since", "2021-01-10T12:30", "--out", str(out))
    status, said, err = run(home, *words)
    assert (status, err) == (0, "")
    assert said.startswith("1 cards, complete until 2021-01-10T09:28:")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().splitlines()[1].startswith(f"{CARD},UNPAIRED,")
    status, said, _ = run(home, *words, "--json")
    plain = json.loads(said)
    assert (plain["count"], plain["file"]) == (1, str(out))
    until = datetime.fromisoformat(plain["complete_until"])
    assert until.astimezone(UTC) < NOW
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cards.csv", "changes.csv", "home"]


def test_a_list_that_was_broken_off_leaves_the_older_one(tmp_path: Path) -> None:
    """And nothing beside it."""
    out = tmp_path / "changes.csv"
    out.write_text("an older list")
    with suppress(Interrupted), private_file(out) as write:
        write("number,")
        raise Interrupted
    assert files(tmp_path) == {str(out): b"an older list"}


@pytest.mark.parametrize("kind", ["pipe", "link", "device"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    """A link stands for itself; what it points to would not be written."""
    out = tmp_path / "out"
    if kind == "pipe":
        os.mkfifo(out)
    else:
        out.symlink_to("/dev/null" if kind == "device" else tmp_path / "list")
    before = out.lstat()
    with pytest.raises(UnusableFile, match="is not a regular file"), private_file(out):
        """Nothing is to be written."""
    assert (out.lstat().st_ino, out.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert list(tmp_path.iterdir()) == [out]


def test_a_pipe_in_the_place_of_bad_lines_is_left_alone(tmp_path: Path) -> None:
    """An empty file of bad lines is taken away; that is none."""
    pipe = tmp_path / "cards.csv.bad.csv"
    os.mkfifo(pipe)
    status, out, err = run(
        tmp_path / "home", "cards", "import", str(write_list(tmp_path / "cards.csv", CARD))
    )
    assert (status, out, err) == (2, "", f"hesbot: {pipe}: is not a regular file\n")
    assert pipe.is_fifo()


def test_a_list_on_standard_output_is_nothing_but_the_list(tmp_path: Path) -> None:
    """The end line is on standard error."""
    home = tmp_path / "home"
    run(home, "cards", "import", str(write_list(tmp_path / "cards.csv", CARD)))
    _, out, err = run(home, "cards", "export", "--since", "2021-01-10")
    assert [line.partition(",")[0] for line in out.splitlines()] == ["number", CARD]
    assert err.startswith("1 cards, complete until ")
    _, out, err = run(home, "cards", "export", "--since", "2021-01-10T12:31")
    assert out.splitlines() == ["number,status,cause,changed_at"]
    _, out, err = run(home, "cards", "export", "--since", "2021-01-10", "--json")
    assert (len(json.loads(out)["cards"]), err) == (1, "")


def test_a_list_replaces_nothing_but_a_file(tmp_path: Path) -> None:
    """A pipe or a device is not swapped for a file of its name."""
    home, pipe = tmp_path / "home", tmp_path / "pipe"
    os.mkfifo(pipe)
    run(home, "cards", "import", str(write_list(tmp_path / "cards.csv", CARD)))
    status, out, err = run(home, "cards", "export", "--since", "2021-01-10", "--out", str(pipe))
    assert (status, out) == (2, "")
    assert "is not a regular file" in err
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--since", "yesterday"), "--since must be a moment"),
        (("--since", "2021-01-10", "--out", "/proc/list.csv"), "/proc/list.csv: "),
        (("--since", "2021-01-10", "--out", "/proc"), "is a folder"),
    ],
)
def test_a_list_that_cannot_be_made_is_one_line(
    tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    home = tmp_path / "home"
    run(home, "cards", "import", str(write_list(tmp_path / "cards.csv", CARD)))
    status, out, err = run(home, "cards", "export", *words)
    assert (status, out) == (2, "")
    assert reason in err
    assert err.count("\n") == 1


def test_nothing_on_record_has_no_changes(tmp_path: Path) -> None:
    """And nothing is made to find that out."""
    status, _, err = run(tmp_path / "home", "cards", "export", "--since", "2021-01-10")
    assert (status, err) == (2, "hesbot: nothing is on record here yet\n")
    assert not (tmp_path / "home").exists()
