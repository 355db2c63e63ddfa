"""``hesbot report``: what is written for the authorities."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands.base import Json, Refused, finish, plain_errors

if TYPE_CHECKING:
    from bot.services.boardings import ReportWork, Written
    from bot.settings import Settings
    from storage.boardings import Summary

MOST_REPORTS = 2**31 - 1
"""The highest number that fits the records' column (PostgreSQL manual, 8.1.1)."""

report = typer.Typer(help="What is written for the authorities.", no_args_is_help=True)

First = Annotated[
    str | None,
    typer.Option("--from", help="Its first day (2021-01-10) or moment (2021-01-10T06:00)."),
]
Last = Annotated[
    str | None,
    typer.Option(
        "--to",
        help="Its last day, all of it, or the moment before which it ends; now at the latest.",
    ),
]
Again = Annotated[
    int | None, typer.Option("--again", help="Write the files of this earlier report once more.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for the files; else HESBOT_HOME/reports.")
]


@report.command("boardings")
def report_boardings(
    first: First = None,
    last: Last = None,
    again: Again = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Write attempts to travel on suspended cards as CSV and JSON, each attempt in one report only.

    Attempts that became known after the report of their time come in the next one, marked late.
    """
    with plain_errors() as settings:
        from bot.services.boardings import UnusableFolder, UnusablePeriod
        from bot.tasks import report_boardings as with_reports

        work = _work(first, last, again, out or settings.hesbot_home / "reports")
        _refuse_if_fresh(settings)
        try:
            written = finish(with_reports(settings, work))
        except (UnusableFolder, UnusablePeriod) as error:
            raise Refused(str(error)) from None
        if written is None:
            raise Refused(f"there is no report {again}; see: hesbot report list")
        plain = _plain(written)
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else _lines(plain))


@report.command("list")
def list_reports(as_json: Json = False) -> None:
    """Show the reports that were made, oldest first."""
    with plain_errors() as settings:
        from bot.services.boardings import made
        from bot.tasks import report_boardings as with_reports

        _refuse_if_fresh(settings)
        plain = [_summary(each) for each in finish(with_reports(settings, made))]
        if as_json:
            typer.echo(json.dumps(plain))
        for each in () if as_json else plain:
            typer.echo("  ".join(str(value) for value in each.values()))


def _work(
    first: str | None, last: str | None, again: int | None, folder: Path
) -> ReportWork[Written | None]:
    """What the words ask for. Raise Refused."""
    from bot.services.boardings import make, rewrite
    from bot.services.moments import beginning, ending

    if again is not None:
        if not 1 <= again <= MOST_REPORTS:
            raise Refused(f"--again is a report's number, 1 to {MOST_REPORTS}")
        if first or last:
            raise Refused("--again needs neither --from nor --to")
        return partial(rewrite, number=again, folder=folder)
    if not first or not last:
        raise Refused("--from and --to are needed, or --again with a report's number")
    since, until = beginning(first), ending(last)
    if since is None or until is None:
        raise Refused("--from, --to: a day is like 2021-01-10, a moment like 2021-01-10T06:00")
    if since >= until:
        raise Refused("--from must come before --to")
    return partial(make, first=since, last=until, folder=folder)


def _refuse_if_fresh(settings: Settings) -> None:
    if settings.fresh:
        raise Refused("nothing is on record here yet")


def _plain(written: Written) -> dict[str, Any]:
    return {
        **_summary(written.summary),
        "late": written.late,
        "left": written.left,
        "files": [str(path) for path in written.files],
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "report": summary.number,
        "from": _moment(summary.first),
        "to": _moment(summary.last),
        "made_at": _moment(summary.made_at),
        "attempts": summary.attempts,
        "sha256": summary.sha256,
    }


def _moment(moment: datetime) -> str:
    from conversations.calendar import ISTANBUL

    return moment.astimezone(ISTANBUL).isoformat()


def _lines(plain: Mapping[str, Any]) -> str:
    said = f"Report {plain['report']}: {plain['attempts'] or 'no'} attempts"
    late = f", {plain['late']} of them late" if plain["late"] else ""
    left = f" {plain['left']} of other times are in no report yet." if plain["left"] else ""
    cut = f" It ends when it was made, {plain['to']}." if plain["to"] == plain["made_at"] else ""
    return "\n".join([f"{said}{late}.{left}{cut}", *plain["files"]])
