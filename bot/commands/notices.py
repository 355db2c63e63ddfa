"""``hesbot notices``: what people are told without asking."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.base import Json, Refused, ask, finish, plain_errors

if TYPE_CHECKING:
    from bot.settings import Settings

YEARS = range(2020, 2101)
"""What can be meant; the calendar itself ends somewhere."""

notices = typer.Typer(help="What people are told without asking.", no_args_is_help=True)

On = Annotated[str | None, typer.Option("--on", help="The day, like 2021-01-08; today without.")]


@notices.command("due")
def due(
    on: On = None,
    however_long: Annotated[
        bool,
        typer.Option("--however-long", help="PostgreSQL: let people wait for it."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what would go out on a day as things stand; nothing is changed or sent."""
    with plain_errors() as settings:
        from bot.tasks import look_ahead

        day, _ = _day(settings, on)
        try:
            found = finish(look_ahead(settings, day, however_long, listing=as_json))
        except TimeoutError:
            raise Refused(
                "too many are concerned to look while people write; try --however-long"
                " in a quiet hour, or on a copy of the records"
            ) from None
        plain = found.as_json()
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else _table(plain))


@notices.command("run")
def run(
    on: On = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, whatever the day.")] = False,
    as_json: Json = False,
) -> None:
    """Do what a day brings, as at its noon: change cards, write notices, send all that is due.

    Safe while a worker runs: no cause is told twice.
    """
    with plain_errors() as settings:
        from bot.tasks import run_day

        day, today = _day(settings, on)
        if day != today and not yes:
            if not sys.stdin.isatty():
                raise Refused(f"it is {today}; to do what {day} brings, add --yes")
            ask(f"It is {today}. Do what {day} brings, and tell people?")
        plain = finish(run_day(settings, day))
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else _summary(plain))


def _day(settings: Settings, on: str | None) -> tuple[date, date]:
    """The day asked for, and today by the product's clock."""
    from bot.clock import clock
    from bot.notices.rules import day_of

    if settings.fresh:
        raise Refused("nothing is on record here yet")
    today = day_of(clock(settings.hesbot_now)())
    try:
        day = today if on is None else date.fromisoformat(on)
    except ValueError:
        raise Refused("--on: a day is written like 2021-01-08") from None
    if day.year not in YEARS:
        raise Refused(f"--on: a day of {YEARS.start} to {YEARS.stop - 1} is wanted")
    return day, today


def _table(plain: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            f"{plain['on']}: {plain['total']} due",
            *_lines(plain["kinds"]),
            *(["by channel:", *_lines(plain["channels"])] if plain["channels"] else []),
        ]
    )


def _summary(plain: Mapping[str, Any]) -> str:
    written, outcomes = plain["written"], plain["outcomes"]
    return "\n".join(
        [
            f"{plain['on']}: {sum(written.values())} written",
            *_lines(written),
            "outcomes:" if outcomes else "nothing sent",
            *_lines(outcomes),
        ]
    )


def _lines(counts: Mapping[str, int]) -> list[str]:
    return [f"  {name:<20}{count:>9}" for name, count in counts.items()]
