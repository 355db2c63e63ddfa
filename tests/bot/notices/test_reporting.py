"""What is reported of notices: the table, the records, and Twilio's disorder on the whole way."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from bot.channels.base import Fate, Letter, Outcome, Unavailable
from bot.channels.telegram_push import TelegramPush
from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp_api import TwilioLine
from bot.channels.whatsapp_errors import FATES, outcome_of
from bot.channels.whatsapp_push import WhatsAppPush
from bot.clock import wall
from bot.notices.letters import worded
from bot.notices.outcomes import CLOSED, MOST_TRIES
from bot.notices.reporting import SETTLING, Reach, Reports, settled
from conversations.events import Address
from storage import Post, Receipt, Settled, pace, tables
from storage.database import Patience
from tests import homes
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.running import webhook
from tests.bot.channels.turns import Turns, nobody
from tests.bot.notices.parcels import PARCEL
from tests.bot.notices.town import (
    DEADLINE,
    NOON,
    WORDING,
    Recorder,
    Town,
    at_work,
    town,
    until,
)
from tests.fakes.serving import serve
from tests.fakes.telegram import BotApi
from tests.fakes.twilio import ACCOUNT_SID, AUTH_TOKEN, SENDER, Answer, Person, TwilioApi

PUBLIC_URL = "https://bot.example.com"
REAL = NOON
TRIED = Receipt(1, 7, Post.SENT, "", "SM1", 1)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    """An empty town on SQLite."""
    async with town(home=tmp_path) as made:
        yield made


# --- the table --------------------------------------------------------------------------------


def rest(seconds: float = SETTLING.total_seconds()) -> Any:
    return REAL + timedelta(seconds=seconds)


def back(
    cause: str, seconds: float = SETTLING.total_seconds(), *, charged: bool = False
) -> Settled:
    """It goes again after so many seconds."""
    return Settled(1, Post.PENDING, cause, rest_until=rest(seconds), charged=charged)


STATUSES: list[tuple[str, str, Settled | None]] = [
    *((word, "", Settled(1, Post.SENT)) for word in ("accepted", "scheduled", "queued")),
    *((word, "", Settled(1, Post.SENT)) for word in ("sending", "sent")),
    ("delivered", "", Settled(1, Post.DELIVERED)),
    ("read", "", Settled(1, Post.READ)),
    ("failed", "", Settled(1, Post.FAILED, "failed")),
    ("undelivered", "", Settled(1, Post.FAILED, "undelivered")),
    ("canceled", "", Settled(1, Post.FAILED, "canceled")),
    ("undelivered", "99999", Settled(1, Post.FAILED, "other")),
    ("undelivered", "63032", Settled(1, Post.FAILED, "63032")),
    ("undelivered", "63024", Settled(1, Post.UNREACHABLE, "63024")),
    ("failed", "21610", Settled(1, Post.OPTED_OUT, "21610")),
    ("failed", "63041", Settled(1, Post.HELD, "63041")),
    ("failed", "63016", back("63016")),
    ("failed", "63018", back("63018", 600)),
    ("failed", "20429", back("20429")),
    ("failed", "63007", back("63007")),
    ("failed", "30008", back("30008", charged=True)),
    ("received", "", None),
    ("+905320000021", "63016", None),
]


@pytest.mark.parametrize(("status", "error", "became"), STATUSES)
def test_what_a_status_means(status: str, error: str, became: Settled | None) -> None:
    """Statuses and numbers mean what the table says; what is not known by name is not kept."""
    assert settled(TRIED, status, error, outcome_of, REAL) == became


def test_every_number_is_understood() -> None:
    """A refusal that comes late is dealt with like one that comes at once."""
    for number in FATES:
        became = settled(TRIED, "failed", number, outcome_of, REAL)
        assert became is not None
        assert became.cause == number


def test_nothing_is_tried_for_ever() -> None:
    """A template that is refused as free text was is held; a fault that stays is given up."""
    once = Receipt(1, 7, Post.SENT, CLOSED, "SM2", 2)
    assert settled(once, "failed", CLOSED, outcome_of, REAL) == Settled(1, Post.HELD, CLOSED)
    assert settled(once, "sent", "", outcome_of, REAL) == Settled(1, Post.SENT, CLOSED)
    often = Receipt(1, 7, Post.SENT, "", "SM2", MOST_TRIES)
    assert settled(often, "failed", "30008", outcome_of, REAL) == Settled(1, Post.HELD, "30008")


def test_a_closed_window_stays_closed() -> None:
    """What was refused as free text goes as a template next time, whatever we think we heard."""
    for last, is_open in (("", True), (CLOSED, False)):
        parcel = replace(PARCEL, last=last, heard_at=NOON)
        letter = worded(parcel, WORDING, WhatsAppPush.limits, NOON, DEADLINE)
        assert letter.open is is_open


# --- the records ------------------------------------------------------------------------------


async def sent(here: Town, provider_id: str = "SM1") -> str:
    """A delivery that went out; its key."""
    (who,) = await here.people(1, "whatsapp")
    await here.write([who], "whatsapp")
    async with here.database.begin() as conn:
        (parcel,) = await here.ledger.lease(conn, "whatsapp", 1, NOON, wall(), wall(), "w")
        done = Settled(parcel.id, Post.SENT, provider_id=provider_id)
        await here.ledger.settle(conn, [done], NOON)
    return parcel.key


async def address(here: Town) -> Any:
    async with here.database.read() as conn:
        return (await conn.execute(select(tables.addresses))).one()


def reports(here: Town) -> Reports:
    return Reports(here.database, here.ledger, here.clock, outcome_of)


@pytest.mark.parametrize(
    ("error", "state", "blocked", "opted_out"),
    [
        ("63024", "unreachable", NOON, None),
        ("63033", "opted_out", None, NOON),
        ("63032", "failed", None, None),
        ("63016", "pending", None, None),
    ],
)
async def test_what_a_failure_says_of_the_address(
    here: Town, error: str, state: str, blocked: Any, opted_out: Any
) -> None:
    """Who cannot be reached or wants nothing is not written to again."""
    await reports(here)(await sent(here), "SM1", "undelivered", error)
    (row,) = await here.rows()
    found = await address(here)
    assert (row.state, row.cause) == (state, error)
    assert (found.blocked_at, found.opted_out_at) == (blocked, opted_out)


async def test_an_old_failure_does_not_shut_an_address(here: Town) -> None:
    """What was delivered after all is no proof that nothing arrives."""
    key = await sent(here)
    for status, error in (("delivered", ""), ("undelivered", "63024")):
        await reports(here)(key, "SM1", status, error)
    assert await here.states() == {"delivered": 1}
    assert (await address(here)).blocked_at is None


async def test_reports_of_other_things_change_nothing(here: Town) -> None:
    """An unknown key, an unknown message, neither."""
    await sent(here)
    before = await here.rows()
    for reference, provider_id in (("other", "SM1"), ("", "SM2"), ("", "")):
        await reports(here)(reference, provider_id, "read", "")
    assert await here.rows() == before


async def test_without_a_key_the_message_is_enough(here: Town) -> None:
    """Where the address of the report could not carry one."""
    await sent(here)
    await reports(here)("", "SM1", "read", "")
    assert await here.states() == {"read": 1}


@pytest.mark.sqlite("another holds the file's lock")
async def test_old_news_waits_for_no_writer(here: Town, tmp_path: Path) -> None:
    """Most reports say nothing new, and those are only read."""
    key = await sent(here)
    with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await reports(here)(key, "SM1", "queued", "")
        other.execute("ROLLBACK")


@pytest.mark.sqlite("another holds the file's lock")
async def test_records_that_cannot_be_written(here: Town, tmp_path: Path) -> None:
    """The messenger is asked to come again, and the same report is then taken."""
    key, hasty = await sent(here), Patience(lock=0.05, statement=0.05)
    database = await homes.opened_in(tmp_path, patience=hasty)
    report = Reports(database, here.ledger, here.clock, outcome_of)
    reach = Reach(database, here.registry, here.clock)
    with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await report(key, "SM1", "read", "")
        with pytest.raises(Unavailable):
            await reach(Address("whatsapp", "1000"), False)
        other.execute("ROLLBACK")
    await report(key, "SM1", "read", "")
    await database.close()
    assert await here.states() == {"read": 1}


# --- the whole way ----------------------------------------------------------------------------


@asynccontextmanager
async def at_twilio(here: Town) -> AsyncIterator[tuple[TwilioApi, Person, WhatsAppPush]]:
    """Twilio, somebody who wrote, our status webhook with the records behind it, and the outlet."""
    async with TwilioApi(webhook=nobody()) as twilio:
        channel = WhatsApp(
            RecordingDesk(), auth_token=AUTH_TOKEN, public_url=PUBLIC_URL, report=reports(here)
        )
        outlet = WhatsAppPush(
            TwilioLine(ACCOUNT_SID, AUTH_TOKEN, twilio.base_url),
            sender=SENDER,
            status_url=f"{PUBLIC_URL}/whatsapp/status",
            templates=lambda *_: None,
            rate=60,
        )
        async with serve(Starlette(routes=list(channel.routes()))) as local, outlet:
            twilio.reroute(PUBLIC_URL, local)
            ayse = twilio.person("+1000")
            await ayse.say("merhaba")
            await twilio.idle()
            yield twilio, ayse, outlet


async def push(here: Town, outlet: WhatsAppPush, *, is_settled: bool = True) -> None:
    """One delivery to +1000, as the sender does it."""
    if not await here.rows():
        asked = await here.people(1, "whatsapp")
        await here.write(asked, "whatsapp")
    now = wall() + 2 * SETTLING
    async with here.database.begin() as conn:
        (parcel,) = await here.ledger.lease(conn, "whatsapp", 1, NOON, now, now, "w")
    outcome = await outlet.push(Letter("+1000", "x", "tr", "x", reference=parcel.key), Turns())
    if is_settled:
        done = Settled(parcel.id, Post.SENT, provider_id=outcome.provider_id or None)
        async with here.database.begin() as conn:
            await here.ledger.settle(conn, [done], NOON)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("is_settled", [True, False])
async def test_disorder_at_twilio(here: Town, seed: int, is_settled: bool) -> None:
    """Statuses shuffled and repeated, before or without the sender's own word, end at "read"."""
    async with at_twilio(here) as (twilio, _, outlet):
        twilio.shuffle_statuses(seed)
        twilio.repeat_statuses(2)
        await push(here, outlet, is_settled=is_settled)
        await twilio.idle()
    (row,) = await here.rows()
    assert (row.state, row.provider_id is not None) == ("read", True)
    assert {post.status for post in twilio.posts if "/status" in post.url} == {204}


@pytest.mark.parametrize("seed", range(6))
async def test_a_closed_window_in_disorder(here: Town, seed: int) -> None:
    """It goes back once, and what is said of the first message does not touch the second."""
    async with at_twilio(here) as (twilio, ayse, outlet):
        twilio.shuffle_statuses(seed)
        twilio.repeat_statuses(2)
        twilio.script([Answer(201, 63016)])
        await push(here, outlet)
        await twilio.idle()
        (row,) = await here.rows()
        assert (row.state, row.cause) == ("pending", CLOSED)
        assert row.rest_until > wall()
        await push(here, outlet)
        await twilio.idle()
    (row,) = await here.rows()
    assert (row.state, row.provider_id) == ("read", ayse.last.sid)


async def test_a_lost_answer_is_found_by_its_report(here: Town) -> None:
    """The create's answer never came, and the report says that it was sent."""
    async with at_twilio(here) as (twilio, ayse, outlet):
        twilio.script(["lost"])
        await push(here, outlet, is_settled=False)
        await twilio.idle()
    (row,) = await here.rows()
    assert (row.state, row.provider_id) == ("read", ayse.last.sid)


async def test_while_the_records_are_down_twilio_reports_again(here: Town) -> None:
    """503, and the address of the report makes Twilio insist."""
    failures: list[bool] = [True, True]
    inner = reports(here)

    async def report(*told: str) -> None:
        if failures:
            failures.pop()
            raise Unavailable
        await inner(*told)

    async with at_twilio(here) as (twilio, ayse, outlet):
        ayse.reads = False
        channel = WhatsApp(
            RecordingDesk(), auth_token=AUTH_TOKEN, public_url=PUBLIC_URL, report=report
        )
        async with serve(Starlette(routes=list(channel.routes()))) as local:
            twilio.reroute(PUBLIC_URL, local)
            await push(here, outlet)
            await twilio.idle()
    statuses: Sequence[int] = [post.status for post in twilio.posts if "/status" in post.url]
    assert statuses == [503, 503, 204, 204, 204]
    assert await here.states() == {"delivered": 1}


async def test_who_blocks_the_bot(here: Town) -> None:
    """Telegram tells, and then nothing is sent until it tells the contrary."""
    await here.people(1)
    reach = Reach(here.database, here.registry, here.clock)
    async with BotApi() as api, TelegramPush(api.token, api.base_url, rate=25):
        ayse = api.person(1000)
        async with webhook(api, RecordingDesk(), reach=reach):
            await ayse.block()
            await api.idle()
            assert (await address(here)).blocked_at == NOON
            await ayse.unblock()
            await api.idle()
    assert (await address(here)).blocked_at is None


async def test_a_failure_reported_before_the_answer_was_read_is_not_undone(here: Town) -> None:
    """The sender has yet to write down "sent" when "undelivered" is here; it goes out again."""
    (who,) = await here.people(1, "whatsapp")
    await here.write([who], "whatsapp")

    async def report(letter: Letter) -> None:
        await reports(here)(letter.reference, "SM1", "undelivered", "63010")

    answered = [Outcome(Fate.SENT, provider_id="SM1")]
    outlet = Recorder(name="whatsapp", before=report, script=answered)
    async with at_work(here.sender(outlet, reports=True)):
        await until(lambda: outlet.went)
    (row,) = await here.rows()
    assert (row.state, row.cause) == ("pending", "63010")


@pytest.mark.parametrize(("error", "seconds"), [("63038", 3000), ("63007", 200)])
async def test_a_reported_refusal_of_our_pace_slows_everybody_down(
    here: Town, error: str, seconds: float
) -> None:
    """It means the same whether it comes at once or as a report."""
    await reports(here)(await sent(here), "SM1", "failed", error)
    async with here.database.read() as connection:
        assert min(await pace.booked(connection, "whatsapp")) > wall().timestamp() + seconds
