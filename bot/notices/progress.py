"""How a broadcast stands, in numbers that every face shows alike: command, console, chat.

Pure: a broadcast, what became of its deliveries and the samples in; counts, speeds and the end out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.notices.forecast import done_at, seconds_left, speeds
from bot.notices.rules import awake
from conversations.broadcasts import Stage
from storage.broadcast_rows import Broadcast
from storage.campaigns import WRITTEN_TO, Outcomes, Sample
from storage.entries import Post

SENT = frozenset({Post.SENT, Post.DELIVERED, Post.READ})
OPEN = frozenset({Post.PENDING, Post.SENDING})
FAILED = frozenset({Post.FAILED, Post.HELD, Post.BLOCKED, Post.UNREACHABLE, Post.UNKNOWN})
"""What counts against a broadcast. Who declined, or is concerned no more, does not."""

LOST = "lost"
"""The cause of what is unknown for a process of ours was killed: no messenger's failure."""

FEWEST = 50
"""Deliveries dealt with before a share of failures says anything."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel of a broadcast. ``rate`` is sent a second now, ``limit`` what may be."""

    total: int
    settled: int
    sent: int
    pending: int
    rate: float | None
    limit: float | None

    @property
    def share(self) -> float | None:
        """How much of the limit is used."""
        return self.rate / self.limit if self.rate is not None and self.limit else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How a broadcast stands. ``failures`` are the worst causes first: channel, state, cause,
    count. ``ends_at`` is by the product's clock, None where it cannot be said: also as long as not
    all deliveries are written."""

    lanes: Mapping[str, Lane]
    states: Mapping[Post, int]
    failures: Sequence[tuple[str, Post, str, int]]
    seconds_left: float | None
    ends_at: datetime | None

    @property
    def total(self) -> int:
        """Everybody it goes to."""
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        """How many deliveries are dealt with."""
        return sum(count for post, count in self.states.items() if post not in OPEN)

    @property
    def sent(self) -> int:
        """How many went out."""
        return sum(count for post, count in self.states.items() if post in SENT)

    def as_json(self) -> dict[str, Any]:
        """For the command and whoever reads it."""
        return {
            "total": self.total,
            "settled": self.settled,
            "sent": self.sent,
            "outcomes": {str(post): count for post, count in sorted(self.states.items())},
            "channels": {name: _lane_json(lane) for name, lane in sorted(self.lanes.items())},
            "failures": [
                {"channel": channel, "state": str(post), "cause": cause, "count": count}
                for channel, post, cause, count in self.failures
            ],
            "rate": _rounded(_sum(lane.rate for lane in self.lanes.values())),
            "eta_seconds": _rounded(self.seconds_left),
            "eta": self.ends_at.isoformat() if self.ends_at else None,
        }


def progress(
    broadcast: Broadcast,
    outcomes: Outcomes,
    samples: Iterable[Sample],
    limits: Mapping[str, float],
    now: datetime,
    real: datetime,
) -> Progress:
    """How it stands. ``limits`` are messages a second by channel, ``real`` is the real time."""
    speed = speeds(samples, broadcast.running_since, real) if _runs(broadcast) else {}
    lanes = {
        channel: _lane(
            {key: n for key, n in outcomes.items() if key[0] == channel},
            speed.get(channel, (None, None))[1],
            limits.get(channel),
        )
        for channel in sorted({channel for channel, _, _ in outcomes})
    }
    states: Counter[Post] = Counter()
    for (_, post, _), count in outcomes.items():
        states[post] += count
    failures = sorted(
        ((*key, count) for key, count in outcomes.items() if key[1] in FAILED),
        key=lambda each: -each[3],
    )
    # Who rests at night stands still without being stuck.
    settling = {} if _rests(broadcast, now) else {name: each[0] for name, each in speed.items()}
    left = _left(broadcast, lanes, settling, limits)
    ends_at = None if left is None else done_at(now, left, urgent=broadcast.draft.urgent)
    return Progress(lanes, states, failures, left, ends_at)


def _runs(broadcast: Broadcast) -> bool:
    return broadcast.stage is Stage.RUNNING


def _rests(broadcast: Broadcast, now: datetime) -> bool:
    return not broadcast.draft.urgent and awake(now) != now


def _left(
    broadcast: Broadcast,
    lanes: Mapping[str, Lane],
    settled_speed: Mapping[str, float],
    limits: Mapping[str, float],
) -> float | None:
    if not _runs(broadcast) or broadcast.planned_at is None:
        return None
    pending = {name: lanes[name].pending for name in lanes if name in WRITTEN_TO}
    return seconds_left(pending, settled_speed, limits)


def _lane(outcomes: Outcomes, rate: float | None, limit: float | None) -> Lane:
    total = sum(outcomes.values())
    pending = sum(count for (_, post, _), count in outcomes.items() if post in OPEN)
    sent = sum(count for (_, post, _), count in outcomes.items() if post in SENT)
    return Lane(total, total - pending, sent, pending, rate, limit)


def _lane_json(lane: Lane) -> dict[str, Any]:
    return {
        "total": lane.total,
        "settled": lane.settled,
        "sent": lane.sent,
        "pending": lane.pending,
        "rate": _rounded(lane.rate),
        "limit": lane.limit,
        "share": None if lane.share is None else round(lane.share, 3),
    }


def _sum(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


# --- when it goes wrong ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failing:
    """Too many fail: which share, and the commonest cause with the messenger's own code."""

    share: float
    channel: str
    cause: str

    @property
    def text(self) -> str:
        """As it is kept: share, channel, cause."""
        return f"{self.share:.3f} {self.channel} {self.cause}"


def failing(before: Outcomes, after: Outcomes, limit: float) -> Failing | None:
    """Whether of what was dealt with in between a larger share failed than the limit allows."""
    new: Counter[tuple[str, Post, str]] = Counter(after)
    new.subtract(before)
    settled = sum(count for (_, post, _), count in new.items() if post not in OPEN)
    bad = {
        key: count
        for key, count in new.items()
        if key[1] in FAILED and key[2] != LOST and count > 0
    }
    if settled < FEWEST or sum(bad.values()) <= limit * settled:
        return None
    channel, _, cause = max(bad, key=lambda key: bad[key])
    return Failing(sum(bad.values()) / settled, channel, cause)
