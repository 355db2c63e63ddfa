"""Who is told what, and when: the rules as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.notices.rules import (
    SILENT_FOR,
    WINDOW,
    Kind,
    awake,
    objection,
    on_change,
    on_deadline,
    on_unfinished,
    on_waning,
    step_of,
    waits_for_morning,
)
from conversations.actions import Status
from conversations.calendar import ISTANBUL
from storage import CardChange, Recipient, Unfinished, Untravelled, Urgency, WaningLink
from storage.changes import Standing
from tests.bot.notices.parcels import PARCEL

DEADLINE = datetime(2021, 1, 15, tzinfo=ISTANBUL)
HOLDER = Recipient(7, "telegram")
NOON = datetime(2021, 1, 8, 12, tzinfo=ISTANBUL).astimezone(UTC)

UNPAIRED = Standing(Status.UNPAIRED, "never_paired")
EXPIRED = Standing(Status.UNPAIRED, "code_expired")
LOST = Standing(Status.UNPAIRED, "code_not_found")
ACTIVE = Standing(Status.ACTIVE, "paired")
SUSPENDED = Standing(Status.SUSPENDED, "suspended")
NEVER_PAIRED = Standing(Status.PASSIVE, "deadline_passed")
PASSIVE_EXPIRED = Standing(Status.PASSIVE, "code_expired")
PASSIVE_LOST = Standing(Status.PASSIVE, "code_mismatch")


def istanbul(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2021, 1, day, hour, minute, tzinfo=ISTANBUL)


def change(before: Standing, after: Standing, **differences: object) -> CardChange:
    made = CardChange(card=3, link=5, before=before, after=after, at=NOON, holder=HOLDER)
    return replace(made, **differences)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (ACTIVE, SUSPENDED, [Kind.SUSPENDED]),
        (UNPAIRED, SUSPENDED, [Kind.SUSPENDED]),
        (PASSIVE_EXPIRED, SUSPENDED, [Kind.SUSPENDED]),
        (SUSPENDED, SUSPENDED, []),
        (SUSPENDED, ACTIVE, [Kind.RETURNED]),
        (SUSPENDED, PASSIVE_EXPIRED, [Kind.CODE_EXPIRED]),
        (SUSPENDED, PASSIVE_LOST, [Kind.PASSIVE]),
        (SUSPENDED, LOST, [Kind.CODE_LOST]),
        (ACTIVE, EXPIRED, [Kind.CODE_EXPIRED]),
        (ACTIVE, PASSIVE_EXPIRED, [Kind.CODE_EXPIRED]),
        (ACTIVE, LOST, [Kind.CODE_LOST]),
        (ACTIVE, PASSIVE_LOST, [Kind.PASSIVE]),
        (EXPIRED, PASSIVE_EXPIRED, [Kind.PASSIVE]),
        (LOST, PASSIVE_LOST, [Kind.PASSIVE]),
        (EXPIRED, LOST, []),
        (EXPIRED, ACTIVE, []),
        (PASSIVE_EXPIRED, ACTIVE, []),
        (ACTIVE, ACTIVE, []),
    ],
)
def test_what_a_change_means(before: Standing, after: Standing, told: list[Kind]) -> None:
    """Each change is one notice at most, about what matters to the person now."""
    assert [entry.kind for entry in on_change(change(before, after))] == told


def test_who_did_it_is_not_told() -> None:
    """They read it in the answer."""
    assert list(on_change(change(ACTIVE, SUSPENDED, actor=7))) == []


def test_a_card_without_a_holder_tells_nobody() -> None:
    """Nobody is known for 26 million cards."""
    assert list(on_change(change(UNPAIRED, NEVER_PAIRED, holder=None, link=None))) == []


def test_others_are_told_of_a_pairing_elsewhere() -> None:
    """Once each, and not the one who paired."""
    others = (Recipient(8, "web"), Recipient(9, "whatsapp"))
    made = change(UNPAIRED, ACTIVE, actor=7, relinked=True, others=others)
    entries = list(on_change(made))
    assert [(entry.kind, entry.address, entry.channel) for entry in entries] == [
        (Kind.PAIRED_ELSEWHERE, 8, "web"),
        (Kind.PAIRED_ELSEWHERE, 9, "whatsapp"),
    ]
    assert len({entry.key for entry in entries}) == 2


def test_the_same_change_has_the_same_key_and_another_has_another() -> None:
    """One cause, one notice."""
    first, again = (next(on_change(change(ACTIVE, SUSPENDED))) for _ in range(2))
    later = next(on_change(change(ACTIVE, SUSPENDED, at=NOON + timedelta(days=3))))
    other = next(on_change(change(ACTIVE, SUSPENDED, card=4)))
    assert first.key == again.key
    assert len({first.key, later.key, other.key}) == 3


# --- when -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        (istanbul(8, 9), istanbul(8, 9)),
        (istanbul(8, 21, 59), istanbul(8, 21, 59)),
        (istanbul(8, 22), istanbul(9, 9)),
        (istanbul(8, 23, 59), istanbul(9, 9)),
        (istanbul(9, 0), istanbul(9, 9)),
        (istanbul(9, 8, 59), istanbul(9, 9)),
    ],
)
def test_quiet_hours(moment: datetime, told: datetime) -> None:
    """22:00 to 09:00 by Istanbul's clock, whatever zone the moment has."""
    assert awake(moment) == told
    assert awake(moment.astimezone(UTC)) == told


def test_a_suspension_is_told_at_night() -> None:
    """It takes effect at once."""
    at = istanbul(9, 3)
    suspended = next(on_change(change(ACTIVE, SUSPENDED, at=at)))
    returned = next(on_change(change(SUSPENDED, ACTIVE, at=at)))
    assert (suspended.due_at, suspended.urgency) == (at, Urgency.SUSPENSION)
    assert (returned.due_at, returned.urgency) == (istanbul(9, 9), Urgency.REMINDER)


def test_what_waited_too_long_waits_for_the_morning() -> None:
    """A reminder that was due in the evening does not ring at night; a suspension does."""
    night = istanbul(8, 22, 30)
    assert waits_for_morning(PARCEL, night) == istanbul(9, 9)
    assert waits_for_morning(replace(PARCEL, urgency=Urgency.SUSPENSION), night) is None
    assert waits_for_morning(PARCEL, istanbul(8)) is None


@pytest.mark.parametrize(
    ("left", "step"),
    [(15, None), (14, 14), (13, 14), (8, 14), (7, 7), (4, 7), (3, 3), (2, 3), (1, 1), (0, None)],
)
def test_the_reminder_of_a_day(left: int, step: int | None) -> None:
    """A day or two late is better than never; before the first and on the day there is none."""
    assert step_of(left, (14, 7, 3, 1)) == step


# --- codes that end ---------------------------------------------------------------------------


def waning(until: datetime, linked: int = 1) -> WaningLink:
    return WaningLink(5, 3, HOLDER, istanbul(linked), until)


@pytest.mark.parametrize(
    ("now", "key"),
    [
        (istanbul(10), None),
        (istanbul(13), "code_expires:5:2021-01-20:7"),
        (istanbul(15), "code_expires:5:2021-01-20:7"),
        (istanbul(17), "code_expires:5:2021-01-20:3"),
        (istanbul(19, 20), "code_expires:5:2021-01-20:1"),
        (istanbul(20), None),
    ],
)
def test_a_code_that_ends(now: datetime, key: str | None) -> None:
    """Told 7, 3 and 1 days before, each once."""
    entries = list(on_waning([waning(istanbul(20, 23))], now))
    assert [entry.key for entry in entries] == ([key] if key else [])
    assert all(entry.expires_at == istanbul(20, 23) for entry in entries)


def test_a_code_that_was_just_paired_is_not_announced_to_end() -> None:
    """The end was told with the pairing; the next reminder comes as usual."""
    link = waning(istanbul(20), linked=15)
    assert list(on_waning([link], istanbul(15))) == []
    assert [entry.key for entry in on_waning([link], istanbul(17))] == [
        "code_expires:5:2021-01-20:3"
    ]


# --- the deadline -----------------------------------------------------------------------------


def person(since: datetime, paired: bool = False) -> Untravelled:
    return Untravelled(HOLDER, since, paired)


@pytest.mark.parametrize(
    ("day", "key"),
    [
        (1, "deadline:7:2021-01-15:14"),
        (2, "deadline:7:2021-01-15:14"),
        (8, "deadline:7:2021-01-15:7"),
        (12, "deadline:7:2021-01-15:3"),
        (14, "deadline:7:2021-01-15:1"),
        (15, "deadline_passed:7:2021-01-15:0"),
        (20, "deadline_passed:7:2021-01-15:0"),
    ],
)
def test_the_deadline_by_day(day: int, key: str) -> None:
    """14, 7, 3 and 1 days before, and once after."""
    entries = list(
        on_deadline([person(datetime(2020, 12, 1, tzinfo=UTC))], istanbul(day), DEADLINE)
    )
    assert [entry.key for entry in entries] == [key]


def test_who_came_after_a_reminders_day_is_not_reminded_of_it() -> None:
    """On the 10th nobody who came on the 9th hears the reminder of the 8th."""
    assert list(on_deadline([person(istanbul(9))], istanbul(10), DEADLINE)) == []
    assert len(list(on_deadline([person(istanbul(9))], istanbul(12), DEADLINE))) == 1
    assert list(on_deadline([person(istanbul(16))], istanbul(17), DEADLINE)) == []


def test_after_the_deadline_a_useless_pairing_is_told_as_such() -> None:
    """Whose card has a dead code hears of that card, not of cards in general."""
    before = datetime(2020, 12, 1, tzinfo=UTC)
    assert list(on_deadline([person(before, paired=True)], istanbul(15), DEADLINE)) == []
    assert len(list(on_deadline([person(before, paired=True)], istanbul(14), DEADLINE))) == 1


def test_another_deadline_is_another_cause() -> None:
    """Deadlines move; people are reminded of the new one."""
    people = [person(datetime(2020, 12, 1, tzinfo=UTC))]
    moved = DEADLINE + timedelta(days=17)
    first = next(on_deadline(people, istanbul(8), DEADLINE))
    second = next(on_deadline(people, istanbul(25), moved))
    assert first.key != second.key
    assert second.key.startswith(f"deadline:7:{date(2021, 2, 1)}")


# --- left half-way ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (istanbul(8, 12, 59), False),
        (istanbul(8, 13), True),
        (istanbul(8, 21, 59), True),
        (istanbul(9, 9), True),
        (istanbul(9, 9, 50), False),
    ],
)
def test_a_registration_left_unfinished(now: datetime, told: bool) -> None:
    """Three hours later, while WhatsApp's window is open."""
    left = Unfinished(HOLDER, istanbul(8, 10))
    entries = list(on_unfinished([left], now))
    assert [entry.key for entry in entries] == (["unfinished:7"] if told else [])
    assert all(entry.expires_at == left.heard_at + WINDOW for entry in entries)


def test_left_in_the_evening_told_in_the_morning() -> None:
    """Not at night."""
    left = Unfinished(HOLDER, istanbul(8, 21))
    assert list(on_unfinished([left], istanbul(9, 0, 30))) == []
    assert len(list(on_unfinished([left], istanbul(9, 9)))) == 1
    assert timedelta(hours=1) < SILENT_FOR < WINDOW


# --- when its turn comes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "facts", "why"),
    [
        (Kind.SUSPENDED, {"status": Status.SUSPENDED}, None),
        (Kind.SUSPENDED, {"status": Status.SUSPENDED, "reminders_off": True}, None),
        (Kind.SUSPENDED, {"status": Status.ACTIVE}, "no_longer_true"),
        (Kind.RETURNED, {"status": Status.ACTIVE}, None),
        (Kind.RETURNED, {"status": Status.SUSPENDED}, "no_longer_true"),
        (Kind.PASSIVE, {"status": Status.PASSIVE, "reminders_off": True}, None),
        (Kind.PASSIVE, {"status": Status.ACTIVE}, "no_longer_true"),
        (Kind.CODE_LOST, {"status": Status.UNPAIRED}, None),
        (Kind.CODE_LOST, {"status": Status.ACTIVE}, "no_longer_true"),
        (Kind.CODE_EXPIRED, {"status": Status.PASSIVE}, None),
        (Kind.CODE_EXPIRED, {"status": Status.ACTIVE}, "no_longer_true"),
        (Kind.CODE_EXPIRES, {"status": Status.ACTIVE, "link_open": True}, None),
        (Kind.CODE_EXPIRES, {"status": Status.ACTIVE, "link_open": False}, "no_longer_true"),
        (Kind.CODE_EXPIRES, {"status": Status.SUSPENDED, "link_open": True}, "no_longer_true"),
        (Kind.CODE_EXPIRES, {"reminders_off": True}, "declined"),
        (Kind.PAIRED_ELSEWHERE, {"link_open": True, "reminders_off": True}, None),
        (Kind.PAIRED_ELSEWHERE, {"link_open": False}, "no_longer_true"),
        (Kind.DEADLINE, {}, None),
        (Kind.DEADLINE, {"travels": True}, "no_longer_true"),
        (Kind.DEADLINE, {"reminders_off": True}, "declined"),
        (Kind.DEADLINE, {"expires_at": NOON}, "too_late"),
        (Kind.DEADLINE_PASSED, {"travels": True}, "no_longer_true"),
        (Kind.UNFINISHED, {"step": "registration:phone"}, None),
        (Kind.UNFINISHED, {"step": ""}, "no_longer_true"),
    ],
)
def test_what_is_no_longer_true_is_not_sent(
    kind: Kind, facts: dict[str, object], why: str | None
) -> None:
    """A notice is looked at once more when its turn comes."""
    parcel = replace(PARCEL, kind=str(kind), **facts)  # type: ignore[arg-type]
    assert objection(parcel, NOON) == why
