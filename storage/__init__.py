"""The records: what is kept, how it is sealed, and who may change it.

Nothing here knows a messenger, a sentence or the clock; of the talk it knows only its values.
"""

from sqlalchemy.ext.asyncio import AsyncConnection as Connection

from storage.admission import admit
from storage.asked import Asked
from storage.cards import CardRecord
from storage.conversations import Conversations, Kept
from storage.database import Database, Unavailable, UnknownDatabase
from storage.migrations import NewerSchema
from storage.registry import Registry
from storage.vault import KeyRing, UnusableKeys, Vault

__all__ = [
    "Asked",
    "CardRecord",
    "Connection",
    "Conversations",
    "Database",
    "Kept",
    "KeyRing",
    "NewerSchema",
    "Registry",
    "Unavailable",
    "UnknownDatabase",
    "UnusableKeys",
    "Vault",
    "admit",
]
