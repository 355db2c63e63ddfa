"""What goes out unasked, put together: outlets, senders, timetable. A part of the composition root.

Heavy parts (python-telegram-bot, twilio, DBOS) are imported where they are wanted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from bot.channels.base import OURS, Letter, Limits, Outlet
from bot.clock import Clock
from bot.contents import Shelf, keep_fresh, openers
from bot.notices.conductor import Conductor
from bot.notices.letters import worded
from bot.notices.mailbox import Mailbox
from bot.notices.outlook import Outlook, make, noon, outlook
from bot.notices.passes import Ministry, Passes, Transactions
from bot.notices.planning import Planned
from bot.notices.sender import Sender, Word
from bot.notices.workers import named
from bot.records import Records
from bot.settings import DATABASE_FILE, Settings, dict_of
from bot.stopping import Left, Stop
from bot.wording import Wording
from storage import Broadcasts, Conversations, Database, Ledger, Parcel, Pickup, Registry, Vault
from storage.snapshot import room, snapshot
from storage.upcoming import newest, written_since

if TYPE_CHECKING:
    from bot.channels.whatsapp_api import TwilioLine
    from bot.channels.whatsapp_buttons import Buttons


@dataclass(frozen=True, slots=True)
class Outbound:
    """What everything that goes out shares. ``shelf`` is what Twilio keeps for us."""

    settings: Settings
    database: Database
    registry: Registry
    ledger: Ledger
    conversations: Conversations
    broadcasts: Broadcasts
    vault: Vault
    wording: Wording
    now: Clock
    shelf: Shelf

    @classmethod
    def of(cls, records: Records, wording: Wording, now: Clock) -> Self:
        """What the open records give, and the rest."""
        return cls(
            records.settings,
            records.database,
            records.registry,
            records.ledger,
            records.conversations,
            records.broadcasts,
            records.vault,
            wording,
            now,
            Shelf(records.database, wording, dict_of(records.settings.whatsapp_templates, "=")),
        )


REST_BESIDE_PEOPLE = 2.0
"""A third of the time at most is the timetable's."""


@asynccontextmanager
async def reaching_out(
    parts: Outbound, stop: Stop, *, beside_people: bool = False
) -> AsyncIterator[None]:
    """The senders and the timetable at work, until the block ends or ``stop`` begins. A part that
    fails ends the block with its error.

    ``beside_people``: this process answers people too, who go before the timetable.
    """
    from bot.notices.schedules import schedules

    settings = parts.settings
    async with AsyncExitStack() as stack:
        passes = await stack.enter_async_context(timed(parts))
        work = Planned(passes, parts.database, parts.broadcasts, channels(settings))
        name = stack.enter_context(named(settings.hesbot_home))
        senders = [sender_of(parts, outlet, name, stop.left) for outlet in outlets(parts)]
        conductor = Conductor(parts.database, parts.broadcasts, parts.now)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(sender.run()) for sender in senders]
        tasks.append(group.create_task(conductor.run()))
        group.create_task(_cancelled_at(stop, tasks))
        await stack.enter_async_context(
            schedules(
                work,
                parts.now,
                name,
                settings.hesbot_home,
                settings.database_url,
                rest=REST_BESIDE_PEOPLE if beside_people else 0.0,
                stop=stop,
            )
        )
        yield
        stop.begin()


async def _cancelled_at(stop: Stop, tasks: Iterable[asyncio.Task[None]]) -> None:
    await stop.told()
    for task in tasks:
        task.cancel()


@asynccontextmanager
async def fresh_shelf(parts: Outbound) -> AsyncIterator[None]:
    """What Twilio keeps for us is looked at again and again, so that a setup is noticed and what
    was held for want of a template goes out."""
    if parts.settings.twilio_account_sid is None:
        yield
        return

    async def release() -> None:
        async with parts.database.begin() as connection:
            await parts.ledger.release_held(connection, "whatsapp", parts.now(), "no_template")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep_fresh(parts.shelf, release))
        yield
        task.cancel()


async def look_ahead(
    parts: Outbound, day: date, limit: float | None, *, listing: bool = True
) -> Outlook:
    """What would go out on that day; nothing is changed. Raise TimeoutError after the limit."""

    def passes_on(records: Transactions) -> Passes:
        return _passes(parts, records, None)

    file = parts.settings.database_file
    if file is None:
        return await outlook(
            parts.database, passes_on, parts.registry, parts.vault, day, limit, listing=listing
        )
    # SQLite lets in one writer at a time, so it is a copy that is written to and thrown away.
    with room(parts.settings.hesbot_home) as place:
        await asyncio.to_thread(snapshot, file, place / DATABASE_FILE)
        copy = await Database.open(None, home=place)
        try:
            return await outlook(
                copy, passes_on, parts.registry, parts.vault, day, None, listing=listing
            )
        finally:
            await copy.close()


async def run_day(parts: Outbound, day: date) -> dict[str, Any]:
    """Do what that day brings, as at its noon, and send what is due; what was written by kind, and
    what became of the tries. ``parts`` tell the time of that noon."""
    async with parts.database.read() as connection:
        before = await newest(connection)
    async with timed(parts) as passes:
        await make(passes, noon(day))
    async with parts.database.read() as connection:
        written = await written_since(connection, before)
    outcomes = await send_all(parts)
    return {"on": day.isoformat(), "written": written, "outcomes": dict(outcomes)}


async def send_all(parts: Outbound) -> Mapping[str, int]:
    """Send what is due on every channel until nothing is left; the outcomes, counted."""
    await parts.shelf.refresh()
    with named(parts.settings.hesbot_home) as name:
        senders = [sender_of(parts, outlet, name) for outlet in outlets(parts)]
        done = await asyncio.gather(*(sender.drain() for sender in senders))
    return sum((Counter(each) for each in done), Counter[str]())


@asynccontextmanager
async def timed(parts: Outbound) -> AsyncIterator[Passes]:
    """What time alone brings."""
    async with _ministry(parts) as ministry:
        yield _passes(parts, parts.database, ministry)


def _passes(parts: Outbound, records: Transactions, ministry: Ministry | None) -> Passes:
    return Passes(
        records,
        parts.registry,
        parts.ledger,
        parts.conversations,
        parts.settings.pairing_deadline,
        ministry,
    )


@asynccontextmanager
async def _ministry(parts: Outbound) -> AsyncIterator[Ministry | None]:
    settings = parts.settings
    if settings.hes_service_url is None:
        yield None
        return
    from bot.services.hes_bulk import HesBulk

    password = settings.hes_service_password.get_secret_value()
    async with HesBulk(
        settings.hes_service_url, settings.hes_service_user, password, parts.now
    ) as service:
        yield service


def sender_of(parts: Outbound, outlet: Outlet, worker: str, left: Left = float) -> Sender:
    """The sender of a channel, in this process, under that name. ``left`` as for ``Stop``."""
    return Sender(
        outlet,
        parts.database,
        parts.ledger,
        _word(parts, outlet.limits),
        parts.now,
        worker,
        reports=outlet.name == "whatsapp" and parts.settings.public_url is not None,
        left=left,
    )


def _word(parts: Outbound, limits: Limits) -> Word:
    def word(parcel: Parcel, now: datetime) -> Letter:
        return worded(parcel, parts.wording, limits, now, parts.settings.pairing_deadline)

    return word


def channels(settings: Settings) -> tuple[str, ...]:
    """Where people can be told something: messengers that are set up, and where they come by."""
    telegram = settings.telegram_bot_token is not None
    account = settings.twilio_account_sid is not None and settings.twilio_auth_token is not None
    whatsapp = account and settings.twilio_whatsapp_from is not None
    pushed = {"telegram": telegram, "whatsapp": whatsapp}
    return (*(name for name, is_set_up in pushed.items() if is_set_up), *OURS)


def limits(settings: Settings) -> dict[str, float]:
    """How many messages a second each messenger takes from us."""
    return {"telegram": settings.telegram_rate, "whatsapp": settings.whatsapp_rate}


def outlets(parts: Outbound) -> list[Outlet]:
    """The messengers that are set up to send."""
    found = (_telegram(parts.settings), _whatsapp(parts))
    return [outlet for outlet in found if outlet is not None]


def _telegram(settings: Settings) -> Outlet | None:
    if settings.telegram_bot_token is None:
        return None
    from bot.channels.telegram_push import TelegramPush

    token = settings.telegram_bot_token.get_secret_value()
    return TelegramPush(token, settings.telegram_api_base, rate=settings.telegram_rate)


def _whatsapp(parts: Outbound) -> Outlet | None:
    settings = parts.settings
    sender, line = settings.twilio_whatsapp_from, _twilio(settings)
    if sender is None or line is None:
        return None
    from bot.channels.whatsapp import STATUS_PATH
    from bot.channels.whatsapp_push import WhatsAppPush

    return WhatsAppPush(
        line,
        sender=sender,
        status_url=settings.public_url and settings.public_url + STATUS_PATH,
        templates=parts.shelf.template,
        rate=settings.whatsapp_rate,
    )


def _twilio(settings: Settings) -> TwilioLine | None:
    """A line of its own for whoever opens it; None without an account."""
    account, token = settings.twilio_account_sid, settings.twilio_auth_token
    if account is None or token is None:
        return None
    from bot.channels.whatsapp_api import TwilioLine

    return TwilioLine(account, token.get_secret_value(), settings.twilio_api_base)


def buttons(parts: Outbound, status_url: str) -> Buttons | None:
    """Real buttons for WhatsApp; None without an account."""
    line = _twilio(parts.settings)
    if line is None:
        return None
    from bot.channels.whatsapp_buttons import Buttons

    return Buttons(line, parts.shelf.sid, openers(parts.wording), status_url)


def mailbox(parts: Outbound, limits: Limits) -> Mailbox:
    """Notices for people who come by themselves."""
    word = _word(parts, limits)
    return Mailbox(parts.database, parts.ledger, Pickup(parts.vault), word, parts.now)
