"""A conversation goes on in the browser: by a link that is good once and for a short while.

WhatsApp's business policy forbids asking for identity numbers, and some refuse that theirs go
abroad. Who follows the link is the same person at the same place of the same talk: what the page
receives counts as written from the messenger's address. The link carries that address sealed;
that it was used is on record.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

from bot.channels.base import Unavailable
from bot.clock import Clock
from conversations.events import Address
from storage import ANSWER_WITHIN, Database, Vault, passages
from storage import Unavailable as RecordsUnavailable
from storage.vault import Unreadable

GOOD_FOR = timedelta(minutes=15)
"""Until when a link opens."""
VISIT = timedelta(minutes=30)
"""How long the browser stands for the messenger after that."""

_LINK, _VISIT = b"handover:link", b"handover:visit"


class Handover:
    """Makes links and takes them. ``public_url`` is where the page is."""

    def __init__(self, database: Database, vault: Vault, now: Clock, public_url: str) -> None:
        self._database = database
        self._vault = vault
        self._now = now
        self._public_url = public_url

    def link(self, address: Address) -> str:
        """Where the conversation of this address goes on."""
        return f"{self._public_url}/devam/{self._sealed(address, GOOD_FOR, _LINK)}"

    async def enter(self, token: str) -> str | None:
        """What the browser keeps to be known by; None if the link is used, over, or none of ours.
        Raise Unavailable."""
        address = self._opened(token, _LINK)
        if address is None:
            return None
        key = self._vault.index("handover", token)
        try:
            async with self._database.begin(ANSWER_WITHIN) as connection:
                first = await passages.use(connection, key, self._now())
        except RecordsUnavailable as error:
            raise Unavailable from error
        return self._sealed(address, VISIT, _VISIT) if first else None

    def who(self, kept: str) -> Address | None:
        """The address a browser stands for; None once its visit is over."""
        return self._opened(kept, _VISIT)

    def _sealed(self, address: Address, lasting: timedelta, purpose: bytes) -> str:
        until = (self._now() + lasting).isoformat()
        plain = json.dumps([address.channel, address.id, until]).encode()
        return base64.urlsafe_b64encode(self._vault.seal(plain, purpose)).decode().rstrip("=")

    def _opened(self, token: str, purpose: bytes) -> Address | None:
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            channel, id, until = json.loads(self._vault.open(sealed, purpose))
        except (ValueError, Unreadable):
            return None
        return Address(channel, id) if self._now() < datetime.fromisoformat(until) else None
