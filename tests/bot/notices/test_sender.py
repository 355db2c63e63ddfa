"""The sender: its pace, what it makes of every outcome, and what it leaves behind."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.channels.base import Fate, Letter, Outcome
from bot.clock import wall
from bot.notices.outcomes import MOST_TRIES
from storage import Parcel, Post, Urgency, pace, tables
from tests.bot.notices.town import NOON, Recorder, Town, at_work, most_in_a_second, town, until


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """An empty town on SQLite."""
    async with town(home=tmp_path) as made:
        yield made


async def nothing_is(here: Town, state: str) -> bool:
    return state not in await here.states()


# --- the pace ---------------------------------------------------------------------------------


async def test_no_second_sees_more_than_the_limit(here: Town) -> None:
    """Two senders share one limit, and every letter goes once."""
    people = await here.people(120)
    await here.write(people)
    outlets = [Recorder(rate=50), Recorder(rate=50)]
    await asyncio.gather(
        *(here.sender(outlet, f"w{n}").drain() for n, outlet in enumerate(outlets))
    )
    times = sorted(time for outlet in outlets for time in outlet.times)
    assert most_in_a_second(times) <= 50
    assert len({letter.to for outlet in outlets for _, letter in outlet.went}) == len(times) == 120
    assert await here.states() == {"sent": 120}


async def test_a_pause_that_was_asked_for_is_kept_by_everybody(here: Town) -> None:
    """After "429, retry after 1" nothing goes for a second, and then there is no burst."""
    await here.write(await here.people(60))
    busy = Outcome(Fate.BUSY, "429", retry_after=1.0)
    first = Recorder(rate=50, script=[Outcome(Fate.SENT, provider_id="1")] * 5 + [busy])
    other = Recorder(rate=50)
    await asyncio.gather(here.sender(first, "w1").drain(), here.sender(other, "w2").drain())
    times = sorted([*first.times, *other.times])
    refused = first.times[5]
    # The other sender hears of the pause in its next round.
    assert [time for time in times if refused + 0.4 < time < refused + 0.98] == []
    assert most_in_a_second(times) <= 50
    assert await here.states() == {"sent": 60}
    assert all(row.attempts == 1 for row in await here.rows())


async def test_a_long_pause_gives_the_deliveries_back(here: Town) -> None:
    """Nothing stays taken while nothing may be sent."""
    await here.write(await here.people(10))
    outlet = Recorder(rate=50, script=[Outcome(Fate.BUSY, "429", retry_after=60)])
    async with at_work(here.sender(outlet)):
        await until(lambda: outlet.went)
        await until(lambda: nothing_is(here, "sending"))
    assert await here.states() == {"pending": 10}
    assert {row.attempts for row in await here.rows()} == {0}
    async with here.database.read() as connection:
        assert min(await pace.booked(connection, "telegram")) > wall().timestamp() + 50


async def test_what_is_urgent_overtakes_the_reminders(here: Town) -> None:
    """It goes within the horizon, however many reminders are due."""
    people = await here.people(150)
    await here.write(people[:-1])
    outlet, urgent = Recorder(rate=40), f"deadline:{people[-1]}:now"
    async with at_work(here.sender(outlet)):
        await until(lambda: len(outlet.went) >= 10)
        await here.write(people[-1:], urgency=Urgency.SUSPENSION, word="now")
        before = len(outlet.went)
        await until(lambda: urgent in [letter.reference for _, letter in outlet.went])
    assert [letter.reference for _, letter in outlet.went].index(urgent) - before <= 45


async def test_a_suspension_goes_whatever_the_clock_says(here: Town) -> None:
    """A pinned clock jumps back at every start; what was written before must not wait for it."""
    people = await here.people(2)
    later = NOON + timedelta(minutes=5)
    await here.write(people[:1], urgency=Urgency.SUSPENSION, due_at=later)
    await here.write(people[1:], due_at=later)
    await here.sender(Recorder()).drain()
    assert [row.state for row in await here.rows()] == ["sent", "pending"]


async def test_two_letters_to_one_person_keep_their_distance(here: Town) -> None:
    """A private chat takes one message a second."""
    (person,) = await here.people(1)
    await here.write([person], word="one")
    await here.write([person], word="two")
    outlet = Recorder(rate=100, gap=0.7)
    await here.sender(outlet).drain()
    first, second = outlet.times
    assert second - first >= 0.65


# --- every outcome ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fate", "state", "cause", "attempts"),
    [
        (Fate.SENT, "sent", "", 1),
        (Fate.BLOCKED, "blocked", "why", 1),
        (Fate.UNREACHABLE, "unreachable", "why", 1),
        (Fate.OPTED_OUT, "opted_out", "why", 1),
        (Fate.FAILED, "failed", "why", 1),
        (Fate.HELD, "held", "why", 1),
        (Fate.BROKEN, "held", "why", 1),
        (Fate.AGAIN, "pending", "why", 1),
        (Fate.UNKNOWN, "pending", "why", 1),
        (Fate.CLOSED, "pending", "63016", 0),
    ],
)
async def test_what_becomes_of_a_try(
    here: Town, fate: Fate, state: str, cause: str, attempts: int
) -> None:
    """One try with each outcome."""
    await here.write(await here.people(1))
    cause_given = "" if fate is Fate.SENT else "why"
    outlet = Recorder(script=[Outcome(fate, cause_given, "1"), Outcome(Fate.BUSY, retry_after=99)])
    async with at_work(here.sender(outlet)):
        await until(lambda: outlet.went)
    (row,) = await here.rows()
    if fate is Fate.CLOSED and len(outlet.went) > 1:
        attempts = 0
    assert (row.state, row.cause, row.attempts) == (state, cause, attempts)
    assert row.repeats == (1 if fate is Fate.UNKNOWN else 0)


@pytest.mark.parametrize("fate", [Fate.BLOCKED, Fate.UNREACHABLE, Fate.OPTED_OUT])
async def test_who_cannot_be_reached_is_not_tried_again(here: Town, fate: Fate) -> None:
    """The address remembers; the next delivery costs no call."""
    people = await here.people(1)
    await here.write(people, word="one")
    outlet = Recorder(script=[Outcome(fate, "why")])
    await here.sender(outlet).drain()
    await here.write(people, word="two")
    await here.sender(outlet).drain()
    assert len(outlet.went) == 1
    expected = "opted_out" if fate is Fate.OPTED_OUT else "blocked"
    assert (await here.rows())[1].state == expected


async def test_what_may_have_gone_out_goes_again_and_is_marked(here: Town) -> None:
    """No answer is no proof of either."""
    await here.write(await here.people(1))
    outlet = Recorder(script=[Outcome(Fate.UNKNOWN, "timeout")])
    await here.sender(outlet).drain()
    (row,) = await here.rows()
    assert (row.state, row.repeats, row.attempts, len(outlet.went)) == ("sent", 1, 2, 2)


async def test_where_a_report_will_tell_it_is_waited_for(here: Town) -> None:
    """A create at Twilio whose answer was lost is not sent a second time at once."""
    await here.write(await here.people(1))
    outlet = Recorder(script=[Outcome(Fate.UNKNOWN, "timeout")])
    await here.sender(outlet, reports=True).drain()
    (row,) = await here.rows()
    assert (row.state, row.repeats, len(outlet.went)) == ("unknown", 0, 1)
    assert row.rest_until > wall() + timedelta(minutes=2)


async def test_nothing_is_tried_for_ever(here: Town) -> None:
    """After so many tries a delivery waits for the operator, and says so."""
    await here.write(await here.people(1))
    async with here.database.begin() as connection:
        await connection.execute(update(tables.deliveries).values(attempts=MOST_TRIES - 1))
    await here.sender(Recorder(script=[Outcome(Fate.AGAIN, "5xx")])).drain()
    (row,) = await here.rows()
    assert (row.state, row.cause) == ("held", "5xx")


async def test_a_refused_account_stops_everything(here: Town) -> None:
    """What was taken is given back uncharged; nothing more is tried."""
    await here.write(await here.people(30))
    outlet = Recorder(rate=20, script=[Outcome(Fate.HALTED, "401")])
    async with at_work(here.sender(outlet)):
        await until(lambda: outlet.went)
        await asyncio.sleep(0.7)
    assert len(outlet.went) == 1
    assert await here.states() == {"pending": 30}
    assert {row.attempts for row in await here.rows()} == {0}


async def test_a_letter_that_cannot_be_worded_is_held(here: Town) -> None:
    """One broken row does not stop the others."""
    await here.write(await here.people(2))
    outlet = Recorder()
    sender = here.sender(outlet)
    word = sender._word

    def stumbling(parcel: Parcel, now: datetime) -> Letter:
        if parcel.address.id == "1000":
            raise KeyError(parcel.kind)
        return word(parcel, now)

    sender._word = stumbling
    await sender.drain()
    assert await here.states() == {"held": 1, "sent": 1}


async def test_a_row_that_cannot_be_opened_is_held(here: Town) -> None:
    """Nor one of a kind that is not known; the others go."""
    people = await here.people(3)
    await here.write(people[:2])
    await here.write(people[2:], kind="of_another_release")
    async with here.database.begin() as connection:
        spoilt = update(tables.addresses).where(tables.addresses.c.id == people[0])
        await connection.execute(spoilt.values(address=b"nonsense"))
    await here.sender(Recorder()).drain()
    assert {row.address_id: (row.state, row.cause) for row in await here.rows()} == {
        people[0]: ("held", "unreadable"),
        people[1]: ("sent", ""),
        people[2]: ("held", "wording"),
    }


async def test_what_never_left_costs_no_try(here: Town) -> None:
    """However long the messenger cannot be reached."""
    await here.write(await here.people(1))
    async with here.database.begin() as connection:
        await connection.execute(update(tables.deliveries).values(attempts=MOST_TRIES))
    outlet = Recorder(script=[Outcome(Fate.AGAIN, "unreached")])
    async with at_work(here.sender(outlet)):
        await until(lambda: outlet.went)
    (row,) = await here.rows()
    assert (row.state, row.attempts) == ("pending", MOST_TRIES)


async def test_what_was_late_and_is_another_process_now_is_not_sent(here: Town) -> None:
    """Its lease ran out while the records could not be reached."""
    await here.write(await here.people(1))
    outlet = Recorder()
    sender = here.sender(outlet)
    async with here.database.begin() as connection:
        later = wall() + timedelta(seconds=60)
        (parcel,) = await here.ledger.lease(
            connection, "telegram", 1, NOON, wall(), later, "another"
        )
    sender._late.append((parcel, sender._word(parcel, NOON)))
    await sender.drain(patience=1)
    assert outlet.went == []


async def test_quiet_hours_are_kept_while_it_waits(here: Town) -> None:
    """A reminder that is still in the queue at ten in the evening goes in the morning."""
    await here.write(await here.people(1))
    here.now = NOON.replace(hour=19, minute=30)
    outlet = Recorder()
    await here.sender(outlet).drain(patience=1)
    (row,) = await here.rows()
    assert (row.state, row.attempts, outlet.went) == ("pending", 0, [])
    assert row.due_at == NOON.replace(day=9, hour=6)


# --- the end, and faults -----------------------------------------------------------------------


async def test_told_to_stop_it_finishes_what_it_began(here: Town) -> None:
    """A call under way is waited for and written down; the rest is given back."""
    await here.write(await here.people(50))
    begun = asyncio.Event()

    async def slowly(_letter: Letter) -> None:
        begun.set()
        await asyncio.sleep(0.3)

    outlet = Recorder(rate=40, before=slowly)
    async with at_work(here.sender(outlet)):
        await begun.wait()
    states = await here.states()
    assert states["sent"] == len(outlet.went) > 0
    assert states["sending"] == 0
    assert sum(row.attempts for row in await here.rows()) == len(outlet.went)


async def test_what_a_killed_process_took_is_sent_by_another(here: Town) -> None:
    """After the lease, and marked: it may have gone out before."""
    await here.write(await here.people(3))
    async with here.database.begin() as connection:
        past = wall() - timedelta(seconds=1)
        taken = await here.ledger.lease(connection, "telegram", 2, NOON, past, past, "dead")
    assert len(taken) == 2
    outlet = Recorder()
    await here.sender(outlet).drain()
    assert await here.states() == {"sent": 3}
    assert sorted(row.repeats for row in await here.rows()) == [0, 1, 1]


async def test_a_start_tries_again_what_is_held(here: Town) -> None:
    """The operator has mended something, or so we hope."""
    await here.write(await here.people(1))
    await here.sender(Recorder(script=[Outcome(Fate.BROKEN, "400")])).drain()
    assert await here.states() == {"held": 1}
    await here.sender(Recorder()).drain()
    assert await here.states() == {"sent": 1}


async def test_what_another_process_holds_is_left_alone(here: Town) -> None:
    """Until its lease is over."""
    await here.write(await here.people(1))
    async with here.database.begin() as connection:
        later = wall() + timedelta(seconds=60)
        await here.ledger.lease(connection, "telegram", 1, NOON, wall(), later, "other")
    outlet = Recorder()
    await here.sender(outlet).drain(patience=1)
    assert outlet.went == []
    assert await here.states() == {"sending": 1}


@pytest.mark.sqlite("another holds the file's lock")
async def test_outcomes_outlive_a_database_that_is_away(tmp_path: Path) -> None:
    """What became of a letter is kept in mind until it can be written down."""
    async with town(f"sqlite:///{tmp_path / 'records.sqlite3'}") as here:
        await here.write(await here.people(1))
        file = tmp_path / "records.sqlite3"
        with closing(sqlite3.connect(file, isolation_level=None)) as other:

            async def lock(_letter: Letter) -> None:
                other.execute("BEGIN IMMEDIATE")

            outlet = Recorder(before=lock)
            async with at_work(here.sender(outlet)):
                await until(lambda: outlet.went)
                await asyncio.sleep(0.2)
                other.execute("ROLLBACK")
                await until(lambda: nothing_is(here, "sending"))
    assert len(outlet.went) == 1


async def test_a_report_that_comes_first_is_not_undone(here: Town) -> None:
    """Twilio may say "delivered" before the answer to the call is read."""
    await here.write(await here.people(1))

    async def report(letter: Letter) -> None:
        async with here.database.begin() as connection:
            await here.ledger.report(
                connection, letter.reference, "SM1", Post.DELIVERED, "", here.now
            )

    await here.sender(Recorder(before=report)).drain()
    (row,) = await here.rows()
    assert (row.state, row.provider_id) == ("delivered", "SM1")
