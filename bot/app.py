"""The composition root: the only place that joins concrete parts; only the command imports it.

Heavy parts (aiogram, twilio, the server) are imported where they are wanted, so that the terminal
prompts at once and a city without Telegram does not pay for it.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.channels.base import Channel, Limits
from bot.channels.terminal import Terminal, show
from bot.clock import Clock, clock
from bot.desk import Desk, RunErrand
from bot.retention import EVERY, forget
from bot.settings import Settings, SettingsError
from bot.wording import Wording
from conversations.replies import Reply, Word
from storage import (
    CardRecord,
    Conversations,
    Database,
    KeyRing,
    Registry,
    Vault,
    admit,
)

log = logging.getLogger("hesbot")

PAGE_WORDS = (
    "title",
    "tagline",
    "skip",
    "talk",
    "bot",
    "you",
    "answer",
    "hint",
    "send",
    "typing",
    "busy",
    "offline",
    "unsaved",
    "resend",
    "leave_note",
    "leave",
    "help",
    "honest",
)
"""The sentences of the citizen's page, in the catalogues under ``page.``."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records, open, and what reads and writes them."""

    database: Database
    ring: KeyRing
    conversations: Conversations
    registry: Registry


@dataclass(frozen=True, slots=True)
class House:
    """The parts that every way of running shares, open and ready."""

    settings: Settings
    wording: Wording
    now: Clock
    database: Database
    conversations: Conversations
    registry: Registry
    ring: KeyRing
    desk: Desk
    limits: dict[str, Limits]


@asynccontextmanager
async def open_records(settings: Settings, *, new_keys: bool = True) -> AsyncIterator[Records]:
    """Open the records and the keys to them; both are made where there are none.

    Without ``new_keys`` lost ones raise UnusableKeys.
    """
    with _in_home():
        # Keys that cannot be used must not leave an empty database behind, nor the other way.
        given = given_keys(settings)
        database = await Database.open(settings.database_url, home=settings.hesbot_home)
    try:
        with _in_home():
            find = KeyRing.load_or_create if new_keys else KeyRing.load
            ring = given or find(settings.key_file)
        vault = Vault(ring)
        await admit(database, vault)
        registry = Registry(
            vault,
            deadline=settings.pairing_deadline,
            code_on_several_cards=settings.hes_code_on_several_cards,
        )
        yield Records(database, ring, Conversations(vault), registry)
    finally:
        await database.close()


@contextmanager
def _in_home() -> Iterator[None]:
    """Raise SettingsError where a folder or file of the home cannot be made or written."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"HESBOT_HOME: {error.strerror or 'cannot be used'}") from error


def given_keys(settings: Settings) -> KeyRing | None:
    """The keys from ``HESBOT_KEYS`` (a path, or the ring itself) or the file in the home folder.

    None if the keys are still to be made.
    """
    given = settings.hesbot_keys.get_secret_value() if settings.hesbot_keys else ""
    if given.lstrip().startswith("{"):
        return KeyRing.parse(given)
    if given:
        return KeyRing.load(Path(given))
    return KeyRing.load(settings.key_file) if settings.key_file.exists() else None


@asynccontextmanager
async def open_house(settings: Settings, wording: Wording | None = None) -> AsyncIterator[House]:
    """Open the records and set up the desk; close everything on the way out."""
    async with AsyncExitStack() as stack:
        now = clock(settings.hesbot_now)
        records = await stack.enter_async_context(open_records(settings))
        errand = await stack.enter_async_context(_hes_service(settings))
        wording = wording or Wording.load()
        limits: dict[str, Limits] = {}
        database, registry = records.database, records.registry
        desk = Desk(database, records.conversations, registry, wording, now, limits, errand)
        # What was loaded at start stays for ever; looking through it again would cost milliseconds.
        gc.freeze()
        gc.enable()
        yield House(
            settings,
            wording,
            now,
            database,
            records.conversations,
            registry,
            records.ring,
            desk,
            limits,
        )


@asynccontextmanager
async def working(house: House, channels: Sequence[Channel]) -> AsyncIterator[None]:
    """The desk and the channels at work. A part that fails ends the block with its error."""
    house.limits.update({channel.name: channel.limits for channel in channels})
    async with asyncio.TaskGroup() as group:
        desk = group.create_task(house.desk.run())
        others = [group.create_task(channel.run()) for channel in channels]
        yield
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        desk.cancel()


@asynccontextmanager
async def _hes_service(settings: Settings) -> AsyncIterator[RunErrand | None]:
    if settings.hes_service_url is None:
        yield None
        return
    from bot.services.hes import HesService

    password = settings.hes_service_password.get_secret_value()
    async with HesService(
        settings.hes_service_url, settings.hes_service_user, password, clock(settings.hesbot_now)
    ) as service:
        yield service.check


# --- the server -----------------------------------------------------------------------------


def channels_of(house: House, *, polling: bool = True) -> list[Channel]:
    """The messengers that are set up, and the browser, which always is.

    Without ``polling`` a messenger that would have to ask for its updates is left out.
    """
    found: list[Channel] = [_web(house)]
    if telegram := house.settings.telegram_bot_token:
        if polling or house.settings.public_url:
            found.append(_telegram(house, telegram.get_secret_value()))
        else:
            log.warning("Telegram is off: without PUBLIC_URL it needs polling, hence `hesbot run`")
    if twilio := house.settings.twilio_auth_token:
        found.append(_whatsapp(house, twilio.get_secret_value()))
    return found


def _web(house: House) -> Channel:
    from bot.channels.web import Web

    secure = house.settings.address.startswith("https://")
    return Web(house.desk, lambda locale: page_words(house.wording, locale), secure=secure)


def page_words(wording: Wording, locale: str) -> Mapping[str, str]:
    return {name: wording.text(Word(f"page.{name}"), locale) for name in PAGE_WORDS}


def _telegram(house: House, token: str) -> Channel:
    from bot.channels.telegram import Telegram

    settings = house.settings
    locales = {"": house.wording.commands("tr")} | {
        locale: house.wording.commands(locale) for locale in house.wording.locales
    }
    return Telegram(
        house.desk,
        token=token,
        secret=webhook_secret(settings, house.ring),
        api_base=settings.telegram_api_base,
        public_url=settings.public_url,
        commands=locales,
    )


def webhook_secret(settings: Settings, ring: KeyRing) -> str:
    """The secret Telegram repeats in every update; the same in every process of one city."""
    if settings.telegram_webhook_secret is not None:
        return settings.telegram_webhook_secret.get_secret_value()
    return hmac.digest(ring.indexing, b"telegram-webhook", "sha256").hex()


def _whatsapp(house: House, token: str) -> Channel:
    from bot.channels.whatsapp import WhatsApp

    if house.settings.public_url is None:
        log.warning(
            "PUBLIC_URL is not set: signatures of WhatsApp's webhooks are checked over"
            " http://HOST:PORT/whatsapp, which is not the address that a tunnel or proxy has"
        )
    return WhatsApp(house.desk, auth_token=token, public_url=house.settings.address)


async def serve(
    settings: Settings,
    announce: Callable[[Settings, Sequence[str]], None],
    *,
    polling: bool = True,
) -> None:
    """Run everything until told to stop. ``announce`` gets the channels once we listen.

    Without ``polling``, for several processes side by side, only what comes by webhook or page.
    """
    from bot.server import application, bind, server

    with closing(bind(settings.host, settings.port)) as socket:
        settings = settings.model_copy(update={"port": socket.getsockname()[1]})
        async with open_house(settings) as house:
            channels = channels_of(house, polling=polling)
            names = [channel.name for channel in channels]
            app = application(channels, house.database)
            http = server(app, lambda: announce(settings, names))
            async with working(house, channels), forgetting(house):
                await http.serve(sockets=[socket])


@asynccontextmanager
async def forgetting(house: House, every: float = EVERY) -> AsyncIterator[None]:
    """Old messages are forgotten meanwhile. A fault in that ends the block with its error."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(forget(house.database, house.conversations, house.now, every))
        yield
        task.cancel()


# --- the terminal ---------------------------------------------------------------------------


async def chat(settings: Settings, person: str, wording: Wording, greeted: bool) -> None:
    """Talk in this terminal. ``greeted``: the first words were said before the records opened."""
    async with open_house(settings, wording) as house:
        trouble = wording.answer((Reply("fault.records"),), "", Terminal.limits)
        terminal = Terminal(house.desk, person, trouble)
        house.limits[terminal.name] = terminal.limits
        # The talk is the block itself: it ends with the input, or with the desk.
        async with working(house, ()):
            opening = await terminal.open()
            if not greeted:
                show(opening)
            await terminal.run()


# --- looking up -----------------------------------------------------------------------------


async def find_card(settings: Settings, number: str) -> CardRecord | None:
    """What is on record of one card. Opens the records and nothing else, and makes no keys."""
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.read() as connection,
    ):
        return await records.registry.card(connection, number, clock(settings.hesbot_now)())


async def upgrade(settings: Settings) -> None:
    """Bring the tables to the newest revision; opening does it."""
    with _in_home():
        database = await Database.open(settings.database_url, home=settings.hesbot_home)
    await database.close()
