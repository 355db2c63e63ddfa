"""``hesbot citizen``: requests of citizens that come on paper (law 6698, art. 13)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.base import Json, Refused, ask, finish, plain_errors

if TYPE_CHECKING:
    from bot.settings import Settings

citizen = typer.Typer(help="Requests of citizens that come on paper.", no_args_is_help=True)

Tckn = Annotated[
    str,
    typer.Option("--tckn", help="The identity number; - reads it from the standard input."),
]
By = Annotated[str | None, typer.Option("--by", help="Who of the staff does it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@citizen.command("export")
def export(tckn: Tckn, by: By = None, as_json: Json = False) -> None:
    """Print all that is held of a person, in full, for them alone."""
    with plain_errors() as settings:
        from bot.citizen_tasks import export_citizen

        number = _number(tckn)
        plain = finish(export_citizen(_known(settings), number, by))
        if plain is None:
            raise Refused("nobody with this identity number is on record")
        typer.echo(json.dumps(plain, ensure_ascii=False, indent=None if as_json else 2))


@citizen.command("erase")
def erase(tckn: Tckn, by: By = None, yes: Yes = False, as_json: Json = False) -> None:
    """Erase a person: their details, pairings, conversations, and where they write from.

    What must stay is named: a suspension in force, attempts to travel during one, the card itself.
    """
    with plain_errors() as settings:
        from bot.citizen_tasks import erase_citizen

        number = _number(tckn)
        known = _known(settings)
        if not yes:
            ask("Erase everything that is held of this person? It cannot be undone.")
        plain: dict[str, Any] | None = finish(erase_citizen(known, number, by))
        if plain is None:
            raise Refused("nobody with this identity number is on record")
        if as_json:
            typer.echo(json.dumps(plain))
            return
        for name, count in plain["erased"].items():
            typer.echo(f"{name}: {count}")
        typer.echo(f"staying: {', '.join(plain['staying']) or '-'}")


def _number(given: str) -> str:
    """What is typed as an argument stands in the shell's history; hence the ``-``."""
    from bot.citizen_tasks import identity_of

    text = typer.get_text_stream("stdin").readline() if given == "-" else given
    number = identity_of(text)
    if number is None:
        raise Refused("--tckn: this is no identity number; it has 11 digits")
    return number


def _known(settings: Settings) -> Settings:
    if settings.fresh:
        raise Refused("nothing is on record here yet")
    return settings
