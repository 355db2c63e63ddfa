"""``hesbot db``: the database as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Json, Refused, ask, finish, plain_errors
from bot.commands.files import bar

if TYPE_CHECKING:
    from bot.backup_tasks import Restored
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


@db.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a file that is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write all records to one file while everybody goes on; nobody who writes waits for it.

    The keys are not in it: keep a copy of them in another place. For SQLite.
    """
    with plain_errors() as settings:
        from bot.backup_tasks import Unusable, back_up

        try:
            with bar() as progress:
                done = back_up(settings, file, progress, replace=replace)
        except Unusable as error:
            raise Refused(str(error)) from None
        if as_json:
            typer.echo(json.dumps({"file": str(file), "bytes": done.size, "seconds": done.seconds}))
            return
        typer.echo(f"{file}: {done.size:,} bytes, looked through and whole; {done.seconds:.1f} s")


@db.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="What `hesbot db backup` wrote.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the records, which are kept aside. Stop every hesbot first.

    Who was erased since it was taken is erased again, as far as the records that it replaces tell.
    The keys in use must open it. For SQLite.
    """
    with plain_errors() as settings:
        from bot.backup_tasks import Unusable, check_restorable
        from bot.backup_tasks import restore as put_back

        try:
            check_restorable(settings, file)
            if not yes:
                ask("Put the backup in the place of the records? What came since is not in it.")
            with bar() as progress:
                done = finish(put_back(settings, file, progress))
        except Unusable as error:
            raise Refused(str(error)) from None
        typer.echo(_restored_as_json(done) if as_json else _restored_as_text(done))


def _restored_as_json(done: Restored) -> str:
    proofs = [
        {"at": each.at.isoformat(), "way": each.way, "counts": dict(each.counts)}
        for each in done.proofs or ()
    ]
    return json.dumps(
        {
            "aside": None if done.aside is None else str(done.aside),
            "erasures_since": None if done.proofs is None else proofs,
            "erased_again": done.erased,
            "seconds": done.seconds,
        }
    )


def _restored_as_text(done: Restored) -> str:
    lines = [f"restored, looked through and opened with the keys in use; {done.seconds:.1f} s"]
    if done.aside is not None:
        lines.append(f"what was there before: {done.aside} (personal: delete it in time)")
    if done.proofs is None:
        lines.append("erasures since the backup are not known: repeat those that are on paper")
    else:
        lines.append(f"erasures since the backup: {len(done.proofs)}")
        lines += [
            f"  {each.at:%Y-%m-%d %H:%M} UTC, asked for by {each.way}" for each in done.proofs
        ]
        again = "nobody can tell whom: repeat those that are on paper"
        lines.append(f"erased again: {again if done.erased is None else done.erased}")
    return "\n".join(lines)


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
