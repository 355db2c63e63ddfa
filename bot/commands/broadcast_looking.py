"""``hesbot broadcast list``, ``show``, ``preview`` and ``export``: nothing is changed by them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.base import Json, Refused, finish, plain_errors
from bot.commands.broadcast_base import By, Id, known, perhaps_whole, whole
from bot.commands.files import bar, usable_files, whole_or_cut

if TYPE_CHECKING:
    from bot.broadcast_tasks import Standing
    from conversations.broadcasts import Stage

STDOUT = "-"


def listing(
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="Only these; may be given again.")
    ] = None,
    limit: Annotated[str, typer.Option("--limit", help="At most so many.")] = "50",
    before: Annotated[
        str | None, typer.Option("--before", metavar="ID", help="Only older than this one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the broadcasts there are, newest first."""
    with plain_errors() as settings:
        from bot.broadcast_showing import Lines, facts
        from bot.broadcast_tasks import newest
        from bot.wording import Wording

        stages = tuple(_stage(each) for each in stage or ())
        most, older = whole(limit, "--limit"), perhaps_whole(before, "--before")
        found = [] if settings.fresh else finish(newest(settings, stages, most, older))
        if as_json:
            typer.echo(json.dumps([facts(each) for each in found], ensure_ascii=False))
            return
        lines = Lines(Wording.load())
        for each in found:
            typer.echo(lines.heading(each))


def show(
    id: Id,
    follow: Annotated[
        bool, typer.Option("--follow", help="Until it has ended, with a bar on a terminal.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show whom it is for, how far it is, how fast it goes and when it will be done."""
    with plain_errors() as settings:
        from bot.broadcast_showing import Lines, standing_as_json
        from bot.broadcast_tasks import standing
        from bot.wording import Wording

        number = known(settings, id)
        if follow:
            with _moving_bar() as watch:
                found = finish(standing(settings, number, watch))
        else:
            found = finish(standing(settings, number))
        if as_json:
            plain = standing_as_json(found.broadcast, found.progress)
            typer.echo(json.dumps(plain, ensure_ascii=False))
        else:
            typer.echo(Lines(Wording.load()).standing(found.broadcast, found.progress))


def preview(id: Id, as_json: Json = False) -> None:
    """Show each message as it will be read, and how many it reaches now, or why not."""
    with plain_errors() as settings:
        from bot.broadcast_showing import Lines, preview_as_json
        from bot.broadcast_tasks import preview as look
        from bot.wording import Wording

        number = known(settings, id)
        with bar() as progress:
            found = finish(look(settings, number, progress))
        if as_json:
            plain = preview_as_json(found.broadcast, found.bubbles, found.count)
            typer.echo(json.dumps(plain, ensure_ascii=False))
        else:
            typer.echo(Lines(Wording.load()).preview(found.bubbles, found.count))


def export(
    id: Id,
    out: Annotated[
        str, typer.Option("--out", help="CSV, readable by its owner alone; - is standard output.")
    ],
    by: By,
    as_json: Json = False,
) -> None:
    """List each recipient, masked, with what became of the message. It is noted on the audit."""
    with plain_errors() as settings, usable_files():
        from bot.broadcast_tasks import export_recipients
        from bot.services.card_changes import private_file

        number = known(settings, id)
        if out == STDOUT and as_json:
            raise Refused("--json tells of a file; give one with --out")
        if out == STDOUT:
            with whole_or_cut():
                write = sys.stdout.write
                count = finish(export_recipients(settings, by, number, write, _nobody))
        else:
            with bar() as progress, private_file(Path(out)) as write_file:
                count = finish(export_recipients(settings, by, number, write_file, progress))
        if as_json:
            plain = {"id": number, "count": count, "file": out}
            typer.echo(json.dumps(plain, ensure_ascii=False))
        else:
            typer.echo(f"{count} recipients", err=out == STDOUT)


def _nobody(_done: int, _size: int) -> None:
    """The list itself is on the terminal."""


def _stage(text: str) -> Stage:
    from conversations.broadcasts import Stage

    try:
        return Stage(text.strip().lower())
    except ValueError:
        raise Refused(f"--stage: one of {', '.join(Stage)}") from None


@contextmanager
def _moving_bar() -> Iterator[Callable[[Standing], None]]:
    """Shows on a terminal how far a broadcast is, how fast it goes and when it will be done."""
    if not sys.stderr.isatty():
        yield lambda _found: None
        return
    from bot.broadcast_showing import remaining

    # It is drawn anew at each look, for the speed changes also while nothing moves.
    with typer.progressbar(length=1, file=sys.stderr, show_eta=False, update_min_steps=0) as shown:

        def watch(found: Standing) -> None:
            progress = found.progress
            shown.label = f"{found.broadcast.stage} {remaining(progress)}".rstrip()
            shown.length = max(progress.total, 1)
            shown.update(progress.settled - shown.pos)

        yield watch
