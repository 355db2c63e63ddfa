"""What a person meant: which choice was picked, which command was given.

Looks at one event and the choices that are open. It changes nothing and asks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from conversations.events import Command, Event, OptedOut, Picked, Said
from conversations.replies import Choice, Question
from conversations.turkish import meaning, plain

ANYWHERE = (
    "back",
    "cancel",
    "restart",
    "help",
    "code_help",
    "full_text",
    "language",
    "resume",
    "menu",
    "announce",
    "status",
    "add_card",
    "renew_code",
    "erase",
    "withdraw",
    "amend",
    "record",
    "my_data",
    "remind",
    "do_not_remind",
    "notices",
    "stop",
    "start",
    "why",
    "later",
    "human",
    "thanks",
    "greeting",
    "anger",
)
"""Commands and courtesies, the one that wins first when a text reads like several."""

_CHOICE_WORDS: Mapping[str, str] = {
    "accept": "yes",
    "confirm": "yes",
    "yes": "yes",
    "refuse": "no",
    "correct": "no",
    "no": "no",
    "register": "start",
    "help": "help",
    "full_text": "full_text",
    "keep": "keep",
    "none": "none",
    "cancel": "cancel",
    "status": "status",
    "add_card": "add_card",
    "renew_code": "renew_code",
    "my_data": "my_data",
    "erase": "erase",
    "withdraw": "withdraw",
    "amend": "amend",
    "record": "record",
    "notices": "notices",
    "language": "language",
    "code_help": "code_help",
    "menu": "menu",
}
"""Choice id → the key of ``turkish.WORDS`` whose spellings pick it."""

_AGREES = {"register", "keep"}
"""Choices that a plain yes picks when no other choice on the table is a yes."""


_NUMBER = re.compile(r"\s*([0-9]{1,2})\s*(?:[.)]\s*.*)?", re.ASCII | re.DOTALL)
"""A choice by its number, alone or copied with what stands behind it: "3", "3.", "3. Metin"."""


_DIGITS = re.compile("[0-9]+")


def typed(event: Event) -> str:
    """What was typed, a command's underscores read as spaces; empty for anything else."""
    if isinstance(event, Said | OptedOut):
        return event.text
    if isinstance(event, Command):
        return event.name.replace("_", " ")
    return ""


MANY_DIGITS = 8
"""From so many digits on, a text may hold an identity number, a card number or a HES code."""


def is_delicate(event: Event) -> bool:
    """Whether what was typed may hold an identity number, wherever it was typed."""
    text = f"{event.name} {event.argument}" if isinstance(event, Command) else typed(event)
    return sum(map(str.isdigit, text)) >= MANY_DIGITS


def labels(event: Event) -> frozenset[str]:
    """The labels the text reads like, as the wording found them."""
    return event.labels if isinstance(event, Said | Command) else frozenset()


def in_full(event: Event, label: str) -> bool:
    """Whether that label was typed, and more of it than the one word that others begin with."""
    return label in labels(event) and len(typed(event).split()) > 1


@lru_cache(maxsize=8)  # one event is asked about again and again, and then never more
def command(event: Event) -> str:
    """The command or courtesy that was meant, or an empty string."""
    text = typed(event)
    meant = meaning(text) | _commands_named(event)
    if "@" in text or any(sign.isdigit() for sign in text):
        meant -= {"anger"}
    return next((name for name in ANYWHERE if name in meant), "")


_CODE = re.compile(r"[a-z0-9]{4}[- ]?[a-z0-9]{4}")
_WITH_CODE = re.compile(r"(?:duyuru|announcement|broadcast)\s+([a-z0-9]{4}-[a-z0-9]{4})")


def is_for_staff(event: Event) -> bool:
    """Whether the staff's part of the talk is asked for: "/duyuru", with or without a code."""
    return command(event) == "announce" or bool(link_code(event))


def link_code(event: Event) -> str:
    """The one-time code by which a member makes this account theirs, or an empty string."""
    if isinstance(event, Command) and command(event) == "announce":
        code = plain(event.argument).strip()
        return code if _CODE.fullmatch(code) else ""
    found = _WITH_CODE.fullmatch(plain(event.text).strip()) if isinstance(event, Said) else None
    return found[1] if found else ""


def language(event: Event) -> str:
    """The locale whose own name was typed or picked ("English"), or an empty string."""
    return next((key[7:] for key in sorted(labels(event)) if key.startswith("locale:")), "")


def picked(event: Event, question: Question | None) -> str:
    """The choice that was picked: by button, number, label or word. Empty if none was."""
    if question is None or not question.choices:
        return ""
    if isinstance(event, Picked):
        return event.choice if fits(event, question) else ""
    text = typed(event)
    # Beside a question that wants text, a number would be an answer to it.
    number = "" if question.wants_text else _by_number(text, question.choices)
    return (
        number
        or _by_label(text, labels(event), question.choices)
        or _by_word(text, question.choices)
    )


def fits(event: Picked, question: Question | None) -> bool:
    """Whether the button stood under this question as it stands now."""
    return (
        question is not None
        and event.field == question.field
        and event.turn == question.turn
        and any(choice.id == event.choice for choice in question.choices)
    )


def _commands_named(event: Event) -> frozenset[str]:
    return frozenset(key[8:] for key in labels(event) if key.startswith("command."))


def _by_number(text: str, choices: Sequence[Choice]) -> str:
    number = _NUMBER.fullmatch(text)
    place = int(number[1]) - 1 if number else -1
    if not 0 <= place < len(choices) or choices[place].style == "danger":
        # What cannot be undone is not picked by a number, which may belong to the list before.
        return ""
    return choices[place].id


def _by_label(text: str, named: frozenset[str], choices: Sequence[Choice]) -> str:
    """By the label as the wording knows it, or by the digits of one that was found ("0123")."""
    numbers = _DIGITS.findall(text)
    found = [
        choice.id
        for choice in choices
        if choice.label.key in named or choice.label.params.get("text") in numbers
    ]
    return found[0] if len(found) == 1 else ""


def _by_word(text: str, choices: Sequence[Choice]) -> str:
    meant = meaning(text)
    for choice in choices:
        if _CHOICE_WORDS.get(choice.id) in meant:
            return choice.id
    if "yes" in meant:
        return next((choice.id for choice in choices if choice.id in _AGREES), "")
    return ""
