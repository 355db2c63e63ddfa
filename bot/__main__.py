"""The ``hesbot`` command: parses words, calls one function. No work is done here."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.audit import audit
from bot.commands.base import finish, leaving_at_once, plain_errors
from bot.commands.broadcast import broadcast
from bot.commands.cards import cards
from bot.commands.citizen import citizen
from bot.commands.db import db
from bot.commands.doctor import doctor
from bot.commands.keys import keys
from bot.commands.notices import notices
from bot.commands.report import report
from bot.commands.risk import risk
from bot.commands.staff import staff
from bot.commands.whatsapp import whatsapp

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.stopping import Stop

app = typer.Typer(
    name="hesbot",
    help="Pairs an İstanbulkart with a HES code in a chat: Telegram, WhatsApp, browser, terminal.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for name, group in {
    "cards": cards,
    "citizen": citizen,
    "risk": risk,
    "report": report,
    "notices": notices,
    "whatsapp": whatsapp,
    "broadcast": broadcast,
    "staff": staff,
    "audit": audit,
    "db": db,
    "keys": keys,
}.items():
    app.add_typer(group, name=name)
app.command()(doctor)


@app.command()
def run(
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Play 8 January 2021 with an invented Ministry."),
    ] = False,
) -> None:
    """Run everything in one process: the page, the messengers that are set up, and notices."""
    _serve(demo=demo)


@app.command()
def web() -> None:
    """Run what is reached over HTTP: the page, webhooks, health and metrics; no polling.

    Several may run side by side on one PostgreSQL. Telegram needs PUBLIC_URL here.
    """
    _serve(alone=False)


@app.command()
def worker() -> None:
    """Run what goes out unasked: notices, and what is due by the calendar.

    Several may run side by side on one database; `hesbot run` does all of this by itself.
    """
    with plain_errors() as settings:
        from bot.app import work
        from bot.telemetry import set_up_logs
        from bot.tracing import recording

        set_up_logs(settings.log_level)
        with recording(settings.otel_exporter_otlp_endpoint):
            finish(work(settings, _announce_worker, _stop()), uvloop=True)


@app.command()
def chat(
    person: Annotated[
        str, typer.Option("--as", help="Whose conversation this is; each name has its own.")
    ] = "me",
) -> None:
    """Talk in this terminal. With piped input, one message per line."""
    with plain_errors() as settings:
        from bot.channels.terminal import LIMITS, show
        from bot.opening import opening
        from bot.wording import Wording
        from conversations.state import State

        wording = Wording.load()
        # Nothing is on record yet, so the first words are known before the records are open.
        if fresh := settings.fresh:
            show(opening(State(), wording, LIMITS))
        from bot.app import chat as talk

        with leaving_at_once():
            finish(talk(settings, person, wording, fresh))


def _serve(*, alone: bool = True, demo: bool = False) -> None:
    with plain_errors() as settings, ExitStack() as stack:
        from bot.app import serve
        from bot.telemetry import set_up_logs
        from bot.tracing import recording

        set_up_logs(settings.log_level)
        stack.enter_context(recording(settings.otel_exporter_otlp_endpoint))
        if demo:
            from bot.demo import demonstration

            settings = stack.enter_context(demonstration(settings))
        announce = _announce_demo if demo else _announce
        finish(serve(settings, announce, _stop(), alone=alone, demo=demo), uvloop=True)


def _stop() -> Stop:
    """The end of this process, which nothing holds up for long."""
    from bot.stopping import Stop, leave_at_once

    return Stop(leave_at_once)


def _announce(settings: Settings, channels: Sequence[str]) -> None:
    """Where to talk to us, for the person who started it."""
    _announce_page(settings, channels)
    typer.echo("To talk in a terminal: hesbot chat. To stop: Ctrl-C.")


def _announce_demo(settings: Settings, channels: Sequence[str]) -> None:
    _announce_page(settings, channels)
    typer.echo(f"This is a demonstration, at 8 January 2021. Records: {settings.hesbot_home}")
    typer.echo("To stop: Ctrl-C.")


def _announce_page(settings: Settings, channels: Sequence[str]) -> None:
    typer.echo(f"hesbot is ready ({', '.join(channels)}). Open {settings.address} in a browser.")


def _announce_worker(_settings: Settings, channels: Sequence[str]) -> None:
    typer.echo(f"hesbot sends ({', '.join(channels) or 'no messenger is set up'}). Stop: Ctrl-C.")


def main() -> None:
    """Entry point of the ``hesbot`` command."""
    # Starting makes no garbage worth looking for; the house switches collection on when it stands.
    gc.disable()
    sys.exit(app())


if __name__ == "__main__":
    main()
