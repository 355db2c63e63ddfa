"""The records: what is kept, how it is sealed, and who may change it.

Nothing here knows a messenger, a sentence or the clock; of the talk it knows only its values.
"""

from sqlalchemy.ext.asyncio import AsyncConnection as Connection

from storage.admission import admit
from storage.asked import Asked
from storage.audit import Audit, AuditEntry, Chain, Head
from storage.boardings import Attempt, Boardings, Passage
from storage.broadcast_rows import Broadcast, Draft
from storage.broadcasts import Broadcasts
from storage.candidates import Unfinished, Untravelled, WaningLink
from storage.cards import CardRecord
from storage.changes import Announce, CardChange, Recipient
from storage.conversations import Conversations, Kept
from storage.database import (
    ANSWER_WITHIN,
    Contended,
    Database,
    Unavailable,
    UnknownDatabase,
)
from storage.entries import Entry, Post, Settled, Urgency
from storage.ledger import Ledger
from storage.migrations import HalfCopied, NewerSchema
from storage.newsroom import Newsroom
from storage.parcels import Parcel
from storage.pickup import Pickup
from storage.receipts import Receipt
from storage.registry import Registry
from storage.risks import RiskChange, RiskOutcome
from storage.staff import Member, NameTaken, Staff
from storage.vault import KeyRing, UnusableKeys, Vault

__all__ = [
    "ANSWER_WITHIN",
    "Announce",
    "Asked",
    "Attempt",
    "Audit",
    "AuditEntry",
    "Boardings",
    "Broadcast",
    "Broadcasts",
    "CardChange",
    "CardRecord",
    "Chain",
    "Connection",
    "Contended",
    "Conversations",
    "Database",
    "Draft",
    "Entry",
    "HalfCopied",
    "Head",
    "Kept",
    "KeyRing",
    "Ledger",
    "Member",
    "NameTaken",
    "NewerSchema",
    "Newsroom",
    "Parcel",
    "Passage",
    "Pickup",
    "Post",
    "Receipt",
    "Recipient",
    "Registry",
    "RiskChange",
    "RiskOutcome",
    "Settled",
    "Staff",
    "Unavailable",
    "Unfinished",
    "UnknownDatabase",
    "Untravelled",
    "UnusableKeys",
    "Urgency",
    "Vault",
    "WaningLink",
    "admit",
]
