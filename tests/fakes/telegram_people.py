"""Telegram seen from the telephone: chats, what stands in them, and the people who type and tap.

Knows the shapes of Bot API objects; knows no HTTP and nothing of how updates reach a bot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

Json = dict[str, Any]
Publish = Callable[[str, Json, Hashable], None]

NOT_STARTED = "Forbidden: bot can't initiate conversation with a user"
BLOCKED = "Forbidden: bot was blocked by the user"
DEACTIVATED = "Forbidden: user is deactivated"

MEDIA: Mapping[str, Any] = {
    "photo": [{"width": 90, "height": 90}, {"width": 800, "height": 800}],
    "voice": {"duration": 3, "mime_type": "audio/ogg"},
    "video": {"width": 640, "height": 480, "duration": 5, "mime_type": "video/mp4"},
    "sticker": {
        "type": "regular",
        "width": 512,
        "height": 512,
        "is_animated": False,
        "is_video": False,
        "emoji": "👍",
    },
    "document": {"file_name": "belge.pdf", "mime_type": "application/pdf"},
    "location": {"latitude": 41.0082, "longitude": 28.9784},
}


def utf16_units(text: str) -> int:
    """Telegram counts lengths and offsets in UTF-16 code units (Bot API, MessageEntity)."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message. ``data`` is empty on a reply keyboard's button."""

    label: str
    data: str = ""
    contact: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One visible message. ``sender`` is ``bot`` or ``person``."""

    sender: str
    text: str
    buttons: tuple[Button, ...] = ()
    message_id: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(button.label for button in self.buttons)


@dataclass
class Bubble:
    """A message as the server keeps it; ``content`` is what a Message has for its kind."""

    message_id: int
    sender: Json
    date: int
    content: Json
    markup: Json | None = None
    edited: int | None = None

    @property
    def is_ours(self) -> bool:
        return bool(self.sender["is_bot"])

    @property
    def buttons(self) -> tuple[Button, ...]:
        markup = self.markup or {}
        rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
        return tuple(_button(key) for row in rows for key in row)

    def line(self) -> Line:
        kind = next(iter(self.content))
        # A file is read by opening it.
        text = self.content.get("text", self.content.get("content", f"[{kind}]"))
        sender = "bot" if self.is_ours else "person"
        return Line(sender, text, self.buttons, self.message_id)


def _button(key: Json | str) -> Button:
    if isinstance(key, str):
        return Button(key)
    return Button(key["text"], key.get("callback_data", ""), bool(key.get("request_contact")))


@dataclass
class Chat:
    """A conversation and everything not deleted from it, in order."""

    profile: Json
    bubbles: dict[int, Bubble] = field(default_factory=dict)
    refusal: str = ""
    """Why the bot may not write here (the description of a 403), or nothing."""
    keyboard: Bubble | None = None
    """The message whose reply keyboard is shown."""

    @property
    def id(self) -> int:
        return int(self.profile["id"])

    @property
    def is_private(self) -> bool:
        return bool(self.profile["type"] == "private")

    def message(self, bubble: Bubble) -> Json:
        """The Message object (Bot API, Message); reply keyboards are never shown in it."""
        message: Json = {
            "message_id": bubble.message_id,
            "from": bubble.sender,
            "chat": self.profile,
            "date": bubble.date,
            **bubble.content,
        }
        if bubble.edited is not None:
            message["edit_date"] = bubble.edited
        if bubble.markup and "inline_keyboard" in bubble.markup:
            message["reply_markup"] = bubble.markup
        return message


class World:
    """Everybody who can meet the bot, and the numbers the server hands out."""

    def __init__(self, bot: Json, clock: Callable[[], datetime], publish: Publish) -> None:
        self.bot = bot
        self.publish = publish
        self.chats: dict[int, Chat] = {}
        self.queries: dict[str, Json] = {}
        """Every tap that waits for answerCallbackQuery, or the answer it got."""
        self._clock = clock
        self._message_ids = count(1)
        self._query_ids = count(4_382_000_000_000_000_001)

    def date(self) -> int:
        """Seconds since the epoch."""
        return int(self._clock().timestamp())

    def add(self, chat: Chat, sender: Json, content: Json, markup: Json | None = None) -> Bubble:
        """Put a message into a chat; message ids grow over all chats of the bot."""
        bubble = Bubble(next(self._message_ids), sender, self.date(), content, markup)
        chat.bubbles[bubble.message_id] = bubble
        return bubble

    def open_query(self) -> str:
        query = str(next(self._query_ids))
        self.queries[query] = {}
        return query


class Person:
    """Somebody with a telephone, alone with the bot. What they do reaches the bot as updates."""

    def __init__(self, world: World, chat: Chat, user: Json, phone: str) -> None:
        self.chat = chat
        self.user = user
        self.phone = phone
        self._world = world

    @property
    def id(self) -> int:
        return self.chat.id

    @property
    def transcript(self) -> tuple[Line, ...]:
        """What stands in the chat now, oldest first; what was deleted is gone."""
        return tuple(bubble.line() for bubble in self.chat.bubbles.values())

    @property
    def last(self) -> Line:
        """The bot's newest message; LookupError if there is none."""
        for bubble in self._newest():
            if bubble.is_ours:
                return bubble.line()
        raise LookupError("the bot has said nothing here")

    async def say(self, text: str) -> int:
        """Type a message; return its id."""
        return self._send({"text": text, **_entities(text)})

    async def share_contact(self, phone: str, *, own: bool = True) -> int:
        """Send a contact card; somebody else's comes without ``user_id`` unless they are known."""
        contact: Json = {"phone_number": phone, "first_name": self.user["first_name"]}
        if own:
            contact["user_id"] = self.id
        return self._send({"contact": contact})

    async def send_media(self, kind: str) -> int:
        """Send a photo, voice, video, sticker, document or location."""
        return self._send({kind: _with_file(MEDIA[kind], kind)})

    async def tap(self, label_or_data: str, *, on: int | None = None) -> None:
        """Press the newest button of this label or data, or the one under the message ``on``.

        LookupError if there is none. A reply keyboard's button types its label or shares the
        person's own phone; any other sends a callback_query.
        """
        bubble, button = self._find(label_or_data, on)
        if button.contact:
            await self.share_contact(self.phone)
        elif button.data:
            self._press(bubble, button)
        else:
            await self.say(button.label)

    async def block(self) -> None:
        """Stop the bot: it learns by my_chat_member and gets 403 from now on."""
        self.chat.refusal = BLOCKED
        self._membership("member", "kicked")

    async def unblock(self) -> None:
        """Let the bot write again."""
        self.chat.refusal = ""
        self._membership("kicked", "member")

    def deactivate(self) -> None:
        """Delete the account: the bot learns it only by the 403 it gets."""
        self.chat.refusal = DEACTIVATED

    def _newest(self) -> Iterator[Bubble]:
        return reversed(self.chat.bubbles.values())

    def _find(self, wanted: str, on: int | None) -> tuple[Bubble, Button]:
        for bubble in self._newest():
            if on in (None, bubble.message_id) and self._shows_buttons(bubble):
                for button in bubble.buttons:
                    if wanted in (button.label, button.data):
                        return bubble, button
        raise LookupError(f"no button {wanted!r} in the chat")

    def _shows_buttons(self, bubble: Bubble) -> bool:
        return "inline_keyboard" in (bubble.markup or {}) or bubble is self.chat.keyboard

    def _send(self, content: Json) -> int:
        self._reach()
        bubble = self._world.add(self.chat, self.user, content)
        self._world.publish("message", self.chat.message(bubble), ("chat", self.id))
        return bubble.message_id

    def _reach(self) -> None:
        if self.chat.refusal in {BLOCKED, DEACTIVATED}:
            raise RuntimeError("nobody can write to a bot they have blocked or left")
        self.chat.refusal = ""

    def _press(self, bubble: Bubble, button: Button) -> None:
        self._reach()
        query: Json = {
            "id": self._world.open_query(),
            "from": self.user,
            "message": self.chat.message(bubble),
            "chat_instance": str(-self.id * 7919),
            "data": button.data,
        }
        self._world.publish("callback_query", query, ("user", self.id))

    def _membership(self, old: str, new: str) -> None:
        change: Json = {
            "chat": self.chat.profile,
            "from": self.user,
            "date": self._world.date(),
            "old_chat_member": self._member(old),
            "new_chat_member": self._member(new),
        }
        self._world.publish("my_chat_member", change, ("member", self.id))

    def _member(self, status: str) -> Json:
        until: Json = {"until_date": 0} if status == "kicked" else {}
        return {"user": self._world.bot, "status": status, **until}


def _entities(text: str) -> Json:
    found = [
        {
            "offset": utf16_units(text[: match.start()]),
            "length": utf16_units(match.group()),
            "type": "bot_command",
        }
        for match in re.finditer(r"(?<!\S)/[A-Za-z0-9_]{1,64}(?:@\w+)?", text)
    ]
    return {"entities": found} if found else {}


def _with_file(shape: Any, kind: str) -> Any:
    """The object of a file, with the identifiers every file has; a location has none."""
    if kind == "location":
        return dict(shape)
    if isinstance(shape, list):
        return [_with_file(size, f"{kind}{place}") for place, size in enumerate(shape)]
    return {
        "file_id": f"file-{kind}",
        "file_unique_id": f"unique-{kind}",
        "file_size": 1024,
        **shape,
    }
