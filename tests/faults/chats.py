"""A citizen's end of a chat: on Telegram, on WhatsApp, on the page. What is said is read there.

Messengers bring messages their own way, again and out of order too (see the stand-ins); the page
sends a message until it is answered. Knows no form.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from urllib.parse import urlencode

from conversations.events import Address
from tests.benchmarks.citizens import Citizen
from tests.bot.doors.knocking import FORM, Knocker
from tests.fakes.telegram import BotApi
from tests.fakes.twilio import TwilioApi

AGAIN = 0.4
"""Seconds until the page sends a message again that was not answered."""
WITHIN = 20.0
"""Seconds for which it waits for an answer."""


class Chat(Protocol):
    """``address`` is where the citizen is written to."""

    address: Address

    async def say(self, text: str) -> None:
        """Write something."""
        ...

    async def pick(self, label: str) -> None:
        """Take a choice, by its button where there is one."""
        ...

    async def hurry(self, text: str, more: str) -> None:
        """Write two messages, of which the second may be there first."""
        ...

    def news(self) -> list[str]:
        """What was said since the citizen wrote last."""
        ...


class TelegramChat:
    """On Telegram."""

    def __init__(self, citizen: Citizen, api: BotApi) -> None:
        self.address = Address("telegram", str(citizen.chat))
        self._api = api
        self._person = api.person(citizen.chat, phone=citizen.phone.lstrip("+"))
        self._read = 0

    async def say(self, text: str) -> None:
        self._read = await self._person.say(text)

    async def pick(self, label: str) -> None:
        try:
            await self._person.tap(label)
            self._read = max(self._person.chat.bubbles, default=0)
        except LookupError:
            await self.say(label)

    async def hurry(self, text: str, more: str) -> None:
        self._api.swap_next()
        await self.say(text)
        await self.say(more)

    async def send_media(self, kind: str) -> None:
        """A voice message, a sticker."""
        self._read = await self._person.send_media(kind)

    def news(self) -> list[str]:
        found = []
        for number, bubble in reversed(self._person.chat.bubbles.items()):
            if number <= self._read:
                break
            if bubble.is_ours:
                found.append(str(bubble.content.get("text", "")))
        return found[::-1]


class WhatsAppChat:
    """On WhatsApp."""

    def __init__(self, citizen: Citizen, api: TwilioApi) -> None:
        self.address = Address("whatsapp", citizen.phone)
        self._person = api.person(citizen.phone, bsuid=f"TR.{citizen.number:x}")
        self._read = 0

    async def say(self, text: str) -> None:
        await self._person.say(text.removeprefix("/"))
        self._read = len(self._person.messages)

    async def pick(self, label: str) -> None:
        try:
            await self._person.pick(label)
            self._read = len(self._person.messages)
        except LookupError:
            await self.say(label)

    async def hurry(self, text: str, more: str) -> None:
        await self.say(text)
        await self.say(more)

    async def send_media(self, kind: str) -> None:
        """A voice message, a sticker."""
        await self._person.send_media("sticker" if kind == "sticker" else "audio")
        self._read = len(self._person.messages)

    def news(self) -> list[str]:
        written = self._person.messages[self._read :]
        return [message.body for message in written if message.direction != "inbound"]


class WebChat:
    """On the page. ``answered`` is told each message and its answer; ``port`` says where to."""

    def __init__(
        self,
        citizen: Citizen,
        port: Callable[[], int],
        answered: Callable[[Address, str, str], None],
        chance: random.Random,
    ) -> None:
        self._visitor = f"visitor-on-the-page-{citizen.number:08d}"
        self.address = Address("web", self._visitor)
        self._port = port
        self._answered = answered
        self._chance = chance
        self._said: list[str] = []
        self._messages = 0

    async def say(self, text: str) -> None:
        self._messages += 1
        self._said = await self._send(text, f"message-on-the-page-{self._messages:04d}")

    pick = say

    async def hurry(self, text: str, more: str) -> None:
        """Sent once more before it was answered: pressed twice."""
        self._messages += 1
        token = f"message-on-the-page-{self._messages:04d}"
        first, _ = await asyncio.gather(self._send(text, token), self._send(text, token))
        self._said = first

    async def send_media(self, kind: str) -> None:
        """Nothing but words can be sent there."""
        await self.say("👍👍" if kind == "sticker" else "?!")

    async def _send(self, text: str, token: str) -> list[str]:
        form = urlencode({"text": text, "message": token}).encode()
        headers = {
            "Accept": "application/json",
            "Content-Type": FORM,
            "Cookie": f"__Host-hesbot={self._visitor}",
        }
        while True:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(WITHIN):
                    heard = await Knocker(self._port()).ask("POST", "/", headers, form)
                if heard.status == 200:
                    break
            await asyncio.sleep(AGAIN)
        messages = json.loads(heard.body)["messages"]
        # The page has a token of its own for what is said next.
        self._answered(self.address, token, json.dumps(messages))
        return [_line(message) for message in messages]

    def news(self) -> list[str]:
        return self._said


def _line(message: dict[str, object]) -> str:
    return str(message["text"])
