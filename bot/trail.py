"""The trail of one message through the house: an opaque id that every line about it carries.

The same message has the same id in every process, after a restart, and when it comes again: it is a
keyed hash, so nothing is kept for it, and who has no key learns nothing from it. A delivery of the
ledger has one as well. What a task is about stands in a context variable, which its own tasks
inherit; the id itself is worked out only where a line is written.

It is written in letters alone, a to p for the sixteen digits, so that it can never look like a
person's number. Knows no messenger, no record and no log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from bot.clock import steady
from conversations.events import Address

Hash = Callable[[str, str], bytes]
"""A keyed hash of a text, for a purpose: ``Vault.index``."""

BYTES = 8
"""Of the hash; 60 million messages a day have the same id once in ten thousand days."""

_LETTERS = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")
_DIGITS = bytes.maketrans(b"abcdefghijklmnop", b"0123456789abcdef")
_WRITTEN = re.compile(r"[a-p]{16}", re.ASCII)


class Trail(NamedTuple):
    """One message of an address, or a delivery.

    ``name`` is the message's id at its messenger; without an ``address`` it is a delivery's key,
    and ``delivery`` its number in the ledger, where that is known. ``told``: the name is the id
    itself, as it came back from a messenger.
    """

    address: Address | None
    name: str
    delivery: int = 0
    told: bool = False

    @property
    def id(self) -> str:
        """The id in letters; "" as long as there is no key."""
        if self.told:
            return self.name
        return self._digest()[:BYTES].hex().encode().translate(_LETTERS).decode()

    @property
    def number(self) -> int:
        """The id as a number of 64 bits; 0 as long as there is no key."""
        return int(self.id.encode().translate(_DIGITS) or b"0", 16)

    def _digest(self) -> bytes:
        if _hash is None:
            return b""
        if self.address is None:
            return _hash("trail of a delivery", self.name)
        channel, person = self.address.channel, self.address.id
        # The length keeps apart what two ids could otherwise be joined to alike.
        return _hash("trail of a message", f"{channel}\0{len(person)}\0{person}{self.name}")


_hash: Hash | None = None
_here: ContextVar[Trail | None] = ContextVar("trail", default=None)


@contextmanager
def followed(keyed: Hash) -> Iterator[None]:
    """Meanwhile ids are made with this hash, in the whole process."""
    global _hash
    before, _hash = _hash, keyed
    try:
        yield
    finally:
        _hash = before


def begin(trail: Trail | None) -> None:
    """What this task does from now on is about that."""
    _here.set(trail)


def here() -> Trail | None:
    """What this task is about, if it is about something."""
    return _here.get()


@contextmanager
def about(trail: Trail | None) -> Iterator[None]:
    """What is done in the block is about that, whoever's task it is."""
    token = _here.set(trail)
    try:
        yield
    finally:
        _here.reset(token)


def written() -> str:
    """The id of what this task is about; "" if there is none."""
    trail = _here.get()
    return "" if trail is None else trail.id


def read(text: str) -> Trail | None:
    """The trail whose id came back from a messenger; None if it is none of ours."""
    return Trail(None, text, told=True) if _WRITTEN.fullmatch(text) else None


def stopwatch() -> Callable[[], float]:
    """Tells how many milliseconds it has been since."""
    began = steady()
    return lambda: round((steady() - began) * 1000, 1)


def delivery(key: str, number: int = 0) -> Trail:
    """The trail of a delivery, by its key."""
    return Trail(None, key, number)
