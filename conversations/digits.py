"""Digits in what people type: of any script and grouping, as letters that look alike, as words.

Knows digits alone: not what a number of so many digits is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from conversations.turkish import fold

_LOOKALIKES = str.maketrans("OoIıİil", "0011111")
_MISTAKEN = re.compile(r"[(]?[0-9OoIıİil]+(?:[-.,/_()]+[0-9OoIıİil]+)*")
_ZEROS = re.compile("[Oo]{2,}")
_ROW = re.compile(r"[0-9]+(?:[\s.,_()\-‐‑‒–—―−]*[0-9]+)*")
"""Digits parted by nothing but what people put into one number."""
_MOST_GROUPS = 16
"""Groups of digits in one number: a card number, digit by digit."""
_BROKEN = re.compile(r"[0-9][^\W\d_]+[0-9]")


@dataclass(frozen=True, slots=True)
class Number:
    """The digits of a text. ``mended`` if letters were taken for digits (O for 0, I for 1) or other
    digits left out by guess; ``broken`` if other letters stand between them; ``several`` if there
    are two that could be meant."""

    digits: str
    mended: bool
    broken: bool
    several: bool = False


def ascii_digits(text: str) -> str:
    """The text with the decimal digits of every script as 0 to 9. Superscripts are no digits."""
    return "".join(
        str(unicodedata.decimal(sign)) if unicodedata.category(sign) == "Nd" else sign
        for sign in text
    )


def read(text: str, shape: re.Pattern[str] | None = None) -> Number:
    """All digits of a text in one row; words and separators around and between them are dropped.

    Where other numbers stand beside the one of that ``shape``, its group alone is read.
    """
    typed = " ".join(ascii_digits(text).split())
    spelt = mended(typed)
    all_digits = "".join(re.findall("[0-9]+", spelt))
    number = Number(all_digits, spelt != typed, bool(_BROKEN.search(spelt)))
    rows = [re.findall("[0-9]+", row) for row in _ROW.findall(spelt)]
    return number if shape is None else _shaped(number, rows, shape)


def mended(text: str) -> str:
    """The text with O, I and l as digits in words that consist of such letters and digits."""
    words = text.split()
    among_digits = any(re.search("[0-9]", word) for word in words)
    return " ".join(map(_mended, words)) if among_digits else text


def _mended(word: str) -> str:
    if _ZEROS.fullmatch(word) or (_MISTAKEN.fullmatch(word) and re.search("[0-9]", word)):
        return word.translate(_LOOKALIKES)
    return word


def _shaped(number: Number, rows: Sequence[Sequence[str]], shape: re.Pattern[str]) -> Number:
    """The one row of the shape; failing that, by guess, all of them or one part of a row."""
    whole = _found(["".join(row) for row in rows], shape)
    together = set() if number.broken else _found([number.digits], shape)
    found = whole or together or {part for row in rows for part in _parts(row, shape)}
    if not found:
        return number
    if len(found) > 1:
        return replace(number, several=True)
    guessed = number.mended or number.broken or not whole
    return Number(found.pop(), guessed, broken=number.broken and not whole)


def _found(rows: Sequence[str], shape: re.Pattern[str]) -> set[str]:
    return {found[1] for found in map(shape.fullmatch, rows) if found}


def _parts(row: Sequence[str], shape: re.Pattern[str]) -> Iterator[str]:
    """Neighbouring groups of digits that have the shape together; none if such parts overlap."""
    spans = [
        (start, end)
        for start in range(len(row))
        for end in range(start + 1, min(start + _MOST_GROUPS, len(row)) + 1)
        if shape.fullmatch("".join(row[start:end]))
    ]
    if all(sooner[1] <= later[0] for sooner, later in pairwise(spans)):
        yield from _found(["".join(row[start:end]) for start, end in spans], shape)


# --- number words ---------------------------------------------------------------------------

_SMALL = ("bir", "iki", "uc", "dort", "bes", "alti", "yedi", "sekiz", "dokuz")
_TENS = ("on", "yirmi", "otuz", "kirk", "elli", "altmis", "yetmis", "seksen", "doksan")
_NUMERALS: Mapping[str, int] = MappingProxyType(
    {word: value for value, word in enumerate(_SMALL, 1)}
    | {word: value * 10 for value, word in enumerate(_TENS, 1)}
    | {"yuz": 100, "bin": 1000}
)
_NUMERAL = re.compile("|".join(sorted(_NUMERALS, key=len, reverse=True)))
_GLUED = re.compile(f"((?:{_NUMERAL.pattern})+)(?:[dt][ae])?")


def number_words(text: str) -> str:
    """The text with Turkish number words as digits, as dates need it: "bin dokuz yüz elli" gives
    "1950", "on iki bin dokuz yüz elli" gives "12 1950". Words are parted by one space."""
    pieces: list[int | str] = []
    for word in text.split():
        numerals = _numerals(word)
        for numeral in numerals:
            together = _together(pieces[-1] if pieces else None, numeral)
            pieces[-1:] = [*pieces[-1:], numeral] if together is None else [together]
        pieces += [] if numerals else [word]
    return " ".join(map(_digits, pieces))


def _digits(piece: int | str) -> str:
    """Nobody was born after 2099, so "iki bin dokuz yüz" is February 1900."""
    return f"2 {piece - 1000}" if isinstance(piece, int) and piece >= 2100 else str(piece)


def _numerals(word: str) -> list[int]:
    """The numerals a word is made of, nothing if it holds anything else but a locative suffix."""
    glued = _GLUED.fullmatch(fold(word).replace(" ", ""))
    return [_NUMERALS[found] for found in _NUMERAL.findall(glued[1])] if glued else []


def _together(number: int | str | None, numeral: int) -> int | None:
    """The number that the two make when spoken in one breath, None if the second starts anew.

    "on iki bin" is a month and a year, never 12,000: no date needs so large a number.
    """
    if not isinstance(number, int):
        return None
    if numeral == 1000:
        return 2000 if number == 2 else None
    if numeral == 100:
        return _hundreds(number)
    room = 10 if numeral < 10 else 100
    return number + numeral if number and number % room == 0 else None


def _hundreds(number: int) -> int | None:
    thousands, count = number // 1000 * 1000, number % 1000
    if count == 0:
        return number + 100
    return thousands + count * 100 if 2 <= count <= 9 else None
