"""``hesbot cards``: what is on record of a card, and cards in bulk."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Json, Refused, finish, plain_errors
from bot.commands.files import bar, usable_files, whole_or_cut

if TYPE_CHECKING:
    from bot.services.card_changes import Exported
    from bot.settings import Settings

cards = typer.Typer(help="What is on record of a card, and cards in bulk.", no_args_is_help=True)


@cards.command("show")
def show_card(
    number: Annotated[str, typer.Argument(help="The card's 16 digits.")], as_json: Json = False
) -> None:
    """Show a card's status, its link, its holder (masked) and its history."""
    with plain_errors() as settings:
        from bot.showing import card_as_json, card_as_text, digits_of
        from bot.tasks import find_card

        digits = digits_of(number)
        if digits is None:
            raise Refused("a card number has 16 digits")
        if settings.fresh:
            raise Refused("nothing is on record here yet")
        card = finish(find_card(settings, digits))
        if card is None:
            raise Refused("no such card is on record")
        plain = card_as_json(card)
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else card_as_text(plain))


@cards.command("import")
def import_cards(
    file: Annotated[
        Path, typer.Argument(help="CSV, plain or gzip: 16 digits, and whether personalised.")
    ],
    as_json: Json = False,
) -> None:
    """Take in the card system's list of cards. Known cards keep what is known of them.

    Lines that cannot be read go to FILE.bad.csv. Broken off, the same command goes on from there;
    a list that was taken in before changes nothing.
    """
    with plain_errors() as settings, usable_files():
        from bot.tasks import import_cards as take_in

        with bar() as progress:
            plain = asdict(finish(take_in(settings, file, progress)))
        if as_json:
            typer.echo(json.dumps(plain, ensure_ascii=False))
            return
        if plain.pop("repeated"):
            typer.echo("this list was taken in before; nothing has changed now")
        for name, value in plain.items():
            typer.echo(f"{name}: {'-' if value is None else value}")


@cards.command("export")
def export_cards(
    since: Annotated[
        str,
        typer.Option(help="A moment, 2021-01-15T08:00, or a day; Istanbul's without a zone."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the list here, readable by its owner alone.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the cards whose status changed since a moment: number, status, cause, when.

    The last line says until when the list is complete: that is the next --since. What changed in
    the minutes before is listed now and once more then.
    """
    with plain_errors() as settings, usable_files():
        moment = _moment(since)
        if settings.fresh:
            raise Refused("nothing is on record here yet")
        if out is None:
            with whole_or_cut():
                exported = _export(settings, moment, sys.stdout.write, as_json=as_json)
        else:
            from bot.services.card_changes import private_file

            with private_file(out) as write:
                exported = _export(settings, moment, write)
        _tell(exported, out, as_json)


def _export(
    settings: Settings, since: datetime, write: Callable[[str], object], *, as_json: bool = False
) -> Exported:
    from bot.tasks import export_cards

    done: Exported = finish(export_cards(settings, since, write, as_json=as_json))
    return done


def _tell(exported: Exported, out: Path | None, as_json: bool) -> None:
    """The end line; beside a list on standard output it goes to standard error."""
    from bot.services.card_changes import plain

    outcome = plain(exported)
    if as_json and out is not None:
        typer.echo(json.dumps({**outcome, "file": str(out)}, ensure_ascii=False))
    elif not as_json:
        until = outcome["complete_until"]
        typer.echo(f"{exported.count} cards, complete until {until}", err=out is None)


def _moment(text: str) -> datetime:
    from bot.services.moments import beginning

    moment = beginning(text)
    if moment is None:
        raise Refused("--since must be a moment like 2021-01-15T08:00+03:00")
    return moment
