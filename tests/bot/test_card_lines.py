"""Every line of a list of cards says what it says, in whatever form."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.services import card_lists
from bot.services.card_lines import LONGEST, BadLine, read_lines
from bot.services.card_lists import examine
from tests.bot.card_lists import (
    SPOILT,
    number,
)
from tests.storage.people import CARD, OTHER_CARD


@pytest.mark.parametrize(
    ("line", "personalised"),
    [
        (f"{CARD}", None),
        (f"{CARD}\r", None),
        (f"{CARD},", None),
        (f"{CARD},yes", True),
        (f"{CARD};Evet\r", True),
        (f"{CARD}\tE", True),
        (f"{CARD},1", True),
        (f"{CARD},TRUE", True),
        (f"{CARD},HAYIR", False),
        (f"{CARD},hayir", False),
        (f"{CARD};h", False),
        (f"{CARD},0", False),
        (f"{CARD},No,,", False),
        (f"{CARD}, false", False),
        (f'"{CARD}"', None),
        (f'"{CARD}";"EVET"', True),
        ("7301 0000 1111 2222,yes", True),
        ("7301-0000-1111-2222", None),
        ('"7301\u00a00000\u00a01111\u00a02222","no"', False),
        (f" {CARD} , evet ", True),
    ],
)
def test_a_line_says_the_same_in_every_form(line: str, personalised: bool | None) -> None:
    """Alone, at the head of a file with a mark, and after a line of the same form."""
    for text in (line, f"\ufeff{line}", f"{line}\n{line}\n"):
        found = read_lines(text.encode(), 1)
        assert set(found.numbers) == {CARD}
        assert set(found.personalised) == {personalised}
        assert found.bad == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (SPOILT, "14 digits instead of 16"),
        (f"{CARD}1", "17 digits instead of 16"),
        (",yes", "no card number"),
        ("7.301E+15", "other signs than digits in the card number"),
        ("730100001111222O", "other signs than digits in the card number"),
        ("٧٣٠١٠٠٠٠١١١١٢٢٢٢", "other signs than digits in the card number"),
        (f"{CARD},belki", "personalised is neither yes nor no"),
        (f"{CARD},yes,no", "more than two columns"),
        (f'"{CARD}', "not readable as columns"),
        (f"{CARD},{'x' * LONGEST}", "too long"),
    ],
)
def test_a_line_that_cannot_be_read_is_kept_with_its_reason(line: str, reason: str) -> None:
    """Wherever it stands, and its neighbours are read."""
    assert read_lines(line.encode(), 1).bad == [BadLine(1, reason, line.encode()[:LONGEST])]
    found = read_lines(f"{CARD}\n{line}\n{OTHER_CARD}".encode(), 7)
    assert found.bad == [BadLine(8, reason, line.encode()[:LONGEST])]
    assert found.numbers == [CARD, OTHER_CARD]


@pytest.mark.parametrize("heading", ["kart_no;kişisel", "16 haneli kart no", '"Card","Personal"'])
def test_a_heading_stands_in_the_first_line_alone(heading: str) -> None:
    assert read_lines(heading.encode(), 1).bad == []
    assert [bad.line for bad in read_lines(heading.encode(), 2).bad] == [2]


def test_blank_lines_say_nothing() -> None:
    """Nor do rows that a table programme left empty."""
    found = read_lines(f"\n \n;;\r\n{CARD}\n\n".encode(), 1)
    assert (found.numbers, found.bad) == ([CARD], [])


def test_what_a_turkish_windows_writes_is_read() -> None:
    """Code page 1254, where ı is one byte."""
    found = read_lines(f"{CARD};Hayır".encode("cp1254"), 1)
    assert found.personalised == [False]


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_of_any_length_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: bytes
) -> None:
    """And memory does not grow with it."""
    monkeypatch.setattr(card_lists, "BLOCK", 40)
    file = tmp_path / "cards.csv"
    first = f"{CARD}\n{OTHER_CARD}\n".encode()
    file.write_bytes(first + b"9" * 5 * card_lists.LONGEST + b"\n" + number(1).encode() + ending)
    blocks = list(examine(file).blocks())
    assert max(len(block.content) for block in blocks) <= 40 + LONGEST
    found = [read_lines(block.content, block.first) for block in blocks]
    assert [each for part in found for each in part.numbers] == [CARD, OTHER_CARD, number(1)]
    assert [(bad.line, bad.reason) for part in found for bad in part.bad] == [(3, "too long")]
    assert (blocks[-1].last, blocks[-1].end) == (4, file.stat().st_size)
