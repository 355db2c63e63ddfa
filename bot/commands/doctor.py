"""``hesbot doctor``: whether everything around it is well, and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from bot.commands.base import Json, explain, finish

if TYPE_CHECKING:
    from bot.checks.findings import Finding


def doctor(as_json: Json = False) -> None:
    """Look at settings, keys, database, disk, clock and messengers, and say what to do.

    A line for each: ok, warn or fail. Exit status 1 where something fails. Changes nothing.
    """
    try:
        found = finish(_examined(as_json=as_json))
    except (Exception, KeyboardInterrupt) as error:
        raise typer.Exit(explain(error)) from None
    if as_json:
        typer.echo(json.dumps([_plain(each) for each in found], ensure_ascii=False))
    if any(each.level == "fail" for each in found):
        raise typer.Exit(1)


async def _examined(*, as_json: bool) -> list[Finding]:
    """All findings; for a person each is shown as it comes."""
    from bot.doctor import examine

    found = []
    async for each in examine():
        found.append(each)
        if not as_json:
            typer.echo(_line(each))
    return found


def _plain(finding: Finding) -> dict[str, str | None]:
    return {
        "level": str(finding.level),
        "name": finding.name,
        "found": finding.found,
        "advice": finding.advice or None,
    }


def _line(finding: Finding) -> str:
    advice = f" – {finding.advice}" if finding.advice else ""
    return f"{finding.level:4}  {finding.name}  {finding.found}{advice}"
