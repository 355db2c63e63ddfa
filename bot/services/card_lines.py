"""What a line of the card system's list says: a card's number, and whether it is personalised.

Knows no file and no record.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

from conversations.turkish import fold, spellings

LONGEST = 1000
"""Bytes of a line that are looked at; no card's line is nearly as long."""

_DIGITS = 16
_MARK = "\ufeff"
"""Byte order mark, which Excel writes before UTF-8."""
_SEPARATORS = "\t;,"
_GROUPING = str.maketrans("", "", " \u00a0-")
_YES = spellings("yes, evet, e, 1, true, doğru")
_NO = spellings("no, hayır, h, 0, false, yanlış")
"""Doğru and yanlış are what a Turkish Excel makes of true and false."""
_MOST_ENDINGS = 1000


class _Unfit(Exception):
    """A line that says nothing about a card; the message is why, without the line's own words."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not be understood, as it was, up to LONGEST bytes."""

    line: int
    reason: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Lines:
    """What the lines of a part of a list say, in their order. Blank ones and a heading say nothing.

    ``personalised`` has an entry for every number; None is unknown.
    """

    numbers: list[str] = field(default_factory=list)
    personalised: list[bool | None] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


def read_lines(part: bytes, first: int) -> Lines:
    """Read whole lines, of which the first has the number ``first`` in its file."""
    found = Lines()
    add_number, add_flag = found.numbers.append, found.personalised.append
    # Nearly all lines are a number, quoted or not, and one of a few endings; each is read once.
    known: tuple[_Endings, _Endings] = ({b"": None}, {})
    for line, content in enumerate(_split(part), first):
        start = int(content[:1] == b'"')
        digits, ending = content[start : start + _DIGITS], content[start + _DIGITS :]
        endings = known[start]
        if ending in endings and len(digits) == _DIGITS and digits.isdigit():
            add_number(digits.decode())
            add_flag(endings[ending])
            continue
        try:
            said = _read(content, is_first=line == 1)
        except _Unfit as why:
            found.bad.append(BadLine(line, str(why), content[:LONGEST]))
            continue
        if said is not None:
            add_number(said[0])
            add_flag(said[1])
            if digits == said[0].encode() and len(endings) < _MOST_ENDINGS:
                endings[ending] = said[1]
    return found


_Endings = dict[bytes, bool | None]
"""What follows a number, and what it says of personalised."""


def _split(part: bytes) -> Iterator[bytes]:
    lines = part.split(b"\n")
    return iter(lines if lines[-1] else lines[:-1])


def _read(content: bytes, *, is_first: bool) -> tuple[str, bool | None] | None:
    """The card's number and whether it is personalised; None for a blank line or a heading."""
    if len(content) > LONGEST:
        raise _Unfit("too long")
    text = _decoded(content).rstrip("\r")
    if is_first:
        text = text.removeprefix(_MARK)
    fields = _fields(text)
    if not any(fields) or (is_first and _is_heading(fields[0])):
        return None
    if any(fields[2:]):
        raise _Unfit("more than two columns")
    return _number(fields[0]), _personalised(fields[1] if len(fields) > 1 else "")


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        # What a Turkish Windows writes.
        return content.decode("cp1254", "replace")


def _fields(text: str) -> list[str]:
    separator = next((sign for sign in _SEPARATORS if sign in text), ",")
    try:
        rows = list(csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error:
        raise _Unfit("not readable as columns") from None
    return [each.strip() for each in rows[0]] if rows else []


def _is_heading(text: str) -> bool:
    """Whether it is words rather than a number with a slip in it."""
    letters = sum(sign.isalpha() for sign in text)
    return letters > sum(sign.isdigit() for sign in text)


def _number(text: str) -> str:
    number = text.translate(_GROUPING)
    if not number:
        raise _Unfit("no card number")
    if not (number.isascii() and number.isdigit()):
        raise _Unfit("other signs than digits in the card number")
    if len(number) != _DIGITS:
        raise _Unfit(f"{len(number)} digits instead of {_DIGITS}")
    return number


def _personalised(text: str) -> bool | None:
    if not text:
        return None
    said = fold(text)
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise _Unfit("personalised is neither yes nor no")
