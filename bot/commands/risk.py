"""``hesbot risk``: the Ministry's list of risky codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.base import Json, Refused, finish, plain_errors

risk = typer.Typer(help="The Ministry's list of risky codes.", no_args_is_help=True)


@risk.callback()
def _group() -> None:
    """A group of one command still wants the command's name."""


@risk.command("import")
def import_risks(
    file: Annotated[str, typer.Argument(help="JSON Lines, plain or gzip; - is standard input.")],
    as_json: Json = False,
) -> None:
    """Take the records of a file: risky codes suspend their cards, riskless ones give them back.

    Lines that cannot be read go to FILE.bad.jsonl. The same file again changes nothing more.
    """
    with plain_errors() as settings:
        from bot.services.risk_file import UnusableFile
        from bot.tasks import import_risks as take_file

        try:
            with _bar(file) as progress:
                imported = finish(take_file(settings, file, progress))
        except UnusableFile as error:
            raise Refused(str(error)) from None
        plain = asdict(imported)
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else _lines(plain))


def _lines(plain: dict[str, object]) -> str:
    return "\n".join(f"{name}: {'-' if value is None else value}" for name, value in plain.items())


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int], None]]:
    """Shows on a terminal how much of the file is read; is told so in bytes."""
    size = _size(name)
    if not size or not sys.stderr.isatty():
        yield lambda _more: None
        return
    with typer.progressbar(length=size, file=sys.stderr) as bar:
        yield bar.update


def _size(name: str) -> int:
    path = Path(name)
    return os.path.getsize(path) if path.is_file() else 0
