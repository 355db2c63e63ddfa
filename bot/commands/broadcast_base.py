"""What the ``hesbot broadcast`` commands share: words that are read alike, and what is told of a
broadcast after an act. What cannot be read raises Refused.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Refused

if TYPE_CHECKING:
    from bot.settings import Settings
    from storage import Broadcast

MOST = 2**31 - 1
"""The highest number that fits the records' column (PostgreSQL manual, 8.1.1)."""
YEARS = range(2020, 2101)
"""What can be meant; the calendar itself ends somewhere."""

Id = Annotated[str, typer.Argument(metavar="ID", help="The broadcast's number.")]
By = Annotated[str, typer.Option("--by", help="Who of the staff does it.")]
Version = Annotated[
    str | None, typer.Option("--version", help="Only if it is still this one, which was looked at.")
]


def known(settings: Settings, id: str) -> int:
    """The number of a broadcast, where there can be any."""
    found = whole(id, "a broadcast")
    if settings.fresh:
        raise Refused("nothing is on record here yet")
    return found


def whole(text: str, what: str) -> int:
    """A whole number above zero."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(MOST)):
        raise Refused(f"{what}: a number is wanted, like 7")
    found = int(digits)
    if not 1 <= found <= MOST:
        raise Refused(f"{what}: a number is wanted, like 7")
    return found


def perhaps_whole(text: str | None, what: str) -> int | None:
    """The same where it may be left out."""
    return None if text is None else whole(text, what)


def share(text: str, what: str) -> float:
    """A share, like 0.2."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise Refused(f"{what}: a share is written like 0.2")
    return found


def day(text: str | None, what: str) -> date | None:
    """A day, like 2021-01-08."""
    if text is None:
        return None
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(f"{what}: a day is written like 2021-01-08") from None
    if found.year not in YEARS:
        raise Refused(f"{what}: a day of {YEARS.start} to {YEARS.stop - 1} is wanted")
    return found


def moment(text: str | None, what: str) -> datetime | None:
    """A moment, or the beginning of a day; Istanbul's without a zone."""
    if text is None:
        return None
    from bot.services.moments import beginning

    found = beginning(text)
    if found is None or found.year not in YEARS:
        raise Refused(f"{what}: a moment is written like 2021-01-10T10:00")
    return found


def pairs(texts: list[str], what: str) -> dict[str, str]:
    """``tr=FILE`` and the like, each name once."""
    found: dict[str, str] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name.strip() or not value.strip() or name.strip() in found:
            raise Refused(f"{what}: each language once, like en=…")
        found[name.strip()] = value.strip()
    return found


def tell(found: Broadcast, words: str = "", *, as_json: bool, **more: int) -> None:
    """Where a broadcast stands after an act."""
    from bot.broadcast_showing import Lines, facts
    from bot.wording import Wording

    if as_json:
        typer.echo(json.dumps({**facts(found), **more}, ensure_ascii=False))
    else:
        line = Lines(Wording.load()).heading(found)
        typer.echo(f"{line}\n{words}" if words else line)
