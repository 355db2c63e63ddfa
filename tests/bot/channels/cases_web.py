"""What a browser posts and what it means; what we say and what the page draws."""

from __future__ import annotations

from typing import Any, NamedTuple

from bot.channels.base import Button, Message
from bot.channels.web import LONGEST_TEXT
from conversations.events import Command, Event, Picked, Said


class In(NamedTuple):
    """Posted fields and what the visitor did by them."""

    name: str
    fields: dict[str, str]
    event: Event


class Out(NamedTuple):
    """A bubble's message and what the page needs to draw it."""

    name: str
    message: Message
    bubble: dict[str, Any]
    input: dict[str, str]


STALE = Picked("", "", -1)
INBOUND = (
    In("words", {"text": "Ayşe Nur"}, Said("Ayşe Nur")),
    In("words as they are", {"text": " <b>Ayşe</b> "}, Said(" <b>Ayşe</b> ")),
    In("a command", {"text": "/yardim kart"}, Command("yardim", "kart")),
    In("a button", {"pick": "3:email:none"}, Picked("none", "email", 3)),
    In("a button and words", {"pick": "3:email:none", "text": "x"}, Picked("none", "email", 3)),
    In("no form at all", {}, Said("")),
    In("a button that is none", {"pick": "uydurma"}, STALE),
    In("a button without a turn", {"pick": "x:email:none"}, STALE),
    In("an endless turn", {"pick": "9" * 5000 + ":email:none"}, STALE),
    In("a flood", {"text": "a" * 5000}, Said("a" * LONGEST_TEXT)),
)
PLAIN = {"mode": "text", "autocomplete": "off"}
OUTBOUND = (
    Out(
        "words",
        Message("Merhaba!\nİyi günler."),
        {"who": "bot", "text": "Merhaba!\nİyi günler.", "progress": None, "buttons": []},
        PLAIN,
    ),
    Out(
        "a question in a form",
        Message("5/8 · E-posta", step=5, of=8, keyboard="email", autofill="email"),
        {"who": "bot", "text": "5/8 · E-posta", "progress": {"step": 5, "of": 8}, "buttons": []},
        {"mode": "email", "autocomplete": "email"},
    ),
    Out(
        "buttons",
        Message("?", (Button("Evet", "1:review:confirm", "success"),)),
        {
            "who": "bot",
            "text": "?",
            "progress": None,
            "buttons": [{"label": "Evet", "data": "1:review:confirm", "style": "success"}],
        },
        PLAIN,
    ),
    Out(
        "digits",
        Message("6/8", step=6, of=8, keyboard="digits"),
        {"who": "bot", "text": "6/8", "progress": {"step": 6, "of": 8}, "buttons": []},
        {"mode": "numeric", "autocomplete": "off"},
    ),
    Out(
        "a phone",
        Message("7/8", keyboard="phone", autofill="tel"),
        {"who": "bot", "text": "7/8", "progress": None, "buttons": []},
        {"mode": "tel", "autocomplete": "tel"},
    ),
)
