"""The shape every messenger has here, and the values that pass between messengers and the desk.

A channel decodes what arrives into an ``Inbound``, hands it to the desk, and encodes the
``Answer``. It knows nothing of forms, sentences or tables. Decoding and encoding are plain
functions with a table of cases each in ``tests/bot/channels``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from conversations.events import Address, Command, Event, Picked, Said

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

MAX_BODY = 256 * 1024
"""Bytes a webhook reads before it answers 413. Telegram's largest text update stays below 40 kB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a messenger can carry.

    ``text`` is characters per message. ``buttons`` is how many buttons one message can have; 0
    means choices are written as a numbered list. ``label`` is characters per button. ``contact``
    says whether the messenger can be asked for the person's own phone number.
    """

    text: int
    buttons: int = 0
    label: int = 0
    contact: bool = False


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing that arrived.

    ``message`` is the messenger's own id of it and the key of the inbox: the same id again gets the
    same answer. ``sequence`` is the messenger's order, where it has one.
    """

    address: Address
    message: str
    event: Event
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """A choice as the person sees it, and what comes back when it is pressed (at most 64 bytes)."""

    label: str
    data: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One bubble.

    ``contact`` is the label of the button that shares one's own phone number. ``delicate`` text
    holds an identity number in full. ``step`` of ``of``, ``keyboard`` and ``autofill`` describe
    the awaited answer, for channels that can show progress or choose a keyboard.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    contact: str = ""
    delicate: bool = False
    step: int = 0
    of: int = 0
    keyboard: str = "text"
    autofill: str = "off"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one Inbound, in which language, and which messages are to be taken back.

    ``unfinished``: an outside service was asked, and what it says is still to be added.
    """

    messages: tuple[Message, ...] = ()
    retract: tuple[str, ...] = ()
    locale: str = "tr"
    unfinished: bool = False


class Unavailable(Exception):
    """The records cannot be written at the moment. Nothing was changed; ask again later."""

    retry_after = 5
    """Seconds."""


class FrontDesk(Protocol):
    """Takes what arrived and gives the answer once it is committed."""

    async def receive(self, inbound: Inbound) -> Answer:
        """Raise Unavailable if the records cannot be written."""
        ...

    async def look(self, address: Address) -> Answer:
        """What the person would be told on opening; changes nothing. Raise Unavailable."""
        ...


class Channel(Protocol):
    """A messenger. ``run`` stays until cancelled; one that only has routes returns at once."""

    name: str
    limits: Limits

    def routes(self) -> Sequence[BaseRoute]: ...

    async def run(self) -> None: ...


def pick_data(turn: int, field: str, choice: str) -> str:
    """What a button carries: enough to know a stale one from a fresh one."""
    return f"{turn}:{field}:{choice}"


def picked(data: str) -> Picked | None:
    """Read ``pick_data`` back; None if it is not ours."""
    turn, _, rest = data.partition(":")
    field, _, choice = rest.partition(":")
    if not (turn.isascii() and turn.isdigit() and len(turn) < 10 and field and choice):
        return None
    return Picked(choice, field, int(turn))


def written(text: str) -> Said | Command:
    """A line of text, or a command if it starts with a slash: ``/yardim@hesbot konu``."""
    stripped = text.strip()
    if stripped.startswith("/") and len(stripped) > 1 and not stripped[1].isspace():
        name, _, argument = stripped[1:].partition(" ")
        return Command(name.partition("@")[0], argument.strip())
    return Said(text)
