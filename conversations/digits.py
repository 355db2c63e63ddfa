"""Digits in what people type: of any script and grouping, as letters that look alike, as words.

Knows digits alone: not what a number of so many digits is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conversations.turkish import fold

_LOOKALIKES = str.maketrans("OoIıİil", "0011111")
_MISTAKEN = re.compile(r"[(]?[0-9OoIıİil]+(?:[-./_()]+[0-9OoIıİil]+)*")
_ZEROS = re.compile("[Oo]{2,}")
_BROKEN = re.compile(r"[0-9][^\W\d_]+[0-9]")


@dataclass(frozen=True, slots=True)
class Number:
    """The digits of a text. ``mended`` if letters were taken for digits (O for 0, I for 1);
    ``broken`` if other letters stand between them."""

    digits: str
    mended: bool
    broken: bool


def ascii_digits(text: str) -> str:
    """The text with the decimal digits of every script as 0 to 9. Superscripts are no digits."""
    return "".join(
        str(unicodedata.decimal(sign)) if unicodedata.category(sign) == "Nd" else sign
        for sign in text
    )


def read(text: str) -> Number:
    """All digits of a text in one row; words and separators around and between them are dropped."""
    words = ascii_digits(text).split()
    among_digits = any(re.search("[0-9]", word) for word in words)
    mended = [_mended(word) if among_digits else word for word in words]
    digits = "".join(re.findall("[0-9]+", "".join(mended)))
    return Number(digits, mended != words, any(map(_BROKEN.search, mended)))


def _mended(word: str) -> str:
    if _ZEROS.fullmatch(word) or (_MISTAKEN.fullmatch(word) and re.search("[0-9]", word)):
        return word.translate(_LOOKALIKES)
    return word


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
