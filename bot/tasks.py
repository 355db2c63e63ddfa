"""What one command does from its beginning to its end: a part of the composition root.

Heavy parts are imported where they are wanted. Only the command imports this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot import outbound
from bot.clock import clock
from bot.memory import settle
from bot.notices.outlook import LIMIT, Outlook, noon
from bot.outbound import Outbound
from bot.records import in_home, open_records
from bot.settings import Settings, SettingsError
from bot.wording import Wording
from storage import CardRecord, Database
from storage.card_files import CardFiles

if TYPE_CHECKING:
    from bot.channels.whatsapp_setup import Standing
    from bot.services.boardings import ReportWork
    from bot.services.card_changes import Exported
    from bot.services.card_files import Taken
    from bot.services.risk_feed import Take
    from bot.services.risk_file import Imported

Found = TypeVar("Found")


# --- looking up -----------------------------------------------------------------------------


async def find_card(settings: Settings, number: str) -> CardRecord | None:
    """What is on record of one card. Opens the records and nothing else, and makes no keys."""
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.read() as connection,
    ):
        return await records.registry.card(connection, number, clock(settings.hesbot_now)())


# --- notices by hand ------------------------------------------------------------------------


async def look_ahead(
    settings: Settings, day: date, however_long: bool, *, listing: bool = True
) -> Outlook:
    """What would go out on that day; nothing is changed. Raise TimeoutError if it takes too long
    while people write."""
    async with open_records(settings, new_keys=False) as records:
        parts = Outbound.of(records, Wording.load(), clock(noon(day)))
        limit = None if however_long else LIMIT
        return await outbound.look_ahead(parts, day, limit, listing=listing)


async def run_day(settings: Settings, day: date) -> dict[str, Any]:
    """Do what that day brings, as at its noon, and send what is due; what came of it."""
    async with open_records(settings, new_keys=False) as records:
        return await outbound.run_day(Outbound.of(records, Wording.load(), clock(noon(day))), day)


# --- cards in bulk --------------------------------------------------------------------------


async def import_cards(
    settings: Settings, file: Path, progress: Callable[[int, int], None]
) -> Taken:
    """Take in the card system's list; ``progress`` is told how much of how much is done."""
    from bot.services.card_files import Cardhouse, take_in
    from bot.services.card_lists import bad_lines, examine

    listed = await asyncio.to_thread(examine, file)
    settle()
    with bad_lines(listed.bad_path) as bad:
        async with open_records(settings) as records:
            files = CardFiles(records.vault, records.registry.cards)
            now, deadline = clock(settings.hesbot_now), settings.pairing_deadline
            house = Cardhouse(records.database, files, records.vault, deadline, now)
            return await take_in(house, listed, bad, progress)


async def export_cards(
    settings: Settings, since: datetime, write: Callable[[str], object], *, as_json: bool
) -> Exported:
    """Write the cards whose status changed since then, for the card system."""
    from bot.notices.outlook import make
    from bot.notices.passes import Passes
    from bot.notices.rounds import Pass
    from bot.services.card_changes import export

    async with open_records(settings, new_keys=False) as records:
        registry, now = records.registry, clock(settings.hesbot_now)
        files = CardFiles(records.vault, registry.cards)
        passes = Passes(
            records.database,
            registry,
            records.ledger,
            records.conversations,
            settings.pairing_deadline,
        )
        settle = partial(make, passes, which=(Pass.RETURNS, Pass.EXPIRY, Pass.DEADLINE))
        return await export(records.database, files, settle, now, since, write, as_json=as_json)


# --- the authorities ------------------------------------------------------------------------


async def import_risks(settings: Settings, name: str, progress: Callable[[int], None]) -> Imported:
    """Take the risk records of a file; without any, nothing is opened or made."""
    from bot.services.risk_feed import taking
    from bot.services.risk_file import import_file

    now = clock(settings.hesbot_now)
    first_ever = settings.fresh or settings.database_file is None

    @asynccontextmanager
    async def opened() -> AsyncIterator[Take]:
        async with open_records(settings, new_keys=first_ever) as records:
            yield taking(records.database, records.registry, now)

    return await import_file(name, opened, now, progress)


async def report_boardings(settings: Settings, work: ReportWork[Found]) -> Found:
    """Do something with the reports of attempts to travel; makes no keys."""
    async with open_records(settings, new_keys=False) as records:
        now = clock(settings.hesbot_now)()
        return await work(records.database, records.registry.boardings, now)


# --- WhatsApp -------------------------------------------------------------------------------


async def set_up_whatsapp(settings: Settings, tell: Callable[[Standing], None]) -> None:
    """Make at Twilio what WhatsApp has to keep for us; ``tell`` gets each text as it stands.

    Nothing is changed anywhere if Twilio refuses the account. Raise SettingsError, SetUpFailed.
    """
    from bot.channels.whatsapp_api import TwilioLine
    from bot.channels.whatsapp_setup import listed, set_up
    from bot.contents import drafts
    from storage.contents import Content, Contents

    account, token = settings.twilio_account_sid, settings.twilio_auth_token
    if account is None or token is None:
        raise SettingsError("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN: both are wanted for this")
    wanted, now = drafts(Wording.load()), clock(settings.hesbot_now)
    async with TwilioLine(account, token.get_secret_value(), settings.twilio_api_base) as line:
        known = await listed(line.client)
        with in_home():
            database = await Database.open(settings.database_url, home=settings.hesbot_home)
        try:
            async for standing in set_up(line.client, wanted, known):
                kept = {standing.draft.name: Content(standing.sid, standing.approval)}
                async with database.begin() as connection:
                    await Contents().keep(connection, kept, now())
                tell(standing)
        finally:
            await database.close()
