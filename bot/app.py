"""The composition root: the only place that joins concrete parts; only the command imports it.

Heavy parts (aiogram, twilio, the server) are imported where they are wanted, so that the terminal
prompts at once and a city without Telegram does not pay for it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.channels.base import Channel, Limits
from bot.channels.terminal import Terminal, show
from bot.clock import Clock, clock, wall
from bot.desk import Desk
from bot.errands import CheckCode, runners
from bot.gates import Gates, carried, gates, strangers
from bot.handover import Handover
from bot.marks import Marks
from bot.memory import settle
from bot.newsroom import counting, drawing, measuring
from bot.notices.reporting import Reach, Reports
from bot.outbound import (
    Outbound,
    buttons,
    fresh_shelf,
    mailbox,
    outlets,
    reaching_out,
)
from bot.outbound import channels as channels_set_up
from bot.outbound import limits as limits_set
from bot.page_words import page_words
from bot.records import Records, open_records
from bot.rooms import Rooms
from bot.settings import Settings, dict_of
from bot.stopping import Stop, signalled
from bot.wording import Wording
from conversations.events import Address
from conversations.replies import Reply, Word
from storage import (
    Conversations,
    Database,
    KeyRing,
    Ledger,
    Newsroom,
    Registry,
)

if TYPE_CHECKING:
    from starlette.routing import Route

log = logging.getLogger("hesbot")


@dataclass(frozen=True, slots=True)
class House:
    """The parts that every way of running shares, open and ready."""

    settings: Settings
    wording: Wording
    now: Clock
    database: Database
    conversations: Conversations
    registry: Registry
    ledger: Ledger
    ring: KeyRing
    desk: Desk
    marks: Marks
    limits: dict[str, Limits]
    parts: Outbound
    records: Records
    handover: Handover
    demo: bool = False


@asynccontextmanager
async def open_house(
    settings: Settings,
    wording: Wording | None = None,
    *,
    demo: bool = False,
    patient: bool = False,
) -> AsyncIterator[House]:
    """Open the records and set up the desk; close everything on the way out.

    In a ``demo`` an invented Ministry is asked about codes. ``patient`` as for ``open_records``.
    """
    async with AsyncExitStack() as stack:
        now = clock(settings.hesbot_now)
        records = await stack.enter_async_context(open_records(settings, patient=patient))
        ministry = _invented(now) if demo else _hes_service(settings)
        check = await stack.enter_async_context(ministry)
        wording = wording or Wording.load()
        limits: dict[str, Limits] = {}
        database, registry = records.database, records.registry
        marks = Marks(database)
        count = counting(
            database, wording, channels_set_up(settings), settings.pairing_deadline, now
        )
        rooms = Rooms(registry, newsroom(records, wording))
        desk = Desk(
            database,
            records.conversations,
            rooms,
            wording,
            now,
            limits,
            runners(check, count),
            count=marks.count,
        )
        yield House(
            settings,
            wording,
            now,
            database,
            records.conversations,
            registry,
            records.ledger,
            records.ring,
            desk,
            marks,
            limits,
            Outbound.of(records, wording, now),
            records,
            Handover(database, records.vault, now, settings.address),
            demo,
        )


LINKED = frozenset({"telegram"})
"""Messengers that vouch for who writes, so that an account there can be a member's."""


def newsroom(records: Records, wording: Wording) -> Newsroom:
    """The staff at work in a messenger."""
    return Newsroom(
        records.vault,
        records.broadcasts,
        accounts=LINKED,
        draw=drawing(wording.locales),
        measure=measuring(limits_set(records.settings), wall),
    )


@asynccontextmanager
async def working(house: House, channels: Sequence[Channel]) -> AsyncIterator[None]:
    """The desk and the channels at work. A part that fails ends the block with its error."""
    house.limits.update(carried(channels, house.settings.public_url))
    async with house.marks.kept(), asyncio.TaskGroup() as group:
        desk = group.create_task(house.desk.run())
        others = [group.create_task(channel.run()) for channel in channels]
        yield
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        desk.cancel()


@asynccontextmanager
async def _hes_service(settings: Settings) -> AsyncIterator[CheckCode | None]:
    if settings.hes_service_url is None:
        yield None
        return
    from bot.services.hes import HesService

    password = settings.hes_service_password.get_secret_value()
    async with HesService(
        settings.hes_service_url, settings.hes_service_user, password, clock(settings.hesbot_now)
    ) as service:
        yield service.check


@asynccontextmanager
async def _invented(now: Clock) -> AsyncIterator[CheckCode]:
    from bot.demo import invented_ministry

    yield invented_ministry(now)


@asynccontextmanager
async def demonstrating(house: House) -> AsyncIterator[None]:
    """In a demonstration the invented Ministry is at work meanwhile."""
    if not house.demo:
        yield
        return
    from bot.demo import demonstrate

    parts = house.parts
    async with asyncio.TaskGroup() as group:
        task = group.create_task(
            demonstrate(parts.database, parts.registry, parts.vault, house.now)
        )
        yield
        task.cancel()


# --- the server -----------------------------------------------------------------------------


def channels_of(house: House, *, polling: bool = True) -> list[Channel]:
    """The messengers that are set up, and the browser, which always is.

    Without ``polling`` a messenger that would have to ask for its updates is left out.
    """
    ways = gates(house.settings, house.desk, house.wording, house.limits)
    found: list[Channel] = [_web(house, ways)]
    if telegram := house.settings.telegram_bot_token:
        if polling or house.settings.public_url:
            found.append(_telegram(house, telegram.get_secret_value(), ways))
        else:
            log.warning("Telegram is off: without PUBLIC_URL it needs polling, hence `hesbot run`")
    if twilio := house.settings.twilio_auth_token:
        found.append(_whatsapp(house, twilio.get_secret_value(), ways))
    return found


def _web(house: House, ways: Gates) -> Channel:
    from bot.channels.web import Web

    return Web(
        ways.desk,
        lambda locale: page_words(house.wording, locale),
        mailbox=mailbox(house.parts, Web.limits),
        handover=house.handover,
        address=house.settings.address,
        demo=house.demo,
        places=ways.visitors,
    )


def _telegram(house: House, token: str, ways: Gates) -> Channel:
    from bot.channels.telegram import Telegram

    settings = house.settings
    locales = {"": house.wording.commands("tr")} | {
        locale: house.wording.commands(locale) for locale in house.wording.locales
    }
    return Telegram(
        ways.desk,
        token=token,
        secret=webhook_secret(settings, house.ring),
        api_base=settings.telegram_api_base,
        public_url=settings.public_url,
        commands=locales,
        reach=Reach(house.database, house.registry, house.now),
        strangers=ways.strangers,
    )


def webhook_secret(settings: Settings, ring: KeyRing) -> str:
    """The secret Telegram repeats in every update; the same in every process of one city."""
    if settings.telegram_webhook_secret is not None:
        return settings.telegram_webhook_secret.get_secret_value()
    return hmac.digest(ring.indexing, b"telegram-webhook", "sha256").hex()


def _whatsapp(house: House, token: str, ways: Gates) -> Channel:
    from bot.channels.whatsapp import STATUS_PATH, WhatsApp
    from bot.channels.whatsapp_errors import outcome_of

    if house.settings.public_url is None:
        log.warning(
            "PUBLIC_URL is not set: signatures of WhatsApp's webhooks are checked over"
            " http://HOST:PORT/whatsapp, which is not the address that a tunnel or proxy has"
        )
    settings = house.settings
    return WhatsApp(
        ways.desk,
        auth_token=token,
        public_url=settings.address,
        buttons=buttons(house.parts, settings.address + STATUS_PATH),
        report=Reports(house.database, house.ledger, house.now, outcome_of),
        handed_over=_handed_over(house) if settings.whatsapp_sensitive == "web" else None,
        strangers=ways.strangers,
    )


def _handed_over(house: House) -> Callable[[Address, str], str]:
    def handed_over(address: Address, locale: str) -> str:
        return house.wording.text(Word("handover", {"link": house.handover.link(address)}), locale)

    return handed_over


Announced = Callable[[Settings, Sequence[str]], None]
"""Is given the settings as they turned out, and the channels, once everything is at work."""


async def serve(
    settings: Settings,
    announce: Announced,
    stop: Stop | None = None,
    *,
    alone: bool = True,
    demo: bool = False,
) -> None:
    """Answer people until told to stop; ``alone``, also send what goes out unasked.

    Without it, for several processes side by side, only what comes by webhook or page.
    """
    from bot.console_parts import console_of
    from bot.server import application, bind, server

    stop = stop or Stop()
    with closing(bind(settings.host, settings.port)) as socket:
        settings = settings.model_copy(update={"port": socket.getsockname()[1]})
        async with open_house(settings, demo=demo, patient=True) as house:
            channels = channels_of(house, polling=alone)
            names = [channel.name for channel in channels]
            console = console_of(house.records, house.wording, house.now, settings)
            routes = [*integration(house), *console.routes()]
            app = application(channels, house.database, routes)

            def ready() -> None:
                settle()
                announce(settings, names)

            http = server(app, ready, stop, secure=settings.address.startswith("https://"))
            async with (
                working(house, channels),
                fresh_shelf(house.parts),
                demonstrating(house),
                console.working(),
                AsyncExitStack() as stack,
            ):
                if alone:
                    out = reaching_out(house.parts, stop, beside_people=True)
                    await stack.enter_async_context(out)
                await http.serve(sockets=[socket])


def integration(house: House) -> list[Route]:
    """The way in for other people's systems; closed without ``INTEGRATION_KEYS``."""
    from bot.services.integration import routes

    def say(reason: str, locale: str) -> str:
        return house.wording.text(Word(f"turnstile.{reason}"), locale)

    keys = dict_of(house.settings.integration_keys.get_secret_value(), ":")
    return routes(
        keys,
        house.database,
        house.registry,
        house.now,
        say,
        house.marks.count,
        strangers(house.settings),
    )


async def work(settings: Settings, announce: Announced, stop: Stop | None = None) -> None:
    """Send what goes out unasked and keep the timetable, until told to stop."""
    stop = stop or Stop()
    async with open_records(settings, patient=True) as records:
        parts = Outbound.of(records, Wording.load(), clock(settings.hesbot_now))
        async with fresh_shelf(parts), reaching_out(parts, stop):
            settle()
            names = [outlet.name for outlet in outlets(parts)]
            if settings.worker_port is not None:
                told = partial(announce, settings, names)
                await _observed(settings.host, settings.worker_port, records.database, told, stop)
            else:
                announce(settings, names)
                await signalled()


async def _observed(
    host: str, port: int, database: Database, announce: Callable[[], None], stop: Stop
) -> None:
    """Answer for health and metrics until told to stop."""
    from bot.server import application, bind, server

    with closing(bind(host, port)) as socket:
        await server(application((), database), announce, stop).serve(sockets=[socket])


# --- the terminal ---------------------------------------------------------------------------


async def chat(settings: Settings, person: str, wording: Wording, greeted: bool) -> None:
    """Talk in this terminal. ``greeted``: the first words were said before the records opened."""
    async with open_house(settings, wording) as house:
        settle()
        trouble = wording.answer((Reply("fault.records"),), "", Terminal.limits)
        letters = mailbox(house.parts, Terminal.limits)
        terminal = Terminal(house.desk, person, trouble, mailbox=letters)
        house.limits[terminal.name] = terminal.limits
        # The talk is the block itself: it ends with the input, or with the desk.
        async with working(house, ()):
            opening = await terminal.open()
            if not greeted:
                show(opening)
            await terminal.run()
