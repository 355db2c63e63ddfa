"""Moments as others write them, read in one way wherever they come from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.services.moments import beginning, ending, moment
from tests.bot.commanding import files, refused

BEYOND = (
    "0001-01-01T00:00",
    "0001-01-01T00:00+03:00",
    "9999-12-31T23:59Z",
    "9999-12-31T23:59-03:00",
)
"""UTC's calendar or Istanbul's has no such day."""


@pytest.mark.parametrize("text", [*BEYOND, "2021-02-30T10:00", "2021-01-15", "soon", ""])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize("text", ["0001-01-01", "9999-13-01", "2021-02-30", "٢٠٢١-٠١-١٥"])
def test_what_is_no_day_is_none(text: str) -> None:
    assert beginning(text) is None


def test_the_last_day_of_all_has_no_end() -> None:
    assert ending("9999-12-31") is None


def test_it_is_istanbuls_unless_it_says_otherwise() -> None:
    assert moment("2021-01-15T08:00") == moment("2021-01-15 05:00Z")
    assert moment(" 2021-01-15T08:00 ") == datetime(2021, 1, 15, 5, tzinfo=UTC)
    assert beginning("2021-01-15") == datetime(2021, 1, 14, 21, tzinfo=UTC)
    assert ending("2021-01-15") == datetime(2021, 1, 15, 21, tzinfo=UTC)


@pytest.mark.sqlite("looks at the file")
@pytest.mark.parametrize("text", [*BEYOND, "0001-01-01", "yesterday"])
@pytest.mark.parametrize(
    "words",
    [("cards", "export", "--since"), ("report", "boardings", "--to", "2021-01-10", "--from")],
    ids=["cards", "report"],
)
async def test_a_command_refuses_it(tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    """In one line, with no heading printed before; records would not be opened for it."""
    (tmp_path / "hesbot.sqlite3").touch()
    line = await refused(tmp_path, *words, text)
    assert "a moment like" in line or "must be a moment" in line
    assert list(files(tmp_path).values()) == [b""]
