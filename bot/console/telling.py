"""A broadcast in the reader's words: its stage, whom it is for, why something failed or waits.

Takes numbers that are worked out already; draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot import wording_numbers
from bot.notices.rules import awake
from conversations.broadcasts import Audience, Stage
from conversations.calendar import ISTANBUL
from conversations.replies import Word
from storage import Broadcast
from storage.entries import Post

if TYPE_CHECKING:
    from bot.console.seat import Seat

CHANNELS: Mapping[str, str] = {"telegram": "Telegram", "whatsapp": "WhatsApp"}
"""Messengers are called by their own names in every language."""

CAUSES = (
    "403_blocked",
    "403_deactivated",
    "403_not_started",
    "403",
    "400_chat_not_found",
    "400_peer",
    "400",
    "401_token",
    "429",
    "5xx",
    "63016",
    "known",
    "lost",
    "network",
    "no_template",
    "timeout",
    "unanswered",
    "unreached",
)
"""Causes that have words, ``console.broadcast.cause.<cause>``; of others the code alone is told."""

ALL = "all"
FILTERS: Mapping[str, Sequence[Stage]] = {
    ALL: tuple(Stage),
    "waiting": (Stage.DRAFT, Stage.SUBMITTED, Stage.APPROVED, Stage.SCHEDULED),
    "moving": (Stage.RUNNING, Stage.PAUSED),
    "over": (Stage.FINISHED, Stage.CANCELLED),
}
"""Stages that are looked at together: ``console.broadcast.filter.<name>``."""

SHORT = 12
"""Signs of a fingerprint that are shown."""


def channel(seat: Seat, name: str) -> str:
    """What people call the channel."""
    return CHANNELS.get(name) or seat.say(Word(f"console.broadcast.channel.{name}"))


def stage(seat: Seat, stage: Stage) -> str:
    """Where one stands."""
    return seat.say(Word(f"console.broadcast.stage.{stage}"))


def post(seat: Seat, post: Post) -> str:
    """What became of a delivery."""
    return seat.say(Word(f"console.post.{post}"))


def cause(seat: Seat, name: str) -> str:
    """Why a delivery failed; "" where only the code says it."""
    return seat.say(Word(f"console.broadcast.cause.{name}")) if name in CAUSES else ""


def language(seat: Seat, locale: str) -> str:
    """A language by its own name."""
    return seat.office.wording.text(Word(f"locale:{locale}"), locale)


# --- whom it is for -----------------------------------------------------------------------------


def audience(seat: Seat, wanted: Audience) -> str:
    """Whom it is for, in one line."""
    return " · ".join(value for _, value in criteria(seat, wanted))


def criteria(seat: Seat, wanted: Audience) -> Iterator[tuple[str, str]]:
    """Each criterion with its name; those that do not matter are left out, but not the group."""
    group = seat.say(Word(f"console.broadcast.group.{wanted.group}"))
    yield seat.say(Word("console.broadcast.group")), group
    if wanted.channels:
        names = ", ".join(channel(seat, each) for each in wanted.channels)
        yield seat.say(Word("console.broadcast.channels")), names
    if wanted.locales:
        names = ", ".join(language(seat, each) for each in wanted.locales)
        yield seat.say(Word("console.broadcast.languages")), names
    if wanted.registered_since is not None:
        since = Word("console.broadcast.since", {"day": wanted.registered_since})
        yield seat.say(Word("console.broadcast.registered")), seat.say(since)
    if wanted.code_ends_before is not None:
        before = Word("console.broadcast.before", {"day": wanted.code_ends_before})
        yield seat.say(Word("console.broadcast.code_ends")), seat.say(before)
    if wanted.not_told_days is not None:
        days = Word("console.broadcast.days", {"days": wanted.not_told_days})
        yield seat.say(Word("console.broadcast.not_told")), seat.say(days)


def left_out(seat: Seat, counts: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """Channel, reason and count of those who are not written to, as the records keep them."""
    for name, count in sorted(counts.items(), key=lambda each: -each[1]):
        where, _, why = name.partition(":")
        yield channel(seat, where), seat.say(Word(f"broadcast.left_out.{why}")), count


# --- why it stands ------------------------------------------------------------------------------


def pause(seat: Seat, broadcast: Broadcast) -> str:
    """Why it was paused; ``bot.notices.progress.Failing.text`` is how the records keep that."""
    share, _, rest = broadcast.pause_cause.partition(" ")
    where, _, why = rest.partition(" ")
    try:
        told = seat.share(float(share), 1.0)
    except ValueError:
        return seat.say(Word("console.broadcast.paused_by_hand"))
    said = cause(seat, why)
    reason = f"{said} ({why})" if said else why or "–"
    limit = seat.share(broadcast.draft.failure_limit, 1.0)
    return seat.say(
        Word(
            "console.broadcast.paused_by_itself",
            {"share": told, "limit": limit, "channel": channel(seat, where), "cause": reason},
        )
    )


def night(seat: Seat, broadcast: Broadcast, now: datetime) -> str:
    """That it waits for the morning; "" if it does not."""
    morning = awake(now)
    if broadcast.draft.urgent or broadcast.stage is not Stage.RUNNING or morning == now:
        return ""
    return seat.say(Word("console.broadcast.night", {"time": clock(morning)}))


def clock(at: datetime) -> str:
    """The time of a day in Istanbul: "09:00"."""
    return f"{at.astimezone(ISTANBUL):%H:%M}"


def second(at: datetime) -> str:
    """ "09:00:30"."""
    return f"{at.astimezone(ISTANBUL):%H:%M:%S}"


def day(seat: Seat, at: datetime) -> str:
    """Which day in Istanbul that is: "8 Oca"."""
    return seat.day(at.astimezone(ISTANBUL).date())


def rate(seat: Seat, number: float) -> str:
    """Messages a second."""
    return wording_numbers.tenths(number, seat.look.locale)
