"""What commands share that read or write files, or take long: clear refusals, and a bar."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from bot.commands.base import Refused


@contextmanager
def usable_files() -> Iterator[None]:
    from bot.services.card_lists import UnusableFile

    try:
        yield
    except UnusableFile as error:
        raise Refused(str(error)) from None


@contextmanager
def whole_or_cut() -> Iterator[None]:
    """For a reader who closes the pipe early (``| head``): the rest is for nobody."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


@contextmanager
def bar() -> Iterator[Callable[[int, int], None]]:
    """Shows on a terminal how much is done; is told how far of how much."""
    if not sys.stderr.isatty():
        yield lambda _done, _size: None
        return
    with typer.progressbar(length=1, file=sys.stderr) as shown:

        def show(done: int, size: int) -> None:
            # What a packed list holds is known once it was read.
            shown.length = size
            shown.update(done - shown.pos)

        yield show
