"""The ``hesbot`` command: parses words, calls one function. No work is done here.

Every failure is one clear line on standard error: with exit status 2 if a person can mend it, with
1 and the place in the program if not. An error's own words are never printed; they may be a
person's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bot.settings import Settings

app = typer.Typer(
    name="hesbot",
    help="Pairs an İstanbulkart with a HES code in a chat: Telegram, WhatsApp, browser, terminal.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
cards = typer.Typer(help="What is on record of a card.", no_args_is_help=True)
db = typer.Typer(help="The database.", no_args_is_help=True)
keys = typer.Typer(help="The keys that seal personal data.", no_args_is_help=True)
app.add_typer(cards, name="cards")
app.add_typer(db, name="db")
app.add_typer(keys, name="keys")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Refused(Exception):
    """The words given cannot be carried out; the message says why in one line."""


@app.command()
def run() -> None:
    """Run everything in one process: the page, and the messengers that are set up."""
    _serve()


@app.command()
def web() -> None:
    """Run what is reached over HTTP: the page, webhooks, health and metrics; no polling.

    Several may run side by side on one PostgreSQL. Telegram needs PUBLIC_URL here.
    """
    _serve(polling=False)


@app.command()
def chat(
    person: Annotated[
        str, typer.Option("--as", help="Whose conversation this is; each name has its own.")
    ] = "me",
) -> None:
    """Talk in this terminal. With piped input, one message per line."""
    with _plain_errors() as settings:
        from bot.channels.terminal import LIMITS, show
        from bot.opening import opening
        from bot.wording import Wording
        from conversations.state import State

        wording = Wording.load()
        # Nothing is on record yet, so the first words are known before the records are open.
        if fresh := settings.fresh:
            show(opening(State(), wording, LIMITS))
        from bot.app import chat as talk

        with _leaving_at_once():
            _run(talk(settings, person, wording, fresh))


@cards.command("show")
def show_card(
    number: Annotated[str, typer.Argument(help="The card's 16 digits.")], as_json: Json = False
) -> None:
    """Show a card's status, its link, its holder (masked) and its history."""
    with _plain_errors() as settings:
        from bot.app import find_card
        from bot.showing import card_as_json, card_as_text, digits_of

        digits = digits_of(number)
        if digits is None:
            raise Refused("a card number has 16 digits")
        if settings.fresh:
            raise Refused("nothing is on record here yet")
        card = _run(find_card(settings, digits))
        if card is None:
            raise Refused("no such card is on record")
        plain = card_as_json(card)
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else card_as_text(plain))


@db.command("upgrade")
def upgrade() -> None:
    """Bring the tables to the newest revision. Safe while other processes run."""
    with _plain_errors() as settings:
        from bot.app import upgrade as bring_up

        _run(bring_up(settings))


@keys.command("new")
def new_keys() -> None:
    """Print a fresh key ring, to be kept in a vault or saved with mode 0600."""
    from storage import KeyRing

    typer.echo(KeyRing.new().text(), nl=False)


def _serve(*, polling: bool = True) -> None:
    with _plain_errors() as settings:
        from bot.app import serve
        from bot.telemetry import set_up_logs

        set_up_logs()
        _run(serve(settings, _announce, polling=polling), uvloop=True)


def _announce(settings: Settings, channels: Sequence[str]) -> None:
    """Where to talk to us, for the person who started it."""
    typer.echo(f"hesbot is ready ({', '.join(channels)}). Open {settings.address} in a browser.")
    typer.echo("To talk in a terminal: hesbot chat. To stop: Ctrl-C.")


def _run(task: Coroutine[Any, Any, Any], *, uvloop: bool = False) -> Any:
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if uvloop:
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(task)


@contextmanager
def _plain_errors() -> Iterator[Settings]:
    """Settings for the block; what goes wrong in it is one line and an exit status."""
    from bot.settings import read_settings

    try:
        yield read_settings()
    except (Exception, KeyboardInterrupt) as error:
        raise typer.Exit(_explain(error)) from None


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    """For a talk that is broken off: everything is closed, but a thread still holds the standard
    input, and the interpreter would stumble over it on its way out."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        status = _explain(error)
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


def _explain(error: BaseException) -> int:
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


def main() -> None:
    """Entry point of the ``hesbot`` command."""
    # Starting makes no garbage worth looking for; the house switches collection on when it stands.
    gc.disable()
    sys.exit(app())


if __name__ == "__main__":
    main()
