"""What becomes of a delivery before and after a try to send it: what the ledger is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.channels.base import Fate, Outcome
from bot.notices import rules
from storage import Parcel, Post, Receipt, Settled

Tried = Parcel | Receipt
"""A delivery that was tried, as its sender or a report finds it."""

MOST_TRIES = 20
"""How often a delivery is tried, with growing pauses, before it waits for the operator: 5 hours."""

LONGEST_BACKOFF = timedelta(minutes=30)
UNREACHED = timedelta(seconds=15)
"""How long to wait where certainly nothing was sent, however often that happens."""
REPORT_WITHIN = timedelta(minutes=3)
"""How long a messenger's report is awaited before an unknown delivery goes out again."""

_FINAL = {
    Fate.BLOCKED: Post.BLOCKED,
    Fate.UNREACHABLE: Post.UNREACHABLE,
    Fate.OPTED_OUT: Post.OPTED_OUT,
    Fate.FAILED: Post.FAILED,
    Fate.HELD: Post.HELD,
    # Our own mistake: it waits until the operator has mended it.
    Fate.BROKEN: Post.HELD,
}
NO_CONNECTION = "unreached"
"""The cause of a delivery that never left: it costs no try."""
CLOSED = "63016"
"""The cause of a delivery that must go out as a template next time (Twilio error 63016)."""


def settled(parcel: Tried, outcome: Outcome, wall: datetime, *, reports: bool) -> Settled:
    """What becomes of the delivery. ``wall`` is the real time; ``reports``: the messenger tells
    later what became of a message, so that an unknown one can wait for that."""
    fate, cause = outcome.fate, outcome.cause or str(outcome.fate)
    if fate is Fate.SENT:
        # Kept, so that a template which is refused as free text was is not tried for ever.
        cause = CLOSED if parcel.last == CLOSED else ""
        return Settled(parcel.id, Post.SENT, cause, provider_id=outcome.provider_id or None)
    if fate in _FINAL:
        return Settled(parcel.id, _FINAL[fate], cause)
    if fate in (Fate.BUSY, Fate.HALTED):
        rest = wall + timedelta(seconds=outcome.retry_after)
        return put_back(parcel, rest, cause)
    if fate is Fate.CLOSED:
        return _closed(parcel, cause)
    if cause == NO_CONNECTION:
        return put_back(parcel, wall + UNREACHED, cause)
    if fate is Fate.UNKNOWN and _leaves_it(parcel) and not reports:
        return Settled(parcel.id, Post.UNKNOWN, cause)
    if parcel.attempts >= MOST_TRIES:
        return Settled(parcel.id, Post.HELD, cause, repeated=fate is Fate.UNKNOWN)
    if fate is Fate.UNKNOWN and reports:
        return Settled(parcel.id, Post.UNKNOWN, cause, rest_until=wall + REPORT_WITHIN)
    return Settled(
        parcel.id,
        Post.PENDING,
        cause,
        rest_until=wall + backoff(parcel.attempts),
        repeated=fate is Fate.UNKNOWN,
    )


def _leaves_it(parcel: Tried) -> bool:
    """Whether its broadcast sends nothing twice, at the price of a few left out."""
    campaign = parcel.campaign if isinstance(parcel, Parcel) else None
    return campaign is not None and not campaign.resend_unknown


def obstacle(parcel: Parcel, now: datetime) -> Settled | None:
    """What becomes of a delivery that must not go out now; None if it may."""
    if parcel.opted_out or parcel.blocked:
        post = Post.OPTED_OUT if parcel.opted_out else Post.BLOCKED
        return Settled(parcel.id, post, "known", charged=False)
    if why := rules.objection(parcel, now):
        return Settled(parcel.id, Post.DROPPED, why, charged=False)
    if morning := rules.waits_for_morning(parcel, now):
        return Settled(parcel.id, Post.PENDING, due_at=morning, charged=False)
    return None


def dead_ends(tried: Iterable[Parcel], became: Iterable[Settled]) -> dict[Post, list[int]]:
    """The recipients whom nothing reaches any more, by what became of what was sent there."""
    found: dict[Post, list[int]] = {}
    for parcel, each in zip(tried, became, strict=True):
        if each.post in (Post.BLOCKED, Post.UNREACHABLE, Post.OPTED_OUT):
            found.setdefault(each.post, []).append(parcel.recipient)
    return found


def put_back(parcel: Tried, rest_until: datetime | None = None, cause: str = "") -> Settled:
    """Nothing was sent and the try does not count."""
    return Settled(
        parcel.id, Post.PENDING, cause or parcel.last, rest_until=rest_until, charged=False
    )


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many tries: 1, 2, 4 … seconds."""
    return min(timedelta(seconds=2 ** min(max(attempts - 1, 0), 10)), LONGEST_BACKOFF)


def _closed(parcel: Tried, cause: str) -> Settled:
    """Outside the window: once more as a template, and if that is refused too, it is held."""
    if parcel.last == CLOSED:
        return Settled(parcel.id, Post.HELD, cause)
    return Settled(parcel.id, Post.PENDING, CLOSED, charged=False)
