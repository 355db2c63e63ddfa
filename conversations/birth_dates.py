"""Dates of birth as people type them: "01.02.1990", "1 şubat 1990'da", "on iki mart bin dokuz…".

The day stands before the month. Knows dates alone: not who is asked, nor what for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from conversations.digits import ascii_digits, mended, number_words
from conversations.outcomes import Doubt, Invalid
from conversations.turkish import fold, spellings

OLDEST = 120
"""Years. Nobody older is believed; the oldest person on record lived to 122."""

_MONTHS = {
    name: place
    for place, names in enumerate(
        (
            ("ocak", "ocag", "january"),
            ("subat", "february"),
            ("mart", "march"),
            ("nisan", "april"),
            ("mayis", "may"),
            ("haziran", "june"),
            ("temmuz", "july"),
            ("agustos", "august"),
            ("eylul", "september"),
            ("ekim", "october"),
            ("kasim", "november"),
            ("aralik", "aralig", "december"),
        ),
        start=1,
    )
    for name in names
}
_SHORT = {name[:3]: place for name, place in _MONTHS.items()} | {"sept": 9}
_SUFFIX = "(?:[dt][ae]n?|in|un|i|u|a|e|ayi|ayinda|ayinin)?"
_MONTH = re.compile(f"({'|'.join(sorted(_MONTHS, key=len, reverse=True))}){_SUFFIX}")
_AROUND = spellings(
    """
    benim, ben, doğum, doğdum, doğumlu, doğumluyum, doğumluyuz, tarih, tarihi, tarihim, gün, günü,
    günüm, yıl, yılı, yılında, sene, senesi, senesinde, ay, ayı, ayının, ayın, olarak, de, da, te,
    ta, den, dan, in, un, i, u, si, sinde, unda, inde, nde, nda, dir, dur, tur, pazartesi, salı,
    çarşamba, perşembe, cuma, cumartesi, pazar, evet, born, on, of, the, st, nd, rd, th
    """
)
_TYPED_OUT = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1(?:19|20)[0-9]{2}")


@dataclass(frozen=True, slots=True)
class _Reading:
    """The three numbers in their places. ``sure`` unless something was guessed."""

    year: str
    month: int
    day: int
    sure: bool = True


def read(text: str, today: date) -> date:
    """The date that is meant, before ``today``. Raise Invalid or Doubt."""
    typed = ascii_digits(" ".join(text.split()))
    spelt = mended(typed)
    reading = _reading(_tokens(spelt), today)
    sure = reading.sure and len(reading.year) == 4 and spelt == typed
    try:
        born = _date(reading, today)
    except ValueError:
        raise Invalid("date.impossible") from None
    _check_age(born, today)
    if not sure:
        raise Doubt("doubt.birth_date", born)
    return born


def is_written_out(text: str) -> bool:
    """Whether the text is clearly a date: three parts, a year of four digits."""
    words = _tokens(text)
    named = [word for word in words if _month(word)]
    return bool(
        _TYPED_OUT.fullmatch(ascii_digits(text).strip())
        or (len(words) == 3 and len(named) == 1 and len(_numbers(words)) == 2)
    )


def _tokens(text: str) -> list[str]:
    return re.findall(r"[0-9]+|[^\W\d_]+", fold(number_words(ascii_digits(text))))


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.isdecimal()]


def _month(word: str) -> int | None:
    """The number of a month's name, whole, shortened or with a case suffix."""
    named = _MONTH.fullmatch(word)
    return _MONTHS[named[1]] if named else _SHORT.get(word)


def _reading(words: Sequence[str], today: date) -> _Reading:
    numbers = _numbers(words)
    unknown = [word for word in words if not word.isdecimal() and word not in _AROUND]
    months = [month for month in map(_month, unknown) if month]
    unknown = [word for word in unknown if not _month(word)]
    sure = not unknown
    if not months and len(numbers) == 2:
        months, sure = list(_misspelt(unknown)), False
    if len(months) > 1:
        raise Invalid("date.unreadable")
    reading = _with_month(numbers, months[0]) if months else _digits_only(numbers, today)
    return replace(reading, sure=reading.sure and sure)


def _misspelt(words: Sequence[str]) -> Iterator[int]:
    import difflib

    for word in words:
        for name in difflib.get_close_matches(word, _MONTHS, n=1, cutoff=0.75):
            yield _MONTHS[name]


def _with_month(numbers: Sequence[str], month: int) -> _Reading:
    if len(numbers) < 2:
        raise Invalid("date.incomplete")
    if len(numbers) > 2:
        raise Invalid("date.unreadable")
    day, year = numbers
    if len(day) > 2 or int(day) > 31:
        day, year = year, day
    return _checked(year, month, day)


def _digits_only(numbers: Sequence[str], today: date) -> _Reading:
    if len(numbers) == 1:
        return _in_one_row(numbers[0], today)
    if len(numbers) == 2:
        raise Invalid("date.incomplete")
    if len(numbers) != 3 or len(numbers[1]) > 2:
        raise Invalid("date.unreadable")
    first, month, last = numbers
    leads = len(first) == 4 or (int(first) > 31 and len(last) == 2)
    year, day = (first, last) if leads else (last, first)
    reading = _checked(year, int(month), day)
    if reading.month > 12 >= reading.day:
        return replace(reading, month=reading.day, day=reading.month, sure=False)
    return reading


def _checked(year: str, month: int, day: str) -> _Reading:
    if len(day) > 2 or len(year) not in (2, 4):
        raise Invalid("date.unreadable")
    return _Reading(year, month, int(day))


def _in_one_row(row: str, today: date) -> _Reading:
    """Day, month and year without separators; a row that starts with the year is asked about."""
    if len(row) == 4 and today.year - OLDEST <= int(row) <= today.year:
        raise Invalid("date.incomplete")
    if len(row) not in (6, 8):
        raise Invalid("date.unreadable")
    reading = _Reading(row[4:], int(row[2:4]), int(row[:2]))
    turned = _Reading(row[:4], int(row[4:6]), int(row[6:] or 0), sure=False)
    return turned if len(row) == 8 and not _is_near(reading, today) else reading


def _is_near(reading: _Reading, today: date) -> bool:
    """Whether it is a day of the calendar within a human life (or, mistyped, the next one)."""
    try:
        return abs(_date(reading, today).year - today.year) <= OLDEST
    except ValueError:
        return False


def _date(reading: _Reading, today: date) -> date:
    """Raise ValueError for a day that is not in the calendar."""
    if len(reading.year) == 4:
        return date(int(reading.year), reading.month, reading.day)
    this_century = today.year // 100 * 100 + int(reading.year)
    try:
        born = date(this_century, reading.month, reading.day)
    except ValueError:
        return date(this_century - 100, reading.month, reading.day)
    return born if born < today else date(this_century - 100, reading.month, reading.day)


def _check_age(born: date, today: date) -> None:
    if born >= today:
        raise Invalid("date.future")
    if (born.year + OLDEST, born.month, born.day) < (today.year, today.month, today.day):
        raise Invalid("date.too_old", years=OLDEST)
