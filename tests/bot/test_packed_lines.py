"""Lines cut from bytes, plain or gzip, in whatever pieces they come."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services.packed_lines import (
    FREE,
    LONGEST_LINE,
    PIECE,
    RATIO,
    Line,
    PackedLines,
    TooLarge,
)

PLAIN = b"one\n\n two \r\nthree"
LINES = [Line(1, b"one"), Line(3, b"two"), Line(4, b"three")]
TWO_MEMBERS = gzip.compress(PLAIN[:6], mtime=0) + gzip.compress(PLAIN[6:], mtime=0)


def cut(pieces: Iterable[bytes], most: int | None = None) -> list[Line]:
    """All lines of the pieces."""
    lines = PackedLines(most)
    found = [line for piece in pieces for lot in lines.read(piece) for line in lot]
    return found + [line for lot in lines.end() for line in lot]


def pieces_of(whole: bytes, ends: Iterable[int]) -> list[bytes]:
    """The whole, cut at these places."""
    places = sorted({min(end, len(whole)) for end in ends} | {0, len(whole)})
    return [whole[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize(
    "whole",
    [PLAIN, gzip.compress(PLAIN, mtime=0), TWO_MEMBERS, TWO_MEMBERS + b"\0" * 600],
    ids=["plain", "gzip", "two members", "filled up"],
)
@given(ends=st.lists(st.integers(0, 200)))
def test_the_pieces_do_not_matter(whole: bytes, ends: list[int]) -> None:
    """Empty lines count for the number and say nothing."""
    assert cut(pieces_of(whole, ends)) == LINES


@pytest.mark.parametrize("whole", [b"", b"\n", b" \r\n\n", gzip.compress(b"", mtime=0)])
def test_nothing_has_no_lines(whole: bytes) -> None:
    assert cut([whole]) == []


def test_a_single_byte_is_a_line() -> None:
    """Too short to be told from gzip until the end."""
    assert cut([b"x"]) == [Line(1, b"x")]


def test_a_byte_order_mark_is_no_text() -> None:
    """Only at the very beginning."""
    mark = b"\xef\xbb\xbf"
    assert cut([mark + b"one\n" + mark + b"two"]) == [Line(1, b"one"), Line(2, mark + b"two")]


@pytest.mark.parametrize("kept", [2, 12, 18, -1])
def test_gzip_that_breaks_off_is_told(kept: int) -> None:
    """What stands half-way may read like a whole line."""
    whole = gzip.compress(b"one\ntwo")
    *_, last = cut([whole[:kept]])
    assert last.why == "gzip"


def test_gzip_that_is_damaged_is_told_once() -> None:
    """The lines before it are good."""
    good = gzip.compress(b"one\n")
    assert cut([good, gzip.compress(b"two\n")[:10] + b"nonsense" * 100, b"more"]) == [
        Line(1, b"one"),
        Line(2, b"", "gzip"),
    ]


def test_what_follows_gzip_must_be_gzip() -> None:
    assert [line.why for line in cut([gzip.compress(b"one\n") + b"two\n"])] == ["", "gzip"]


@pytest.mark.parametrize("over", [0, 1])
def test_a_line_has_an_end(over: int) -> None:
    """What is longer is cut, told, and does not spoil the next one."""
    long = b"x" * (LONGEST_LINE + over)
    whole = b"one\n" + long + b"\nthree\n" + long
    why = "too_long" if over else ""
    text = long[:LONGEST_LINE]
    expected = [Line(1, b"one"), Line(2, text, why), Line(3, b"three"), Line(4, text, why)]
    assert cut([whole]) == cut(pieces_of(whole, range(0, len(whole), 1000))) == expected


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_more_than_may_come_is_refused(pack: type) -> None:
    """By what it is unpacked."""
    assert len(cut([pack(b"x\n" * 50)], most=100)) == 50
    with pytest.raises(TooLarge):
        cut([pack(b"x\n" * 51)], most=100)


def test_a_bomb_fills_no_memory() -> None:
    """16 MB of one line in 16 kB of gzip, read a little at a time."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(16)) + packer.flush()
    lines = PackedLines()
    tracemalloc.start()
    found = [line for lots in (lines.read(bomb), lines.end()) for lot in lots for line in lot]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(line.number, line.why) for line in found] == [(1, "too_long")]
    assert most < 8 * PIECE


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("blank", [b"\n", b" \r\n"], ids=["empty", "blank"])
def test_blank_lines_come_in_lots_too(pack: type, blank: bytes) -> None:
    """An empty lot for each piece, so that others have their turn; and they are counted."""
    count = 5 * PIECE
    lines = PackedLines()
    lots = list(lines.read(pack(blank * count + b"x\n")))
    assert len(lots) > count * len(blank) // PIECE
    assert [line for lot in lots for line in lot] == [Line(count + 1, b"x")]


def test_what_unpacks_to_far_more_than_it_was_is_refused() -> None:
    """Beyond what may come out of anything."""
    assert cut([gzip.compress(b"\n" * FREE)]) == []
    with pytest.raises(TooLarge):
        cut([gzip.compress(b"\n" * (FREE + 1))])


def test_lines_that_pack_well_are_no_bomb() -> None:
    """The like of which packs to a hundredth."""
    block = random.Random(1).randbytes(PIECE // RATIO).hex().encode() + b"\n"
    whole = b"".join(b"%d" % n + block * 8 for n in range(2 * FREE // len(block) // 8))
    packed = gzip.compress(whole)
    assert len(packed) * RATIO > len(whole) > FREE
    assert cut([packed])[-1].text.endswith(block.strip())
