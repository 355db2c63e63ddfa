"""The four messengers as a person holds them: what can be done there and what is seen.

Each outlives a restart of the bot; ``connect`` tells where the bot is now. Knows nothing of scripts
beyond a gesture, and nothing of forms or records.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from io import StringIO
from typing import Any, Protocol, Self

from aiohttp import ClientSession, CookieJar
from pydantic import SecretStr

from bot.app import House
from bot.channels.base import Answer
from bot.channels.terminal import Terminal as TerminalChannel
from bot.channels.terminal import show
from conversations.events import Address
from tests.fakes import telegram, twilio
from tests.transcripts.heard import Bubble, number_of, unnumbered
from tests.transcripts.page import Button, Page
from tests.transcripts.script import Gesture

PUBLIC_URL = "https://bot.example.com"
COMMON = frozenset({"opens", "say", "press", "blank", "contact"})
BLANK = "\u200b"
"""Signs that can be sent and cannot be seen."""

UNDONE_BY_NOTHING = ("İptal", "Evet, hepsini sil", "Evet, geri al")
"""Choices that no number picks."""


class Person(Protocol):
    """Somebody on one messenger."""

    @property
    def address(self) -> Address: ...

    async def do(self, gesture: Gesture) -> Sequence[Bubble]:
        """Do it and see what is answered. LookupError if there is no such button."""
        ...


class Messenger(Protocol):
    """A messenger and everybody on it. ``can`` are the gestures it knows."""

    name: str
    can: frozenset[str]

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *raised: object) -> None: ...

    def settings(self) -> dict[str, Any]:
        """What the bot has to be told to be reached from here."""
        ...

    async def connect(self, house: House, url: str) -> None:
        """The bot's parts and its address, after each start."""
        ...

    def person(self, number: int) -> Person:
        """Somebody new."""
        ...


def typed(gesture: Gesture) -> str:
    """What is typed for a gesture where there is no other way to make it."""
    return BLANK if gesture.kind == "blank" else gesture.value


# --- the browser ----------------------------------------------------------------------------


class Browser:
    """The citizen's page: read as a page when it is opened, spoken to as its script does."""

    name = "web"
    can = COMMON | {"stale"}

    def __init__(self) -> None:
        self.url = ""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._stack.aclose()

    def settings(self) -> dict[str, Any]:
        return {}

    async def connect(self, house: House, url: str) -> None:
        self.url = url

    def person(self, number: int) -> Visitor:
        session = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self._stack.push_async_callback(session.close)
        return Visitor(self, session)


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, browser: Browser, session: ClientSession) -> None:
        self._browser = browser
        self._session = session
        self._token = ""
        self._seen: list[list[Button]] = []
        """The buttons of every bubble, oldest first."""

    @property
    def address(self) -> Address:
        visitor = next((c.value for c in self._session.cookie_jar if c.key == "hesbot"), "")
        return Address("web", visitor)

    async def do(self, gesture: Gesture) -> Sequence[Bubble]:
        if gesture.kind == "opens":
            return await self._open()
        if gesture.kind in ("press", "stale"):
            return await self._send(pick=self._button(gesture))
        return await self._send(text=typed(gesture))

    def _button(self, gesture: Gesture) -> str:
        return newest(self._seen[:-1] if gesture.kind == "stale" else self._seen, gesture.value)

    async def _open(self) -> Sequence[Bubble]:
        async with self._session.get(self._browser.url) as response:
            page = Page(await response.text())
        self._seen += page.buttons
        self._token = page.token
        return page.bubbles

    async def _send(self, **form: str) -> Sequence[Bubble]:
        json = {"Accept": "application/json"}
        form["message"] = self._token
        async with self._session.post(self._browser.url, data=form, headers=json) as response:
            said = await response.json()
        drawn, self._token = said["messages"], said["token"]
        self._seen += [[(key["label"], key["data"]) for key in each["buttons"]] for each in drawn]
        return [
            Bubble(each["text"], tuple(key["label"] for key in each["buttons"])) for each in drawn
        ]


def newest(seen: Sequence[Sequence[Button]], wanted: str) -> str:
    """What the newest button of that label sends."""
    for buttons in reversed(seen):
        for label, data in buttons:
            if label == wanted:
                return data
    raise LookupError(f"no button {wanted!r}")


# --- Telegram -------------------------------------------------------------------------------


class Telegram:
    """Telegram by webhook, at a Bot API on loopback."""

    name = "telegram"
    can = COMMON | {
        "stale",
        "stranger",
        "photo",
        "voice",
        "video",
        "sticker",
        "location",
        "document",
    }

    def __init__(self) -> None:
        self._api = telegram.BotApi()

    async def __aenter__(self) -> Self:
        await self._api.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._api.__aexit__(None, None, None)

    def settings(self) -> dict[str, Any]:
        return {
            "public_url": PUBLIC_URL,
            "telegram_bot_token": SecretStr(self._api.token),
            "telegram_api_base": self._api.base_url,
        }

    async def connect(self, house: House, url: str) -> None:
        before = self._hooks()
        self._api.reroute(PUBLIC_URL, url)
        await self._api.until(lambda: self._hooks() > before)

    def _hooks(self) -> int:
        return sum(call.code == 200 for call in self._api.calls("setWebhook"))

    def person(self, number: int) -> Chatter:
        return Chatter(self._api, self._api.person(1000 + number))


class Chatter:
    """Somebody in a private chat with the bot."""

    def __init__(self, api: telegram.BotApi, person: telegram.Person) -> None:
        self._api = api
        self._person = person

    @property
    def address(self) -> Address:
        return Address("telegram", str(self._person.id))

    async def do(self, gesture: Gesture) -> Sequence[Bubble]:
        seen = {line.message_id for line in self._person.transcript}
        await self._act(gesture)
        await self._api.idle()
        return [
            Bubble(line.text, tuple(key.label for key in line.buttons if not key.contact))
            for line in self._person.transcript
            if line.sender == "bot" and line.message_id not in seen
        ]

    async def left(self, text: str) -> list[str]:
        """Messages with that text that still stand in the chat, once nothing takes them back."""
        await self._api.until(lambda: bool(self._api.calls("deleteMessages")))
        await self._api.idle()
        return [line.text for line in self._person.transcript if text in line.text]

    async def _act(self, gesture: Gesture) -> None:
        match gesture.kind:
            case "opens":
                await self._person.say("/start")
            case "press":
                await self._person.tap(gesture.value)
            case "stale":
                await self._person.tap(gesture.value, on=self._older(gesture.value))
            case "contact" | "stranger":
                own = gesture.kind == "contact"
                await self._person.share_contact(international(gesture.value), own=own)
            case "say" | "blank":
                await self._person.say(typed(gesture))
            case kind:
                await self._person.send_media(kind)

    def _older(self, label: str) -> int:
        *older, _ = [line for line in self._person.transcript if line.sender == "bot"]
        return next(line.message_id for line in reversed(older) if label in line.labels)


def international(phone: str) -> str:
    """A number typed as at home, as Telegram writes it: "905320000021"."""
    return "90" + "".join(filter(str.isdigit, phone)).removeprefix("0")


# --- WhatsApp -------------------------------------------------------------------------------


class WhatsApp:
    """WhatsApp through Twilio, on loopback."""

    name = "whatsapp"
    can = COMMON | {
        "photo",
        "voice",
        "video",
        "sticker",
        "location",
        "document",
        "card",
        "reaction",
    }

    def __init__(self) -> None:
        self._api = twilio.TwilioApi(webhook=f"{PUBLIC_URL}/whatsapp#rc=5&rp=all&rt=4000")

    async def __aenter__(self) -> Self:
        await self._api.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._api.__aexit__(*raised)

    def settings(self) -> dict[str, Any]:
        return {
            "public_url": PUBLIC_URL,
            "twilio_account_sid": self._api.account_sid,
            "twilio_auth_token": SecretStr(self._api.auth_token),
            "twilio_whatsapp_from": self._api.sender,
        }

    async def connect(self, house: House, url: str) -> None:
        self._api.reroute(PUBLIC_URL, url)

    def person(self, number: int) -> Texter:
        phone = f"+9053200000{number:02}"
        return Texter(self._api, self._api.person(phone, bsuid=f"TR.{number:04}"))


_TWILIO_KINDS = {"photo": "image", "voice": "audio"}


class Texter:
    """Somebody on WhatsApp, who types the label of a choice."""

    def __init__(self, api: twilio.TwilioApi, person: Any) -> None:
        self._api = api
        self._person = person

    @property
    def address(self) -> Address:
        return Address("whatsapp", self._person.phone)

    async def do(self, gesture: Gesture) -> Sequence[Bubble]:
        seen = {line.sid for line in self._person.transcript}
        await self._act(gesture)
        await self._api.idle()
        return [
            Bubble(line.text)
            for line in self._person.transcript
            if line.sender == "bot" and line.sid not in seen
        ]

    async def _act(self, gesture: Gesture) -> None:
        match gesture.kind:
            case "opens":
                await self._person.say("/start")
            case "say" | "press" | "blank" | "contact":
                await self._person.say(typed(gesture))
            case "location":
                await self._person.share_location()
            case "card" | "reaction":
                kind = {"card": "contacts"}.get(gesture.kind, gesture.kind)
                self._person.receive(self._person, "", {"MessageType": kind})
            case kind:
                await self._person.send_media(_TWILIO_KINDS.get(kind, kind))


# --- the terminal ---------------------------------------------------------------------------


class Terminal:
    """``hesbot chat`` with piped input."""

    name = "terminal"
    can = COMMON

    def __init__(self) -> None:
        self.house: House | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Nothing is open."""

    def settings(self) -> dict[str, Any]:
        return {}

    async def connect(self, house: House, url: str) -> None:
        house.limits[self.name] = TerminalChannel.limits
        self.house = house

    def person(self, number: int) -> Typist:
        return Typist(self, f"kişi {number}")


class Typist:
    """Somebody at a terminal, who types the number of a choice where it has one."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        self._terminal = terminal
        self._name = name
        self._last = Bubble("")

    @property
    def address(self) -> Address:
        return Address("terminal", self._name)

    async def do(self, gesture: Gesture) -> Sequence[Bubble]:
        text = typed(gesture)
        # What cannot be undone has to be spelled.
        spelled = gesture.kind != "press" or text in UNDONE_BY_NOTHING
        line = text if spelled else number_of(text, self._last)
        printed = await self._print(line, opening=gesture.kind == "opens")
        said = Bubble(printed.strip("\n"))
        self._last = said if unnumbered(said).labels else self._last
        return [said]

    async def _print(self, line: str, *, opening: bool) -> str:
        house, target = self._terminal.house, StringIO()
        assert house
        source = StringIO(f"{line}\n")
        channel = TerminalChannel(house.desk, self._name, Answer(), source=source, target=target)
        if opening:
            show(await channel.open(), target)
        else:
            await channel.run()
        return target.getvalue()


MESSENGERS: tuple[type[Messenger], ...] = (Browser, Telegram, WhatsApp, Terminal)
"""The browser first: what it shows is what the scripts hold."""
