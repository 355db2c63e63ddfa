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

AT = {"at": NOON.isoformat()}

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


@pytest.mark.parametrize(
    ("now", "expires_at"),
    [
        (istanbul(13), istanbul(17, 0)),
        (istanbul(17), istanbul(19, 0)),
        (istanbul(19), istanbul(20, 23)),
    ],
)
def test_the_newest_word_on_a_code_stands_alone(now: datetime, expires_at: datetime) -> None:
    """Who comes by on the 19th reads the last reminder and not three."""
    (entry,) = on_waning([waning(istanbul(20, 23))], now)
    assert entry.expires_at == expires_at


@pytest.mark.parametrize(("day", "step"), [(12, None), (13, 7), (17, 3), (19, 1), (20, None)])
def test_what_ends_at_midnight_has_its_last_day_before(day: int, step: int | None) -> None:
    """A code until the 21st at 00:00 is good on the 20th and no longer."""
    entries = list(on_waning([waning(istanbul(21, 0))], istanbul(day)))
    keys = [] if step is None else [f"code_expires:5:2021-01-20:{step}"]
    assert [entry.key for entry in entries] == keys


def test_a_code_that_was_just_paired_is_not_announced_to_end() -> None:
    """The end was told with the pairing; the next reminder comes as usual."""
    link = waning(istanbul(20), linked=15)
    assert list(on_waning([link], istanbul(15))) == []
    assert list(on_waning([waning(istanbul(20), linked=13)], istanbul(13))) == []
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


@pytest.mark.parametrize(
    ("since", "now", "told"),
    [
        (istanbul(8, 0), istanbul(8), False),
        (istanbul(8, 8), istanbul(8), False),
        (istanbul(7, 23, 59), istanbul(8), True),
        (istanbul(14, 23, 59), istanbul(15), True),
        (istanbul(15, 0), istanbul(15), False),
        (istanbul(15, 8), istanbul(15), False),
    ],
)
def test_who_came_on_the_very_day_knows(since: datetime, now: datetime, told: bool) -> None:
    """They have just been told how things stand; after the deadline too."""
    assert bool(list(on_deadline([person(since)], now, DEADLINE))) is told


@pytest.mark.parametrize(
    ("day", "expires_at"),
    [
        (1, istanbul(8, 0)),
        (2, istanbul(8, 0)),
        (8, istanbul(12, 0)),
        (12, istanbul(14, 0)),
        (14, DEADLINE),
        (15, None),
    ],
)
def test_the_newest_word_on_the_deadline_stands_alone(
    day: int, expires_at: datetime | None
) -> None:
    """Whoever comes by once a fortnight is not read four reminders in a row."""
    (entry,) = on_deadline([person(istanbul(1) - timedelta(days=9))], istanbul(day), DEADLINE)
    assert entry.expires_at == expires_at


def test_whose_code_is_of_no_use_is_noted() -> None:
    """The sentence for them is another one."""
    came = datetime(2020, 12, 1, tzinfo=UTC)
    people = [person(came), person(came, paired=True)]
    noted = [dict(entry.about) for entry in on_deadline(people, istanbul(8), DEADLINE)]
    assert noted == [{}, {"paired": True}]


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
        (istanbul(9, 12, 59), False),
        (istanbul(9, 13), True),
        (istanbul(9, 21, 59), True),
        (istanbul(10, 9), True),
        (istanbul(10, 9, 50), False),
    ],
)
def test_a_registration_left_unfinished(now: datetime, told: bool) -> None:
    """Three hours later, while WhatsApp's window is open."""
    left = Unfinished(HOLDER, istanbul(9, 10))
    entries = list(on_unfinished([left], now, DEADLINE))
    assert [entry.key for entry in entries] == (["unfinished:7"] if told else [])
    assert all(entry.expires_at == left.heard_at + WINDOW for entry in entries)


def test_left_in_the_evening_told_in_the_morning() -> None:
    """Not at night."""
    left = Unfinished(HOLDER, istanbul(8, 21))
    assert list(on_unfinished([left], istanbul(9, 0, 30), DEADLINE)) == []
    assert len(list(on_unfinished([left], istanbul(9, 9), DEADLINE))) == 1
    assert timedelta(hours=1) < SILENT_FOR < WINDOW


@pytest.mark.parametrize("day", [1, 8, 12, 14, 15])
def test_the_deadline_and_the_form_are_not_told_in_the_same_hours(day: int) -> None:
    """Who left before the deadline was told at nine hears of the deadline; who wrote after that
    has come because of it, or has not heard it."""
    before = [istanbul(day, 0) - timedelta(hours=3), istanbul(day, 5), istanbul(day, 8, 59)]
    people = [Unfinished(HOLDER, heard) for heard in (*before, istanbul(day, 9))]
    (told,) = on_unfinished(people, istanbul(day, 12, 30), DEADLINE)
    assert told.expires_at == istanbul(day, 9) + WINDOW
    # The day after is another one, but for the day after the last reminder.
    late = Unfinished(HOLDER, istanbul(day, 20))
    heard = list(on_unfinished([late], istanbul(day + 1, 9), DEADLINE))
    assert len(heard) == (0 if day == 14 else 1)


# --- when its turn comes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "facts", "why"),
    [
        (Kind.SUSPENDED, {"status": Status.SUSPENDED}, None),
        (Kind.SUSPENDED, {"status": Status.SUSPENDED, "reminders_off": True}, None),
        (Kind.SUSPENDED, {"status": Status.ACTIVE}, "no_longer_true"),
        (Kind.SUSPENDED, {"status": Status.SUSPENDED, "about": AT, "changed_at": NOON}, None),
        (
            Kind.SUSPENDED,
            {"status": Status.SUSPENDED, "about": AT, "changed_at": NOON + timedelta(hours=1)},
            "no_longer_true",
        ),
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
