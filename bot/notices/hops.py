"""What becomes of a delivery, told line by line in the log: kinds, codes and numbers, no words.

Every line carries the delivery's own trail and its number in the ledger, in whatever task it is
written. Changes nothing and decides nothing.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from bot import trail
from bot.channels.base import Fate, Letter, NotNow, Outcome, Outlet, Turn
from bot.tracing import span
from storage import Parcel, Settled

log = logging.getLogger("hesbot.deliveries")

FAULTS = frozenset({Fate.UNKNOWN, Fate.BROKEN, Fate.HALTED})
"""What is not the person's doing; told at every level, since somebody has to look at it."""


def trail_of(parcel: Parcel) -> trail.Trail:
    """By what a delivery is followed from the ledger to the messenger's report."""
    return trail.delivery(parcel.key, parcel.id)


def taken(parcel: Parcel) -> None:
    """This task sends it; what it does from now on is about it."""
    trail.begin(trail_of(parcel))
    log.debug("taken", extra={"kind": parcel.kind, "tries": parcel.attempts})


async def pushed(outlet: Outlet, parcel: Parcel, letter: Letter, turn: Turn) -> Outcome:
    """What the messenger says. Raises what ``turn`` raises."""
    outcome: Outcome | None = None
    with span("notice", channel=outlet.name, kind=parcel.kind, fate="late") as sent:
        # A turn that is lost is no fault: it goes out in another one.
        with suppress(NotNow):
            outcome = await outlet.push(letter, turn)
        if outcome is not None:
            sent.set(fate=str(outcome.fate), cause=outcome.cause)
    if outcome is None:
        raise NotNow
    return outcome


def tried(parcel: Parcel, outcome: Outcome) -> None:
    """A messenger was called, and this came of it."""
    said = {"kind": parcel.kind, "fate": str(outcome.fate), "cause": outcome.cause}
    log.log(logging.WARNING if outcome.fate in FAULTS else logging.DEBUG, "pushed", extra=said)


def shown(parcel: Parcel) -> None:
    """It is given to somebody who came by."""
    with trail.about(trail_of(parcel)):
        log.debug("shown", extra={"kind": parcel.kind})


def kept_back(parcel: Parcel, settled: Settled) -> None:
    """It was not sent, for a reason of ours."""
    with trail.about(trail_of(parcel)):
        said = {"kind": parcel.kind, "post": str(settled.post), "cause": settled.cause}
        log.debug("kept back", extra=said)
