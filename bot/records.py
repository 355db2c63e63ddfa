"""The records, opened with the keys to them: a part of the composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.notices.announcing import announcing
from bot.patience import AWAITED, patiently
from bot.settings import Settings, SettingsError
from storage import (
    Audit,
    Broadcasts,
    Conversations,
    Database,
    KeyRing,
    Ledger,
    Registry,
    Staff,
    Vault,
    admit,
)


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
        # Keys that cannot be used must not leave an empty database behind, nor the other way.
        given = given_keys(settings)
        database = await patiently(opened, awaited)
    try:
        with in_home():
            find = KeyRing.load_or_create if new_keys else KeyRing.load
            ring = given or find(settings.key_file)
        vault = Vault(ring)
        await patiently(lambda: admit(database, vault), awaited)
        ledger, audit = Ledger(vault), Audit(vault)
        registry = Registry(
            vault,
            deadline=settings.pairing_deadline,
            code_on_several_cards=settings.hes_code_on_several_cards,
            announce=announcing(ledger),
        )
        yield Records(
            settings,
            database,
            ring,
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
