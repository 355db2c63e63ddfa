"""Who is told what, and when. Pure: facts in, notices out; no clock, no records, no sentences.

Every notice has a key that names its cause, so that one cause never tells anybody twice, and every
notice is looked at once more when its turn comes: what is no longer true is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from conversations.actions import Status
from conversations.broadcasts import Group
from conversations.calendar import ISTANBUL, last_moment
from storage import (
    CardChange,
    Entry,
    Parcel,
    Recipient,
    Unfinished,
    Untravelled,
    Urgency,
    WaningLink,
)
from storage.queues import Queue

DEADLINE_DAYS = (14, 7, 3, 1)
"""How many days before the deadline people without a working card are reminded."""
EXPIRY_DAYS = (7, 3, 1)
"""How many days before its end people are told of their code's."""

QUIET_FROM, QUIET_TO = time(22), time(9)
"""Istanbul time in which only suspensions are told."""

SILENT_FOR = timedelta(hours=3)
"""How long somebody has left a form alone before they are reminded of it."""
WINDOW = timedelta(hours=23, minutes=50)
"""How long after a person's last word free text may be sent (WhatsApp: 24 hours), with a margin."""


class Kind(StrEnum):
    """What a notice is about; its sentences are ``notice.<kind>`` in the catalogues, but those of a
    broadcast and of a test of one, which are the staff's."""

    SUSPENDED = "suspended"
    RETURNED = "returned"
    PASSIVE = "passive"
    CODE_LOST = "code_lost"
    CODE_EXPIRED = "code_expired"
    CODE_EXPIRES = "code_expires"
    PAIRED_ELSEWHERE = "paired_elsewhere"
    DEADLINE = "deadline"
    DEADLINE_PASSED = "deadline_passed"
    UNFINISHED = "unfinished"
    BROADCAST = "broadcast"
    TEST = "test"


REMINDERS = frozenset({Kind.CODE_EXPIRES, Kind.DEADLINE, Kind.DEADLINE_PASSED, Kind.UNFINISHED})
"""What a citizen can decline; the rest concerns a card of theirs and always comes."""


# --- when -----------------------------------------------------------------------------------


def awake(moment: datetime) -> datetime:
    """The moment, or the next morning's if it falls into the quiet hours."""
    local = moment.astimezone(ISTANBUL)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return moment
    day = local.date() + timedelta(days=1 if local.time() >= QUIET_FROM else 0)
    return datetime.combine(day, QUIET_TO, ISTANBUL).astimezone(moment.tzinfo)


def day_of(moment: datetime) -> date:
    """The day it is in Istanbul."""
    return moment.astimezone(ISTANBUL).date()


def days_until(end: datetime, now: datetime) -> int:
    """Whole days by the calendar in Istanbul."""
    return (day_of(end) - day_of(now)).days


def step_of(left: int, steps: tuple[int, ...]) -> int | None:
    """The reminder that is due with so many days left: the last one reached, also a day or two
    late. None before the first and from the day itself on."""
    return min((step for step in steps if left <= step), default=None) if left > 0 else None


def end_of_step(step: int, steps: tuple[int, ...], day: date, end: datetime) -> datetime:
    """Until when the reminder of a step says anything: the next one's day, or the end itself.
    Who comes by rarely is to find the newest one alone."""
    following = max((other for other in steps if other < step), default=None)
    return end if following is None else _start_of(day - timedelta(days=following))


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), ISTANBUL)


# --- what a changed card means --------------------------------------------------------------


def on_change(change: CardChange) -> Iterator[Entry]:
    """Whom a change of a card concerns. Who did it themselves has been told already."""
    if change.relinked:
        yield from (_elsewhere(change, other) for other in change.others)
    kind = _kind_of(change)
    if kind is None or change.holder is None or change.actor is not None:
        return
    urgent = kind is Kind.SUSPENDED
    yield Entry(
        key=f"{kind}:{change.card}:{change.at.isoformat()}",
        kind=kind,
        urgency=Urgency.SUSPENSION if urgent else Urgency.REMINDER,
        address=change.holder.address,
        channel=change.holder.channel,
        due_at=change.at if urgent else awake(change.at),
        card=change.card,
        link=change.link,
        about={"at": change.at.isoformat()},
    )


def _kind_of(change: CardChange) -> Kind | None:
    """What is told of a change; None where nothing is."""
    before, after = change.before.status, change.after.status
    if after is Status.SUSPENDED:
        return None if before is Status.SUSPENDED else Kind.SUSPENDED
    if after is Status.ACTIVE:
        return Kind.RETURNED if before is Status.SUSPENDED else None
    if change.after.cause == "code_expired" and before is not Status.UNPAIRED:
        return Kind.CODE_EXPIRED
    if after is Status.PASSIVE:
        return Kind.PASSIVE if change.before != change.after else None
    return Kind.CODE_LOST if before is not Status.UNPAIRED else None


def _elsewhere(change: CardChange, other: Recipient) -> Entry:
    return Entry(
        key=f"{Kind.PAIRED_ELSEWHERE}:{change.link}:{change.at.isoformat()}:{other.address}",
        kind=Kind.PAIRED_ELSEWHERE,
        urgency=Urgency.REMINDER,
        address=other.address,
        channel=other.channel,
        due_at=awake(change.at),
        card=change.card,
        link=change.link,
    )


# --- what time alone brings -----------------------------------------------------------------


def on_waning(links: Iterable[WaningLink], now: datetime) -> Iterator[Entry]:
    """Codes that end in a few days."""
    for link in links:
        last_day = day_of(last_moment(link.valid_until))
        step = step_of((last_day - day_of(now)).days, EXPIRY_DAYS)
        # Whoever paired the code on the day of this reminder or later has just read until when it
        # is valid.
        if step is None or day_of(link.linked_at) >= last_day - timedelta(days=step):
            continue
        yield Entry(
            key=f"{Kind.CODE_EXPIRES}:{link.link}:{last_day}:{step}",
            kind=Kind.CODE_EXPIRES,
            urgency=Urgency.REMINDER,
            address=link.holder.address,
            channel=link.holder.channel,
            due_at=awake(now),
            expires_at=end_of_step(step, EXPIRY_DAYS, last_day, link.valid_until),
            card=link.card,
            link=link.link,
        )


def on_deadline(
    people: Iterable[Untravelled], now: datetime, deadline: datetime
) -> Iterator[Entry]:
    """People who talked to us and have no working card, before the deadline and after it."""
    left, day = days_until(deadline, now), day_of(deadline)
    passed = now >= deadline
    step = 0 if passed else step_of(left, DEADLINE_DAYS)
    if step is None:
        return
    known_from = deadline if passed else _start_of(day - timedelta(days=step))
    expires_at = None if passed else end_of_step(step, DEADLINE_DAYS, day, deadline)
    for person in people:
        # They came on this reminder's day or later, and were told then how things stand.
        if person.since >= known_from:
            continue
        # Whose card was paired hears of the card itself.
        if passed and person.paired:
            continue
        kind = Kind.DEADLINE_PASSED if passed else Kind.DEADLINE
        yield Entry(
            key=f"{kind}:{person.at.address}:{day}:{step}",
            kind=kind,
            urgency=Urgency.REMINDER,
            address=person.at.address,
            channel=person.at.channel,
            due_at=awake(now),
            expires_at=expires_at,
            about={"paired": True} if person.paired else {},
        )


def on_unfinished(
    people: Iterable[Unfinished], now: datetime, deadline: datetime
) -> Iterator[Entry]:
    """People who left a registration half-way: once, while free text may still be sent.

    On a day when the deadline is told, only those who wrote after that was: the others have just
    read the same wish in other words.
    """
    told = days_until(deadline, now) in (*DEADLINE_DAYS, 0)
    morning = datetime.combine(day_of(now), QUIET_TO, ISTANBUL)
    for person in people:
        due, last = awake(person.heard_at + SILENT_FOR), person.heard_at + WINDOW
        if told and person.heard_at < morning:
            continue
        if due <= now < last:
            yield Entry(
                key=f"{Kind.UNFINISHED}:{person.at.address}",
                kind=Kind.UNFINISHED,
                urgency=Urgency.REMINDER,
                address=person.at.address,
                channel=person.at.channel,
                due_at=awake(now),
                expires_at=last,
            )


# --- when its turn comes --------------------------------------------------------------------


def objection(parcel: Parcel, now: datetime) -> str | None:
    """Why a notice must not go out now, if so: declined, or overtaken by events."""
    kind = Kind(parcel.kind)
    if parcel.reminders_off and (kind in REMINDERS or _is_plain_broadcast(parcel)):
        return "declined"
    if parcel.expires_at is not None and now >= parcel.expires_at:
        return "too_late"
    return None if _HOLDS[kind](parcel) else "no_longer_true"


def waits_for_morning(parcel: Parcel, now: datetime) -> datetime | None:
    """Until when a notice waits because of the quiet hours, if it does."""
    morning = awake(now)
    urgent = parcel.urgency == Urgency.SUSPENSION or _is_urgent_broadcast(parcel)
    return None if urgent or morning == now else morning


def queues(running: Mapping[int, bool], now: datetime) -> list[Queue]:
    """What may be sent at that moment, in its order: of the running broadcasts the urgent ones
    right behind suspensions, the others last, and not in the quiet hours."""
    quiet = awake(now) != now
    urgent = [number for number, is_urgent in running.items() if is_urgent]
    plain = [number for number, is_urgent in running.items() if not (is_urgent or quiet)]
    return [Urgency.SUSPENSION, *urgent, Urgency.REMINDER, Urgency.BROADCAST, *plain]


def _is_urgent_broadcast(parcel: Parcel) -> bool:
    return parcel.campaign is not None and parcel.campaign.urgent


def _is_plain_broadcast(parcel: Parcel) -> bool:
    return parcel.kind == Kind.BROADCAST and not _is_urgent_broadcast(parcel)


def _is(status: Status) -> Any:
    return lambda parcel: parcel.status is status


def _is_last(status: Status) -> Any:
    """The card's last change was this one: who was suspended twice meanwhile is told once."""

    def holds(parcel: Parcel) -> bool:
        told = parcel.about.get("at")
        is_last = told is None or parcel.changed_at == datetime.fromisoformat(told)
        return parcel.status is status and is_last

    return holds


def _still_concerned(parcel: Parcel) -> bool:
    """Whoever has left a broadcast's audience since is spared it: the card was given back."""
    if parcel.campaign is None:
        return False
    group = Group(parcel.campaign.group)
    if group is Group.UNFINISHED:
        return not parcel.travels
    return group is Group.ALL or parcel.status == group.upper()


_HOLDS: Mapping[Kind, Any] = MappingProxyType(
    {
        Kind.SUSPENDED: _is_last(Status.SUSPENDED),
        Kind.RETURNED: _is_last(Status.ACTIVE),
        Kind.PASSIVE: _is(Status.PASSIVE),
        Kind.CODE_LOST: lambda parcel: parcel.status in (Status.UNPAIRED, Status.PASSIVE),
        Kind.CODE_EXPIRED: lambda parcel: parcel.status in (Status.UNPAIRED, Status.PASSIVE),
        Kind.CODE_EXPIRES: lambda parcel: parcel.link_open and parcel.status is Status.ACTIVE,
        Kind.PAIRED_ELSEWHERE: lambda parcel: parcel.link_open,
        Kind.DEADLINE: lambda parcel: not parcel.travels,
        Kind.DEADLINE_PASSED: lambda parcel: not parcel.travels,
        Kind.UNFINISHED: lambda parcel: bool(parcel.step),
        Kind.BROADCAST: _still_concerned,
        Kind.TEST: lambda parcel: parcel.campaign is not None,
    }
)
"""What must still be so for a notice to be true."""
