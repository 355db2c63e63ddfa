"""What can happen to a conversation.

Events are plain values made by a channel or by the desk. They carry what a person did, never how a
messenger spells it: this module knows no channel, no clock and no sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conversations.actions import Finding


@dataclass(frozen=True, slots=True)
class Address:
    """Where one conversation takes place: a messenger's name and the person's id there."""

    channel: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    ``written_at`` is the messenger's own time of the message, where it tells one; an answer written
    before its question was asked is not taken for an answer to it. ``message`` is the messenger's
    reference of the message, kept only to take the message back if it held an identity number.
    """

    written_at: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Opened(Event):
    """The person came to where we talk: a page was opened, a terminal started."""


@dataclass(frozen=True, slots=True)
class Said(Event):
    """The person typed something.

    ``labels`` names the choices and commands whose label, in any of our languages, reads like the
    text; the wording fills it in, since only the wording knows labels.
    """

    text: str
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Command(Event):
    """A word with a slash before it: ``/yardim``. ``name`` comes without the slash."""

    name: str
    argument: str = ""
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Picked(Event):
    """A button was pressed. ``field`` and ``turn`` say under which question it stood."""

    choice: str
    field: str
    turn: int


@dataclass(frozen=True, slots=True)
class SharedContact(Event):
    """A contact card was shared. ``own`` says whether the messenger vouches it is the sender's."""

    phone: str
    own: bool


@dataclass(frozen=True, slots=True)
class SentMedia(Event):
    """Not text: ``kind`` is photo, voice, video, sticker, location, contact, file or other."""

    kind: str


@dataclass(frozen=True, slots=True)
class OptedOut(Event):
    """A word that the messenger's rules read as "stop writing to me".

    ``text`` is what was typed: inside a form some of these words (iptal, cancel) mean the form.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Delivered(Event):
    """A delicate message of ours arrived; ``message`` is its reference, to take it back later."""


@dataclass(frozen=True, slots=True)
class Learned(Event):
    """What an action or an errand found."""

    finding: Finding
