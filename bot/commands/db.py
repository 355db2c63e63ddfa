"""``hesbot db``: the database as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Json, Refused, finish, plain_errors
from bot.commands.files import bar

if TYPE_CHECKING:
    from bot.database_tasks import Copied

db = typer.Typer(help="The database.", no_args_is_help=True)


@db.command("upgrade")
def upgrade() -> None:
    """Bring the tables to the newest revision. Safe while other processes run."""
    with plain_errors() as settings:
        from bot.database_tasks import upgrade as bring_up

        finish(bring_up(settings))


@db.command("copy")
def copy(
    source: Annotated[
        str, typer.Option("--from", help="Where the records are: sqlite:///… or postgresql://…")
    ],
    target: Annotated[str, typer.Option("--to", help="An empty database; it is brought up.")],
    live: Annotated[
        bool,
        typer.Option("--live", help="While others go on: a rehearsal; what they write is missing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy all records into an empty database of either kind, and see that all arrived.

    Broken off, the same command goes on from there; until it is done nothing else opens the copy.
    Nobody may have the source open meanwhile. No keys are needed, and none are copied.
    """
    with plain_errors():
        from bot.database_tasks import Unusable, copy_records

        try:
            with bar() as progress:
                copied = finish(copy_records(source, target, progress, live=live), uvloop=True)
        except Unusable as error:
            raise Refused(str(error)) from None
        typer.echo(_as_json(copied, live) if as_json else _as_text(copied, live))


def _as_json(copied: Copied, live: bool) -> str:
    tables = {each.name: {"rows": each.rows, "written": each.written} for each in copied.tables}
    rows, written = _sums(copied)
    return json.dumps(
        {
            "tables": tables,
            "rows": rows,
            "written": written,
            "seconds": copied.seconds,
            "complete": not live,
        }
    )


def _as_text(copied: Copied, live: bool) -> str:
    lines = [(each.name, each.rows, each.written) for each in copied.tables]
    lines.append(("all", *_sums(copied)))
    width = max(len(name) for name, *_ in lines)
    number = max(len(f"{rows:,}") for _, rows, _ in lines)
    table = [
        f"{name:{width}}  {rows:>{number},} rows  {written:>{number},} written now"
        for name, rows, written in lines
    ]
    end = f"every row was read again and is the source's; {copied.seconds:.1f} s"
    missing = ["what was written since the copy was begun is not in it"] if live else []
    return "\n".join([*table, end, *missing])


def _sums(copied: Copied) -> tuple[int, int]:
    return sum(each.rows for each in copied.tables), sum(each.written for each in copied.tables)
