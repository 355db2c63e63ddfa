"""What we want to say: keys and parameters, never sentences.

A parameter may be text, a number, a date or moment (the wording formats them for the reader), a
Word (another key, translated in place) or a Listing (several words, a line each).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Word:
    """A key of the catalogue that stands inside another sentence."""

    key: str
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """Several words, a line each."""

    lines: tuple[Word, ...]


Param = str | int | date | datetime | Word | Listing


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing a person can pick. ``id`` comes back in ``Picked``; ``label`` is what they read.

    ``style`` is a hint for messengers that colour buttons: primary, success, danger.
    """

    id: str
    label: Word
    style: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is awaited to, and how it may be given.

    ``field`` and ``turn`` travel in the buttons, so that a stale one is known. ``step`` of
    ``of`` is the place in a form (0: none). ``keyboard`` is digits, email, phone or text;
    ``autofill`` is a token of the HTML standard's autofill section. ``contact`` offers to share
    one's own number. ``present`` is the answer that stands already, when a question is asked
    once more. ``closed``: under a title, too, nothing but one of the choices is an answer.
    ``sensitive``: some messengers forbid asking for it.
    """

    field: str
    turn: int
    choices: tuple[Choice, ...] = ()
    title: Word | None = None
    step: int = 0
    of: int = 0
    keyboard: str = "text"
    autofill: str = "off"
    contact: bool = False
    present: Param | None = None
    closed: bool = False
    sensitive: bool = False

    @property
    def wants_text(self) -> bool:
        """Whether something is to be typed, so that a number is an answer and not a choice."""
        return self.title is not None and not self.closed


@dataclass(frozen=True)
class Reply:
    """One thing to say.

    ``apart`` starts a bubble of its own. ``delicate`` marks words that hold an identity number in
    full. ``question`` is there when an answer is awaited. ``file`` is the key of a file's name, for
    words that are better kept than read in a bubble. ``page``: said only where there is a page in
    the browser to go on at, whose address is the parameter of that name.
    """

    key: str
    params: Mapping[str, Param] = field(default_factory=dict)
    apart: bool = False
    delicate: bool = False
    question: Question | None = None
    file: str = ""
    page: bool = False


@dataclass(frozen=True, slots=True)
class Retract:
    """Take back the messages that carried identity numbers, where the messenger lets us."""

    messages: tuple[str, ...]
