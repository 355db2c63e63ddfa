"""The shape every messenger has here, and the values that pass between messengers and the desk.

A channel decodes what arrives into an ``Inbound``, hands it to the desk, and encodes the
``Answer``. It knows nothing of forms, sentences or tables. Decoding and encoding are plain
functions with a table of cases each in ``tests/bot/channels``.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from bot import tracing
from bot.trail import Trail, begin
from conversations.events import Address, Command, Event, Picked, Said

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

log = logging.getLogger("hesbot.channels")

OURS = ("web", "terminal")
"""Channels that no other company carries: people come by there, and nothing is pushed."""

MAX_BODY = 256 * 1024
"""Bytes a webhook reads before it answers 413. Telegram's largest text update stays below 40 kB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a messenger can carry.

    ``text`` is characters per message. ``buttons`` is how many buttons one message can have; 0
    means choices are written as a numbered list. ``label`` is characters per button. ``contact``
    says whether the messenger can be asked for the person's own phone number. ``plain``: buttons
    may fail to be shown, so that choices are wanted in writing as well. ``files``: words can be
    handed over as a file, and be of any length then. ``page``: where somebody can go on without
    the messenger, if there is such a place.
    """

    text: int
    buttons: int = 0
    label: int = 0
    contact: bool = False
    plain: bool = False
    files: bool = False
    page: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing that arrived.

    ``message`` is the messenger's own id of it and the key of the inbox: the same id again gets the
    same answer. ``sequence`` is the messenger's order, where it has one. ``through`` is the channel
    that carries the answer, where that is not the address's own.
    """

    address: Address
    message: str
    event: Event
    sequence: int | None = None
    through: str = ""

    @property
    def channel(self) -> str:
        """What carries the answer."""
        return self.through or self.address.channel

    @property
    def trail(self) -> Trail:
        """By what it is followed through the logs."""
        return Trail(self.address, self.message)


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
    the awaited answer, for channels that can show progress or choose a keyboard. ``plain`` is the
    text with the choices written out below it, where that is wanted besides the buttons. ``file``
    is the name of the file that the text is to arrive as. ``sensitive``: an identity number, a card
    number or a HES code is asked for.
    """

    text: str
    buttons: tuple[Button, ...] = ()
    contact: str = ""
    delicate: bool = False
    step: int = 0
    of: int = 0
    keyboard: str = "text"
    autofill: str = "off"
    plain: str = ""
    file: str = ""
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one Inbound, in which language, and which messages are to be taken back.

    ``unfinished``: an outside service was asked, and what it says is still to be added.
    ``repeated``: it was given before, so that it may have reached the person already.
    """

    messages: tuple[Message, ...] = ()
    retract: tuple[str, ...] = ()
    locale: str = "tr"
    unfinished: bool = False
    repeated: bool = field(default=False, compare=False)


class Handover(Protocol):
    """Lets a conversation of a messenger go on in the browser."""

    def link(self, address: Address) -> str:
        """Where it goes on: good once, and for a short while."""
        ...

    async def enter(self, token: str) -> str | None:
        """What the browser is known by from now on; None if the link is good no more."""
        ...

    def who(self, kept: str) -> Address | None:
        """The address a browser stands for, if it still does."""
        ...


class Unavailable(Exception):
    """The records cannot be written at the moment. Nothing was changed; ask again later."""

    retry_after = 5
    """Seconds."""


class TooFast(Exception):
    """More came from an address than anybody writes. What came now was not heard.

    ``answer`` says so; ``told``: the same was said less than a minute ago, so that who is written
    to need not hear it again. ``retry_after`` is in seconds.
    """

    def __init__(self, answer: Answer, retry_after: int, *, told: bool) -> None:
        super().__init__("too fast")
        self.answer = answer
        self.retry_after = retry_after
        self.told = told

    @property
    def reply(self) -> Answer:
        """What a messenger says now."""
        return Answer(locale=self.answer.locale) if self.told else self.answer


# --- out: what is sent unasked ---------------------------------------------------------------


class Fate(StrEnum):
    """What became of one try to send. Only SENT is known to have gone out.

    BUSY: refused for its pace, nothing was processed and no attempt is charged. AGAIN: not
    processed, to be tried later. UNKNOWN: it may have gone out. HELD: cannot go out until the
    operator does something. CLOSED: only an approved template may go there now. BROKEN: our own
    mistake in what was sent, the same again would fail for everybody. HALTED: our account itself is
    refused; nothing more can be sent.
    """

    SENT = "sent"
    BUSY = "busy"
    AGAIN = "again"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    HELD = "held"
    CLOSED = "closed"
    BROKEN = "broken"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fate, with the platform's own code for it if there is one.

    ``provider_id`` is the message's name at the messenger. ``retry_after`` is in seconds.
    """

    fate: Fate
    cause: str = ""
    provider_id: str = ""
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice in words, to one person.

    ``name`` is the sentence's key; ``values`` are what was put into it, in the order in which its
    placeholders stand, for messengers that keep the sentence as a template. ``reference`` is the
    delivery's key, which comes back in the messenger's report. ``open``: the person wrote so
    recently that free text may be sent (WhatsApp's 24-hour window). ``template`` is what the
    messenger keeps this sentence as, where the letter knows that by itself ("": it has none).
    """

    to: str
    name: str
    locale: str
    text: str
    values: tuple[str, ...] = ()
    reference: str = ""
    open: bool = True
    template: str | None = None


class Outlet(Protocol):
    """Sends letters through one messenger. Use as an async context manager.

    ``name`` is the channel, ``limits`` what one message can carry, ``rate`` how many messages a
    second its sender identity may send, ``gap`` the seconds between two messages to one person.
    """

    name: str
    limits: Limits
    rate: float
    gap: float

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def push(self, letter: Letter, turn: Turn) -> Outcome:
        """Send one letter when its turn has come. Never raises for what a messenger can do."""
        ...


class Turn(Protocol):
    """When a message may go. An outlet that can tell when it has left says so: what is late on its
    way, for a process is busy, must not meet what others send in time."""

    async def __call__(self) -> None:
        """Return when the limiter lets the message go; raise NotNow if it will not."""
        ...

    def gone(self) -> None:
        """The message has left just now."""
        ...


class NotNow(Exception):
    """The turn was lost before anything was sent: the sender paused, or it came too late."""


Report = Callable[[str, str, str, str], Awaitable[None]]
"""Is told what became of a message: its reference (or ""), its name at the messenger, the status
there (queued, sent, delivered, read, failed, undelivered) and the error's number (or "").
Raises Unavailable."""


Reach = Callable[[Address, bool], Awaitable[None]]
"""Is told that an address shut us out (False) or let us in again (True). Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Notices for somebody who is there, and their numbers, by which it is said that they were
    shown."""

    messages: tuple[Message, ...] = ()
    ids: tuple[int, ...] = ()


class Mailbox(Protocol):
    """Keeps notices for a messenger that cannot write to people, until they come by."""

    async def collect(self, address: Address, shown: Collection[int] = ()) -> Collected:
        """What is there for the address, once those that were ``shown`` are confirmed. What is not
        confirmed within half a minute comes again. Raise Unavailable."""
        ...

    async def confirm(self, address: Address, shown: Collection[int]) -> None:
        """These were shown. Raise Unavailable."""
        ...


class FrontDesk(Protocol):
    """Takes what arrived and gives the answer once it is committed."""

    async def receive(self, inbound: Inbound) -> Answer:
        """Raise Unavailable if the records cannot be written, TooFast if it was not heard."""
        ...

    async def look(self, address: Address, through: str = "") -> Answer:
        """What the person would be told on opening, on the channel ``through``; changes nothing.
        Raise Unavailable."""
        ...


class Channel(Protocol):
    """A messenger. ``run`` stays until cancelled; one that only has routes returns at once."""

    name: str
    limits: Limits

    def routes(self) -> Sequence[BaseRoute]: ...

    async def run(self) -> None: ...


def heard(inbound: Inbound) -> None:
    """What this task does from now on is about that message."""
    begin(inbound.trail)
    tracing.arrived()
    if log.isEnabledFor(logging.DEBUG):
        said = {"channel": inbound.channel, "kind": type(inbound.event).__name__}
        log.debug("heard", extra=said)


def answered(channel: str, messages: int, status: int = 200) -> None:
    """The answer, or what is left of it to be said, goes out as the response to a request."""
    if log.isEnabledFor(logging.DEBUG):
        said = {"channel": channel, "messages": messages, "status": status}
        log.debug("answered in the response", extra=said)


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
