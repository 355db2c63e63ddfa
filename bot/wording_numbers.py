"""Numbers, days and times as people of a language write them. Istanbul time.

With ``bot.wording`` the only place that uses Babel, which is loaded with the first number that
needs it.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from conversations.calendar import ISTANBUL

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
"""Seconds in each, the largest first."""


@lru_cache(maxsize=512)
def said_day(day: date, pattern: str, locale: str) -> str:
    """A day by CLDR's pattern."""
    from babel.dates import format_date

    return str(format_date(day, pattern, locale=locale))


def number(number: int, locale: str) -> str:
    """With the language's marks between thousands."""
    if -1000 < number < 1000:
        return str(number)
    from babel.numbers import format_decimal

    return str(format_decimal(number, locale=locale))


def tenths(number: float, locale: str) -> str:
    """With one decimal where it says more."""
    from babel.numbers import format_decimal

    return str(format_decimal(round(number, 1), format="#,##0.#", locale=locale))


def percent(share: float, locale: str) -> str:
    """A share of 1 in per cent, with decimals as far as they say more."""
    from babel import Locale
    from babel.numbers import format_percent

    decimals = ".#" if share >= 0.01 else ".###"
    pattern = Locale.parse(locale).percent_formats[None].pattern.replace("##0", f"##0{decimals}")
    return str(format_percent(share, pattern, locale=locale))


def moment(at: datetime, locale: str) -> str:
    """Day and time to the minute."""
    here = at.astimezone(ISTANBUL)
    return f"{said_day(here.date(), 'd MMM y', locale)} {here:%H:%M}"


def hour(at: datetime, locale: str) -> str:
    """An hour of a day: "8 Oca 14:00"."""
    here = at.astimezone(ISTANBUL)
    return f"{short_day(here.date(), locale)} {here:%H:%M}"


def short_day(day: date, locale: str) -> str:
    """ "8 Oca"."""
    return said_day(day, "d MMM", locale)


def span(seconds: float, locale: str) -> str:
    """How long something lasts, in its largest unit and the next: "3 sa. 20 dk."."""
    from babel.units import format_unit

    left = round(seconds)
    place = next((place for place, (size, _) in enumerate(UNITS) if left >= size), len(UNITS) - 1)
    said: list[str] = []
    for size, unit in UNITS[place : place + 2]:
        count, left = divmod(left, size)
        if count or not said:
            said.append(str(format_unit(count, f"duration-{unit}", "short", locale=locale)))
    return " ".join(said)
