"""The records, opened with the keys to them: a part of the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from typing import Any

from bot.keys import KeyCommand, KeyFile, KeySource, key_source
from bot.notices.announcing import announcing
from bot.patience import AWAITED, patiently
from bot.settings import Settings, SettingsError
from bot.trail import followed
from storage import (
    Audit,
    Broadcasts,
    Conversations,
    Database,
    KeyRing,
    Ledger,
    Registry,
    Staff,
    UnusableKeys,
    Vault,
    admit,
)
from storage.admission import is_sealed
from storage.key_watch import Pace, watched

READ_COMMAND = 60.0
"""Seconds from one asking of a command for the keys to the next, while the records are open."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records, open, and what reads and writes them."""

    settings: Settings
    database: Database
    ring: KeyRing
    vault: Vault
    conversations: Conversations
    registry: Registry
    ledger: Ledger
    staff: Staff
    audit: Audit
    broadcasts: Broadcasts


@asynccontextmanager
async def open_records(
    settings: Settings, *, new_keys: bool = True, patient: bool = False
) -> AsyncIterator[Records]:
    """Open the records and the keys to them; both are made where there are none.

    Without ``new_keys`` lost ones raise UnusableKeys. ``patient``: a server is awaited for a while,
    since it may be starting as this process is; a file is there or made at once.
    """
    awaited = AWAITED if patient and settings.database_file is None else 0.0

    def opened() -> Coroutine[Any, Any, Database]:
        return Database.open(settings.database_url, home=settings.hesbot_home)

    with in_home():
        source = key_source(settings)
        # Keys that cannot be used must not leave an empty database behind, nor the other way.
        ring = await asyncio.to_thread(_given, settings, source)
        database = await patiently(opened, awaited)
    try:
        with in_home():
            ring = ring or await _keys(source, database, new_keys=new_keys)
        vault = Vault(ring)
        await patiently(lambda: admit(database, vault), awaited)
        ledger, audit = Ledger(vault), Audit(vault)
        registry = Registry(
            vault,
            deadline=settings.pairing_deadline,
            code_on_several_cards=settings.hes_code_on_several_cards,
            announce=announcing(ledger),
        )
        async with _watched(database, vault, source), database.cleared():
            with followed(vault.index):
                yield Records(
                    settings,
                    database,
                    vault.ring,
                    vault,
                    Conversations(vault),
                    registry,
                    ledger,
                    Staff(vault),
                    audit,
                    Broadcasts(audit),
                )
    finally:
        await database.close()


@contextmanager
def in_home() -> Iterator[None]:
    """Raise SettingsError where a folder or file of the home cannot be made or written."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"HESBOT_HOME: {error.strerror or 'cannot be used'}") from error


def _given(settings: Settings, source: KeySource) -> KeyRing | None:
    """The ring; None where it may have to be made, which only the records can tell."""
    if not isinstance(source, KeyFile) or source.path.exists():
        return source.read()
    if source.named:
        raise source.missing if settings.fresh else source.lost
    return None


async def _keys(source: KeySource, database: Database, *, new_keys: bool) -> KeyRing:
    """The ring, made where there is none and nothing is sealed yet."""
    if isinstance(source, KeyFile) and not source.path.exists():
        # Whoever began the records a moment ago had written its keys before.
        if await is_sealed(database) and not source.path.exists():
            raise source.lost
        if new_keys:
            return KeyRing.load_or_create(source.path)
    return source.read()


def _watched(
    database: Database, vault: Vault, source: KeySource
) -> AbstractAsyncContextManager[None]:
    """The vault, kept up to what becomes of the keys while the records are open."""
    if isinstance(source, KeyFile):

        def find() -> KeyRing | None:
            with suppress(UnusableKeys):
                return source.read()
            return None

        vault.find_with(find)
    reading = READ_COMMAND if isinstance(source, KeyCommand) else None
    return watched(database, vault, source.read, Pace(reading=reading))
