"""What every command shares: one clear line for every failure, and running to the end.

Every failure is one line on standard error: with exit status 2 if a person can mend it, with 1 and
the place in the program if not. An error's own words are never printed; they may be a person's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bot.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Refused(Exception):
    """The words given cannot be carried out; the message says why in one line."""


def finish(task: Coroutine[Any, Any, Any], *, uvloop: bool = False) -> Any:
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if uvloop:
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(task)


def ask(question: str) -> None:
    """Go on if a person says yes; else raise Refused."""
    with suppress(typer.Abort):
        if typer.confirm(question):
            return
    raise Refused("nothing was done")


@contextmanager
def plain_errors() -> Iterator[Settings]:
    """Settings for the block; what goes wrong in it is one line and an exit status."""
    from bot.settings import read_settings

    try:
        yield read_settings()
    except (Exception, KeyboardInterrupt) as error:
        raise typer.Exit(explain(error)) from None


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """For a talk that is broken off: everything is closed, but a thread still holds the standard
    input, and the interpreter would stumble over it on its way out."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        status = explain(error)
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


def explain(error: BaseException) -> int:
    """Print what went wrong; the exit status."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return 130
    from bot.mending import advice
    from bot.telemetry import place_of

    line = str(error) if isinstance(error, Refused) else advice(error)
    typer.echo(f"hesbot: {line or f'stopped by a fault of ours: {place_of(error)}'}", err=True)
    return 1 if line is None else 2
