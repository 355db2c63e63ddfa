"""What Telegram sends and what it means; what we say and what it is in calls.

Each inbound case runs through the webhook's own decoder and through aiogram's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from bot.channels.base import Answer, Button, Inbound, Message
from bot.channels.telegram_wire import Call
from conversations.events import (
    Address,
    Command,
    Event,
    Picked,
    Said,
    SentMedia,
    SharedContact,
)

AYSE = 4200
PERSON = {"id": AYSE, "is_bot": False, "first_name": "Ayşe", "language_code": "tr"}
PRIVATE = {"id": AYSE, "type": "private", "first_name": "Ayşe"}
GROUP = {"id": -500, "type": "group", "title": "Komşular"}
DATE = 1_610_000_000
WHEN = datetime(2021, 1, 7, 6, 13, 20, tzinfo=UTC)
FILE = {"file_id": "f", "file_unique_id": "u", "file_size": 1}
IMAGE = {**FILE, "width": 1, "height": 1}
CLIP = {**IMAGE, "duration": 1}
PLACE = {"latitude": 41.0, "longitude": 29.0}


class In(NamedTuple):
    """An update and what arrived by it; None for what is of no use."""

    name: str
    update: dict[str, Any]
    inbound: Inbound | None


class Out(NamedTuple):
    """An answer to chat 4200 and its calls."""

    name: str
    answer: Answer
    calls: list[Call]


def message(**content: Any) -> dict[str, Any]:
    """An update with a message of Ayşe's in her private chat."""
    sent = {"message_id": 7, "date": DATE, "chat": PRIVATE, "from": PERSON}
    return {"update_id": 123, "message": {**sent, **content}}


def tap(**query: Any) -> dict[str, Any]:
    """An update with a tap of Ayşe's on a button of ours."""
    shown = {"message_id": 6, "date": DATE, "chat": PRIVATE, "text": "?"}
    given = {"id": "77", "from": PERSON, "chat_instance": "1", "message": shown}
    return {"update_id": 124, "callback_query": {**given, **query}}


def written(event_type: type[Event], *values: Any, **more: Any) -> Inbound:
    """What arrives by ``message``."""
    event = event_type(*values, **more, written_at=WHEN.replace(microsecond=7), message="7")
    return Inbound(Address("telegram", str(AYSE)), "u123", event, sequence=123)


def tapped(choice: str, field: str, turn: int) -> Inbound:
    """What arrives by ``tap``."""
    event = Picked(choice, field, turn)
    return Inbound(Address("telegram", str(AYSE)), "u124", event, sequence=124)


def contact(phone: str, **user: int) -> dict[str, Any]:
    """A contact card; ``user_id`` only where Telegram knows one."""
    return message(contact={"phone_number": phone, "first_name": "Ayşe", **user})


def changed() -> dict[str, Any]:
    """Ayşe blocks the bot."""
    bot = {"id": 1, "is_bot": True, "first_name": "Bot"}
    membership = {
        "chat": PRIVATE,
        "from": PERSON,
        "date": DATE,
        "old_chat_member": {"user": bot, "status": "member"},
        "new_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
    }
    return {"update_id": 125, "my_chat_member": membership}


INACCESSIBLE = {"message_id": 6, "date": 0, "chat": PRIVATE}
DICE = {"emoji": "🎲", "value": 3}
STICKER = {**IMAGE, "type": "regular", "is_animated": False, "is_video": False}
POLL = {
    "id": "1",
    "question": "?",
    "options": [],
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": False,
    "members_only": False,
}
STORY = {"chat": PRIVATE, "id": 3}
GAME = {"title": "t", "description": "d", "photo": [IMAGE]}
ANIMATION = {"animation": CLIP, "document": FILE}
VENUE = {"venue": {"location": PLACE, "title": "t", "address": "a"}, "location": PLACE}
NOTE = {**FILE, "length": 1, "duration": 1}
VOICE = {**FILE, "duration": 1}

INBOUND = [
    In("a line of text", message(text="Ayşe"), written(Said, "Ayşe")),
    In("text is not trimmed", message(text="  Ayşe\n"), written(Said, "  Ayşe\n")),
    In("letters beyond the basic plane", message(text="👍"), written(Said, "👍")),
    In("a number is text", message(text="10000000146"), written(Said, "10000000146")),
    In("a command", message(text="/yardim"), written(Command, "yardim")),
    In("a command for this bot", message(text="/dil@hes_bot en"), written(Command, "dil", "en")),
    In("a start with a payload", message(text="/start hes1"), written(Command, "start", "hes1")),
    In("a lone slash", message(text="/"), written(Said, "/")),
    In("an edited reply is text", message(text="1", edit_date=DATE), written(Said, "1")),
    In(
        "own contact",
        contact("+905320000021", user_id=AYSE),
        written(SharedContact, "+905320000021", own=True),
    ),
    In(
        "own contact without a plus",
        contact("905320000021", user_id=AYSE),
        written(SharedContact, "+905320000021", own=True),
    ),
    In(
        "somebody else's contact",
        contact("905320000021", user_id=AYSE + 1),
        written(SharedContact, "+905320000021", own=False),
    ),
    In(
        "a contact Telegram does not know",
        contact("905320000021"),
        written(SharedContact, "+905320000021", own=False),
    ),
    In("a photo", message(photo=[IMAGE]), written(SentMedia, "photo")),
    In(
        "a photo with a caption",
        message(photo=[IMAGE, IMAGE], caption="kartım"),
        written(SentMedia, "photo"),
    ),
    In("a voice message", message(voice=VOICE), written(SentMedia, "voice")),
    In("music", message(audio=VOICE), written(SentMedia, "voice")),
    In("a video", message(video=CLIP), written(SentMedia, "video")),
    In("a round video", message(video_note=NOTE), written(SentMedia, "video")),
    In("an animation is no file", message(**ANIMATION), written(SentMedia, "video")),
    In("a sticker", message(sticker=STICKER), written(SentMedia, "sticker")),
    In("a location", message(location=PLACE), written(SentMedia, "location")),
    In("a venue", message(**VENUE), written(SentMedia, "location")),
    In("a document", message(document=FILE), written(SentMedia, "file")),
    In("a dice", message(dice=DICE), written(SentMedia, "other")),
    In("a poll", message(poll=POLL), written(SentMedia, "other")),
    In("a game", message(game=GAME), written(SentMedia, "other")),
    In("a story", message(story=STORY), written(SentMedia, "other")),
    In("a service message", message(delete_chat_photo=True), None),
    In("content of years to come", message(hologram={"depth": 3}), None),
    In("a button of ours", tap(data="3:terms:accept"), tapped("accept", "terms", 3)),
    In("a choice with colons", tap(data="3:f:a:b"), tapped("a:b", "f", 3)),
    In("a button of an older bot", tap(data="menu"), tapped("", "", -1)),
    In("a button without data", tap(game_short_name="g"), tapped("", "", -1)),
    In(
        "a button of an old message",
        tap(data="3:terms:accept", message=INACCESSIBLE),
        tapped("accept", "terms", 3),
    ),
    In("a button without its message", {**tap(data="1:f:a", message=None)}, None),
    In("a tap in a group", tap(data="1:f:a", message={**INACCESSIBLE, "chat": GROUP}), None),
    In("a message in a group", message(text="Ayşe", chat=GROUP), None),
    In("another bot", message(text="Ayşe", **{"from": {**PERSON, "is_bot": True}}), None),
    In("a message of nobody", message(text="Ayşe", **{"from": None}), None),
    In("a block", changed(), None),
    In("an update of nothing", {"update_id": 126}, None),
]

REMOVE = {"remove_keyboard": True}


def say(text: str, markup: dict[str, Any], *, delicate: bool = False) -> Call:
    """A sendMessage to Ayşe."""
    params = {
        "chat_id": AYSE,
        "text": text,
        "link_preview_options": {"is_disabled": True},
        "reply_markup": markup,
    }
    return Call("sendMessage", params, delicate)


def delete(*ids: int) -> Call:
    """A deleteMessages in Ayşe's chat."""
    return Call("deleteMessages", {"chat_id": AYSE, "message_ids": list(ids)})


def inline(*rows: list[tuple[str, str]]) -> dict[str, Any]:
    """An inline keyboard of (label, data)."""
    shown = [[{"text": label, "callback_data": data} for label, data in row] for row in rows]
    return {"inline_keyboard": shown}


def contact_keyboard(*rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A keyboard under the text field."""
    return {"keyboard": list(rows), "resize_keyboard": True, "one_time_keyboard": True}


def buttons(*labels: str) -> tuple[Button, ...]:
    """Buttons of these labels with numbered data."""
    return tuple(Button(label, f"1:f:{number}") for number, label in enumerate(labels))


SHARE = {"text": "Numaramı paylaş", "request_contact": True}
LONG = "Kabul ediyorum, devam"
HALF = "a" * 4000

OUTBOUND = [
    Out("nothing", Answer(), []),
    Out("a text", Answer((Message("Adınız?"),)), [say("Adınız?", REMOVE)]),
    Out("signs of markup are text", Answer((Message("<b>*_`"),)), [say("<b>*_`", REMOVE)]),
    Out(
        "two bubbles in order",
        Answer((Message("1"), Message("2"))),
        [say("1", REMOVE), say("2", REMOVE)],
    ),
    Out(
        "few short choices in one row",
        Answer((Message("?", buttons("Evet", "Hayır")),)),
        [say("?", inline([("Evet", "1:f:0"), ("Hayır", "1:f:1")]))],
    ),
    Out(
        "a label of eighteen is short",
        Answer((Message("?", buttons("x" * 18, "y")),)),
        [say("?", inline([("x" * 18, "1:f:0"), ("y", "1:f:1")]))],
    ),
    Out(
        "a long label has its row",
        Answer((Message("?", buttons(LONG, "Hayır")),)),
        [say("?", inline([(LONG, "1:f:0")], [("Hayır", "1:f:1")]))],
    ),
    Out(
        "four choices under each other",
        Answer((Message("?", buttons("1", "2", "3", "4")),)),
        [say("?", inline(*([(str(n + 1), f"1:f:{n}")] for n in range(4))))],
    ),
    Out(
        "a colour",
        Answer((Message("?", (Button("Sil", "1:f:a", "danger"),)),)),
        [
            say(
                "?",
                {
                    "inline_keyboard": [
                        [{"text": "Sil", "callback_data": "1:f:a", "style": "danger"}]
                    ]
                },
            )
        ],
    ),
    Out(
        "a colour Telegram does not have",
        Answer((Message("?", (Button("Sil", "1:f:a", "purple"),)),)),
        [say("?", inline([("Sil", "1:f:a")]))],
    ),
    Out(
        "asking for the phone",
        Answer((Message("Telefon?", contact="Numaramı paylaş"),)),
        [say("Telefon?", contact_keyboard([SHARE]))],
    ),
    Out(
        "choices beside the phone type their label",
        Answer((Message("Telefon?", buttons("Geri"), contact="Numaramı paylaş"),)),
        [say("Telefon?", contact_keyboard([SHARE], [{"text": "Geri"}]))],
    ),
    Out(
        "a delicate text",
        Answer((Message("HES 10000000146", delicate=True),)),
        [say("HES 10000000146", REMOVE, delicate=True)],
    ),
    Out(
        "taking back comes last",
        Answer((Message("Kaydedildi"),), retract=("9", "5")),
        [say("Kaydedildi", REMOVE), delete(5, 9)],
    ),
    Out("taking back alone", Answer(retract=("5",)), [delete(5)]),
    Out("the same message twice", Answer(retract=("5", "5")), [delete(5)]),
    Out("a reference of another messenger", Answer(retract=("SM1", "")), []),
    Out(
        "the newest hundred are taken back",
        Answer(retract=tuple(map(str, range(1, 131)))),
        [delete(*range(31, 131))],
    ),
    Out("a text that just fits", Answer((Message("a" * 4096),)), [say("a" * 4096, REMOVE)]),
    Out(
        "a text too long",
        Answer((Message("a" * 4097),)),
        [say("a" * 4096, REMOVE), say("a", REMOVE)],
    ),
    Out(
        "cut after a line",
        Answer((Message(f"{HALF}\n{HALF}"),)),
        [say(HALF, REMOVE), say(HALF, REMOVE)],
    ),
    Out("emoji count twice", Answer((Message("👍" * 2048),)), [say("👍" * 2048, REMOVE)]),
    Out(
        "no emoji is cut in half",
        Answer((Message("a" + "👍" * 2048),)),
        [say("a" + "👍" * 2047, REMOVE), say("👍", REMOVE)],
    ),
    Out(
        "buttons stand under the last piece",
        Answer((Message(f"{HALF}\n{HALF}", buttons("Evet")),)),
        [say(HALF, REMOVE), say(HALF, inline([("Evet", "1:f:0")]))],
    ),
    Out(
        "every piece of a delicate text is delicate",
        Answer((Message(f"{HALF}\n{HALF}", delicate=True),)),
        [say(HALF, REMOVE, delicate=True), say(HALF, REMOVE, delicate=True)],
    ),
    Out(
        "a hundred buttons",
        Answer((Message("?", buttons(*map(str, range(100)))),)),
        [say("?", inline(*([(str(n), f"1:f:{n}")] for n in range(100))))],
    ),
    Out(
        "the contact keyboard goes with the next text",
        Answer((Message("Telefon?", contact="Numaramı paylaş"), Message("Teşekkürler"))),
        [say("Telefon?", contact_keyboard([SHARE])), say("Teşekkürler", REMOVE)],
    ),
    Out(
        "hints for pages change nothing",
        Answer((Message("Kart?", step=6, of=8, keyboard="numeric", autofill="off"),)),
        [say("Kart?", REMOVE)],
    ),
    Out(
        "three short choices still share a row",
        Answer((Message("?", buttons("1", "2", "3")),)),
        [say("?", inline([("1", "1:f:0"), ("2", "1:f:1"), ("3", "1:f:2")]))],
    ),
    Out(
        "a link stays words",
        Answer((Message("bkz. example.com"),)),
        [say("bkz. example.com", REMOVE)],
    ),
]
