"""What is handed in, how it goes, and what came of it: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MEGABYTE = 1024 * 1024


class Kind(StrEnum):
    """What a file is a list of."""

    RISKS = "risks"
    CARDS = "cards"


LARGEST: Mapping[Kind, int] = {Kind.RISKS: 64 * MEGABYTE, Kind.CARDS: 2048 * MEGABYTE}
"""Bytes of a file as it is sent, packed or not."""
LARGEST_UNPACKED: Mapping[Kind, int] = {Kind.RISKS: 1024 * MEGABYTE, Kind.CARDS: 4096 * MEGABYTE}
"""Bytes of its lines."""


class End(StrEnum):
    """How it ended; ``BEGUN``: not yet, or the process was killed.

    ``BROKEN``: the records could not be reached, or a fault of ours; ``STOPPED``: the server was.
    What was taken until then stays taken.
    """

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"
    BROKEN = "broken"
    STOPPED = "stopped"


@dataclass(slots=True)
class Run:
    """A file that is being taken in; ``share`` of the work is done, from 0 to 1."""

    kind: Kind
    who: str
    began_at: datetime
    size: int
    sha256: str
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Past:
    """What the audit says of a file. ``why`` is the code of a refusal, else empty.

    ``counts`` are those of ``risk_file.Imported`` or ``card_files.Taken``.
    """

    kind: Kind
    who: str
    began_at: datetime
    ended_at: datetime | None
    size: int
    end: End
    why: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that could not be taken, by its number, and why. Its words are in the file alone."""

    line: int
    why: str


class Refused(Exception):
    """A file is not taken; ``why`` is a code: busy, empty, no_room, too_large, and those of
    ``risk_file.UnusableFile`` and ``card_lists.UnusableFile``."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
