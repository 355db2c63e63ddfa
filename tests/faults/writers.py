"""Citizens who register, with mistakes, and go by what they read; and a Ministry that sends words.

A citizen answers the question that is asked now, says "devam" where nothing came, and puts right
what the review shows wrongly. So whatever is lost, doubled or swapped on the way, they end where
they wanted to; and who was told that the card is saved is noted in the ``Model``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from conversations.events import Address
from tests.benchmarks.citizens import Citizen, hes_code
from tests.bot.doors.knocking import Knocker
from tests.faults.chats import Chat

SAVED = ("Kaydedildi", "Durumu:")
TITLES = (
    "Ad",
    "Soyad",
    "TC kimlik numarası",
    "Doğum tarihi",
    "E-posta",
    "Kart numarası",
    "Telefon",
    "HES kodu",
)
"""Of the questions, in their order."""
_ASKED = re.compile(rf"^(?:[1-8]/8 · )?({'|'.join(TITLES)})$", re.MULTILINE)
_SHOWN = re.compile(r"^(Ad|Soyad): (.+)$", re.MULTILINE)

SLIPS = ("yardım", "12345", "geri", "/durum", "👍👍", "10000000145", "neden", "x" * 600)
"""What is written now and then where an answer is asked."""
PATIENCE = 4.0
"""Seconds after which a citizen says something again."""
HOPELESS = 150.0
"""Seconds without getting any further after which a citizen is given up."""
KEY = "a-key-of-the-ministry"
KEYS = f"ministry:{hashlib.sha256(KEY.encode()).hexdigest()}"


@dataclass
class Model:
    """What must be on record, by what everybody was told. Knows no record.

    ``saved``: who was told that the card is paired, and where; ``answered``: messages that were
    answered 2xx, with the answer; ``suspended``: whose code the Ministry was told is taken as
    risky. ``wrong`` says what must not be.
    """

    saved: dict[int, tuple[Citizen, Address]] = field(default_factory=dict)
    suspended: set[int] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    answered: dict[Address, dict[str, bytes]] = field(default_factory=dict)
    messages: int = 0
    twice: int = 0
    wrong: list[str] = field(default_factory=list)

    def answer(self, address: Address, message: str, said: str) -> None:
        """A message was answered; the same one again must be answered the same."""
        digest = hashlib.blake2b(said.encode(), digest_size=8).digest()
        known = self.answered.setdefault(address, {}).setdefault(message, digest)
        self.messages += 1
        if known is not digest:
            self.twice += 1
        if known != digest:
            self.wrong.append(f"{address.channel}: a message was answered in two ways")


class Writer:
    """One citizen, in one chat. ``pause``: seconds between reading and writing, about."""

    def __init__(
        self, citizen: Citizen, chat: Chat, model: Model, chance: random.Random, pause: float
    ) -> None:
        self._citizen = citizen
        self._chat = chat
        self._model = model
        self._chance = chance
        self._pause = pause
        self._lines = dict(zip(TITLES, citizen.lines()[2:10], strict=True))
        self._agreed = False
        self._slips = chance.randrange(4)

    async def register(self) -> None:
        """Until it is said that the card is saved."""
        moved = time.monotonic()
        await self._chat.say("/start")
        said: list[str] = []
        while not self._is_saved(said):
            before, said = said, await self._hear()
            if not self._agreed and any(SAVED[0] in line for line in said):
                where = self._chat.address.channel
                self._model.wrong.append(f"{where}: saved before the terms were agreed to")
                self._agreed = True
                continue
            if said != before:
                moved = time.monotonic()
            if time.monotonic() - moved > HOPELESS:
                last = said[-1][:60] if said else "nothing"
                self._model.wrong.append(f"{self._chat.address.channel}: stuck at {last!r}")
                return
            if not self._is_saved(said):
                await asyncio.sleep(self._chance.uniform(0, 2 * self._pause))
                await self._go_on(said[-1] if said else "")
        self._model.saved[self._citizen.number] = (self._citizen, self._chat.address)

    def _is_saved(self, said: list[str]) -> bool:
        return self._agreed and any(mark in line for line in said for mark in SAVED)

    async def _hear(self) -> list[str]:
        """What is said; nothing, if nothing comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._chance.uniform(1, 2) * PATIENCE):
                while not self._chat.news():  # noqa: ASYNC110
                    await asyncio.sleep(0.03)
        return self._chat.news()

    async def _go_on(self, said: str) -> None:
        asked = _ASKED.findall(said)
        if "açık rıza" in said:
            await self._chat.pick("Kabul ediyorum")
        elif "Bilgileriniz doğru mu" in said:
            await self._look_through(said)
        elif "Onaylıyor musunuz" in said:
            self._agreed = True
            await self._chat.pick("Onaylıyorum")
        elif "Doğru mu?" in said:
            # A message that was meant for another question is taken for an answer.
            await self._chat.say("hayır")
        elif asked:
            await self._reply(self._lines[asked[-1]])
        else:
            await self._chat.say(
                "durum" if self._agreed and self._chance.random() < 0.5 else "devam"
            )

    async def _look_through(self, said: str) -> None:
        """Names can be taken for each other where messages were swapped; the rest cannot."""
        for title, shown in _SHOWN.findall(said):
            if shown != self._lines[title]:
                await self._chat.say("ad" if title == "Ad" else "soyadım yanlış")
                return
        await self._chat.pick("Evet, doğru")

    async def _reply(self, line: str) -> None:
        chance = self._chance.random()
        if self._slips and chance < 0.3:
            self._slips -= 1
            await self._slip()
        elif chance < 0.4:
            await self._chat.hurry(line, "devam")
        else:
            await self._chat.say(line)

    async def _slip(self) -> None:
        if self._chance.random() < 0.2:
            await self._chat.send_media(self._chance.choice(["voice", "sticker"]))  # type: ignore[attr-defined]
        else:
            await self._chat.say(self._chance.choice(SLIPS))


class Ministry:
    """Sends the codes of people who are paired, each once; again until it is taken."""

    def __init__(self, model: Model, port: Callable[[], int], now: Callable[[], datetime]) -> None:
        self._model = model
        self._port = port
        self._now = now
        self._over = asyncio.Event()

    def stop(self) -> None:
        """Send what is waiting, and no more."""
        self._over.set()

    async def send(self) -> None:
        """Every second a few, until told to stop."""
        while True:
            some = list(self._waiting())[:5]
            if not some and self._over.is_set():
                return
            if some:
                await self._report(some)
            await asyncio.sleep(0 if self._over.is_set() else 1)

    def _waiting(self) -> Iterator[Citizen]:
        for number, (citizen, address) in self._model.saved.items():
            if number not in self._model.suspended and address.channel != "web":
                yield citizen

    async def _report(self, citizens: list[Citizen]) -> None:
        lines = [
            {
                "id": f"word-{citizen.number}",
                "hes_code": hes_code(citizen.number),
                "status": "RISKY",
                "changed_at": self._now().isoformat(),
            }
            for citizen in citizens
        ]
        body = "\n".join(map(json.dumps, lines)).encode()
        while not await self._taken(body):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        self._model.words.update(str(line["id"]) for line in lines)
        self._model.suspended.update(citizen.number for citizen in citizens)

    async def _taken(self, body: bytes) -> bool:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(30):
                bearer = {"Authorization": f"Bearer {KEY}"}
                heard = await Knocker(self._port()).ask("POST", "/api/risk-changes", bearer, body)
            if heard.status == 200:
                told = json.loads(heard.body)
                if told["bad_count"]:
                    self._model.wrong.append(f"words were refused: {told}")
                return True
        return False
