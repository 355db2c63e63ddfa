"""``hesbot doctor``: what is wrong here, and what to do."""

from __future__ import annotations

import json

import typer

from bot.commands.base import Json, finish, plain_errors


def doctor(as_json: Json = False) -> None:
    """Look at settings, keys, records, disk, clock and messengers; change nothing.

    A line each: ok, warn or fail, what was found and what to do. Exit status 1 if something fails.
    """
    with plain_errors() as settings:
        from bot.doctor import Verdict, examine, worst
        from bot.doctor import as_json as plain

        findings = finish(examine(settings))
        if as_json:
            typer.echo(json.dumps([plain(each) for each in findings], ensure_ascii=False))
        else:
            for each in findings:
                do = f" – {each.do}" if each.do else ""
                typer.echo(f"{each.verdict:4}  {each.name:16}  {each.found}{do}")
        if worst(findings) is Verdict.FAIL:
            raise typer.Exit(1)
