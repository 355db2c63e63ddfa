"""The words of Telegram's Bot API: updates read into ``Inbound``, answers written as method calls.

Plain functions and values. It must not know the network, the clock, the desk or the bot's token.
``inbound_of`` reads the updates of the lean decoder here and those of aiogram alike.
Facts are from the Bot API's reference, sections "Getting updates" and "Available methods".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bot.channels.base import Answer, Button, Inbound, Message, picked, written
from conversations.events import Address, Event, Picked, SentMedia, SharedContact

if TYPE_CHECKING:
    from aiogram import types

TEXT_UNITS = 4096
"""UTF-16 units of one text message (``sendMessage``)."""

DELETE_AT_ONCE = 100
"""Messages one ``deleteMessages`` takes."""

STYLES = frozenset({"primary", "success", "danger"})
"""Colours a button can have (``InlineKeyboardButton.style``)."""

DOCUMENT = "sendDocument"
"""A text that goes as a file: ``chat_id``, ``file`` (its name) and ``text``. It is uploaded, so
it is no webhook's response (Bot API, "Sending files")."""
_SAYING = ("sendMessage", DOCUMENT)

_SHORT_LABEL = 18
_BUTTONS_IN_A_ROW = 3


class _Part(msgspec.Struct, gc=False, rename={"from_user": "from"}):
    """A piece of an update. What is not declared is skipped, never parsed."""


class Present(_Part):
    """Something whose presence is all we read."""


class User(_Part):
    """Who wrote or tapped."""

    id: int
    is_bot: bool = False


class Chat(_Part):
    """Where it happened. Only ``private`` chats are talked to."""

    id: int
    type: str


class Contact(_Part):
    """A shared contact. It is the sender's own only if ``user_id`` is the sender's id."""

    phone_number: str
    user_id: int | None = None


class ChatMessage(_Part):
    """A message, with the kinds of content the bot tells apart."""

    message_id: int
    date: datetime
    chat: Chat
    from_user: User | None = None
    text: str | None = None
    contact: Contact | None = None
    photo: list[Present] | None = None
    voice: Present | None = None
    audio: Present | None = None
    video: Present | None = None
    video_note: Present | None = None
    animation: Present | None = None
    sticker: Present | None = None
    location: Present | None = None
    document: Present | None = None
    dice: Present | None = None
    poll: Present | None = None
    game: Present | None = None
    story: Present | None = None
    paid_media: Present | None = None
    checklist: Present | None = None


class TappedMessage(_Part):
    """The message whose button was tapped; of an old one only the chat is left."""

    chat: Chat


class CallbackQuery(_Part):
    """A tap on an inline button."""

    id: str
    from_user: User
    data: str | None = None
    message: TappedMessage | None = None


class Membership(_Part):
    """What the bot is in a chat; in a private one ``kicked`` (blocked) or ``member``."""

    status: str


class MembershipChange(_Part):
    """The bot was blocked or let in again (Bot API, ChatMemberUpdated)."""

    chat: Chat
    new_chat_member: Membership


class Update(_Part):
    """One update of the webhook. aiogram's ``Update`` has the same attributes."""

    update_id: int
    message: ChatMessage | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: MembershipChange | None = None


_KINDS = {
    "photo": "photo",
    "voice": "voice",
    "audio": "voice",
    "video": "video",
    "video_note": "video",
    "animation": "video",  # comes with a document too, so it is asked first
    "sticker": "sticker",
    "location": "location",
    "document": "file",
    "dice": "other",
    "poll": "other",
    "game": "other",
    "story": "other",
    "paid_media": "other",
    "checklist": "other",
}

# Lenient, since times come as numbers.
_UPDATES = msgspec.json.Decoder(Update, strict=False)


def decode(body: bytes) -> Update:
    """Read the webhook's body.

    Raises ``msgspec.ValidationError`` for a shape that is not an update's, and otherwise
    ``msgspec.DecodeError`` or ``RecursionError`` for what is not usable JSON.
    """
    return _UPDATES.decode(body)


# --- in: update → Inbound --------------------------------------------------------------------


def inbound_of(update: Update | types.Update) -> Inbound | None:
    """What arrived; None if there is nothing in it that a conversation uses."""
    if update.message is not None:
        address, event = _private(update.message.chat), _event_of(update.message)
    elif update.callback_query is not None:
        address, event = _place_of_tap(update.callback_query), _tap(update.callback_query)
    else:
        return None
    if address is None or event is None:
        return None
    return Inbound(address, f"u{update.update_id}", event, sequence=update.update_id)


def reach_of(update: Update | types.Update) -> tuple[Address, bool] | None:
    """Whether messages arrive at an address from now on, if the update says so."""
    change = update.my_chat_member
    if change is None:
        return None
    address, status = _private(change.chat), _REACHES.get(change.new_chat_member.status)
    return None if address is None or status is None else (address, status)


_REACHES = {"kicked": False, "member": True}


def _private(chat: Chat | types.Chat) -> Address | None:
    return Address("telegram", str(chat.id)) if chat.type == "private" else None


def _place_of_tap(tap: CallbackQuery | types.CallbackQuery) -> Address | None:
    return _private(tap.message.chat) if tap.message is not None else None


def _tap(tap: CallbackQuery | types.CallbackQuery) -> Event:
    # A button that is not ours counts as a stale one: the question of the moment is asked again.
    return picked(tap.data or "") or Picked("", "", -1)


def _event_of(message: ChatMessage | types.Message) -> Event | None:
    if message.from_user is None or message.from_user.is_bot:
        return None
    event = _content_of(message, message.from_user.id)
    return event and replace(event, written_at=_moment(message), message=str(message.message_id))


def _moment(message: ChatMessage | types.Message) -> datetime:
    """When it was written. Telegram tells whole seconds; within one, ids tell the order."""
    return message.date.replace(microsecond=message.message_id % 1_000_000)


def _content_of(message: ChatMessage | types.Message, sender: int) -> Event | None:
    if message.text is not None:
        return written(message.text)
    if message.contact is not None:
        return _shared(message.contact, sender)
    return next(
        (SentMedia(kind) for field, kind in _KINDS.items() if getattr(message, field) is not None),
        None,
    )


def _shared(contact: Contact | types.Contact, sender: int) -> SharedContact:
    # Some clients leave the plus out.
    return SharedContact("+" + contact.phone_number.lstrip("+"), own=contact.user_id == sender)


# --- out: Answer → method calls --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the Bot API with its parameters.

    The result of a ``delicate`` one has to be known, so it never goes as a webhook's response.
    """

    method: str
    params: Mapping[str, Any]
    delicate: bool = False

    def as_response(self) -> bytes:
        """The call as the body of a webhook's response."""
        return msgspec.json.encode({"method": self.method, **self.params})


class Sent(_Part):
    """What came of a message that was sent."""

    message_id: int
    chat: Chat


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls of one answer: through the API first, as the response itself, and afterwards."""

    before: tuple[Call, ...]
    response: Call | None
    after: tuple[Call, ...]


def encode(chat_id: int, answer: Answer) -> list[Call]:
    """The answer as method calls, in order; taking messages back comes after what is said."""
    said = [call for message in answer.messages for call in _sending(chat_id, message)]
    return [*said, *_deletion(chat_id, answer.retract)]


def plan(calls: Sequence[Call]) -> Plan:
    """Which calls wait for the API, which one the webhook's response carries, which ones follow."""
    said = [call for call in calls if call.method in _SAYING]
    after = tuple(call for call in calls if call.method not in _SAYING)
    if not said or said[-1].delicate or said[-1].method == DOCUMENT:
        return Plan(tuple(said), None, after)
    return Plan(tuple(said[:-1]), said[-1], after)


def quieten(query_id: str) -> Call:
    """Ends the waiting sign on a tapped button."""
    return Call("answerCallbackQuery", {"callback_query_id": query_id})


def _sending(chat_id: int, message: Message) -> Iterator[Call]:
    if message.file:
        params = {"chat_id": chat_id, "file": message.file, "text": message.text}
        yield Call(DOCUMENT, params, message.delicate)
        return
    *first, last = pieces(message.text)
    for piece in first:
        yield _send(chat_id, piece, _NO_KEYBOARD, message.delicate)
    yield _send(chat_id, last, _markup(message), message.delicate)


def _send(chat_id: int, text: str, markup: Mapping[str, Any], delicate: bool) -> Call:
    params = {
        "chat_id": chat_id,
        "text": text,
        "link_preview_options": {"is_disabled": True},
        "reply_markup": markup,
    }
    return Call("sendMessage", params, delicate)


def _deletion(chat_id: int, references: Sequence[str]) -> list[Call]:
    newest = sorted({int(reference) for reference in references if reference.isdecimal()})
    if not newest:
        return []
    ids = newest[-DELETE_AT_ONCE:]
    return [Call("deleteMessages", {"chat_id": chat_id, "message_ids": ids})]


# A keyboard that asks for the phone number stays on the screen until it is taken away.
_NO_KEYBOARD: Mapping[str, Any] = {"remove_keyboard": True}


def _markup(message: Message) -> Mapping[str, Any]:
    if message.contact:
        return _contact_keyboard(message)
    if message.buttons:
        return {"inline_keyboard": [list(map(_inline, row)) for row in rows(message.buttons)]}
    return _NO_KEYBOARD


def _contact_keyboard(message: Message) -> Mapping[str, Any]:
    # A message has one keyboard, so choices beside the contact are buttons that type their label.
    share = {"text": message.contact, "request_contact": True}
    choices = [[{"text": button.label} for button in row] for row in rows(message.buttons)]
    return {"keyboard": [[share], *choices], "resize_keyboard": True, "one_time_keyboard": True}


def _inline(button: Button) -> Mapping[str, str]:
    drawn = {"text": button.label, "callback_data": button.data}
    return drawn | {"style": button.style} if button.style in STYLES else drawn


def rows(buttons: Sequence[Button]) -> list[Sequence[Button]]:
    """A few short labels side by side; long or many ones under each other."""
    few = 0 < len(buttons) <= _BUTTONS_IN_A_ROW
    if few and all(len(button.label) <= _SHORT_LABEL for button in buttons):
        return [buttons]
    return [[button] for button in buttons]


# --- length ----------------------------------------------------------------------------------


def pieces(text: str) -> list[str]:
    """The text in messages of at most ``TEXT_UNITS``, cut after a line where there is one."""
    if 2 * len(text) <= TEXT_UNITS or units(text) <= TEXT_UNITS:
        return [text]
    head = _fitting(text)
    head = head[: head.rfind("\n") + 1] or head
    return [head.rstrip("\n") or head, *pieces(text[len(head) :])]


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def _fitting(text: str) -> str:
    return text.encode("utf-16-le")[: 2 * TEXT_UNITS].decode("utf-16-le", "ignore")
