"""The front desk on real records: batches, order, repeats, faults, errands."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from bot.channels.base import Answer, Unavailable
from bot.wording import Wording
from conversations.actions import AskHesService, CodeChecked, Errand, Verdict
from conversations.events import Address
from conversations.replies import Reply
from conversations.state import Place, State
from storage import KeyRing, Registry, tables
from storage.conversations import address_key
from tests.bot.office import (
    CARD,
    CHANNEL,
    DEADLINE,
    LIMITS,
    NOW,
    SCRIPT,
    Office,
    office,
    text,
)

UNTIL = datetime(2021, 6, 1, tzinfo=UTC)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    """A desk without an outside service."""
    async with office(tmp_path) as opened:
        yield opened


async def inbox(at: Office) -> int:
    """How many messages are kept."""
    async with at.database.read() as connection:
        counted = select(func.count()).select_from(tables.inbox)
        return int((await connection.execute(counted)).scalar_one())


# --- batches --------------------------------------------------------------------------------


async def test_what_arrives_together_is_one_transaction(desk: Office) -> None:
    """Fifty people at once: one commit, fifty answers."""
    answers = await asyncio.gather(*(desk.say("merhaba", str(who)) for who in range(50)))
    assert desk.database.commits == 1
    assert all(answer.messages for answer in answers)
    assert await inbox(desk) == 50


async def test_what_arrives_during_a_commit_waits_for_the_next(desk: Office) -> None:
    """No timer: the second batch is everything that came while the first was being written."""
    desk.database.hold()
    first = asyncio.create_task(desk.say("merhaba", "1"))
    await desk.database.inside.wait()
    others = [asyncio.create_task(desk.say("merhaba", str(who))) for who in range(2, 32)]
    await asyncio.sleep(0)
    assert not first.done()
    desk.database.gate.set()
    await asyncio.gather(first, *others)
    assert desk.database.commits == 2


async def test_nobody_is_answered_before_the_commit(desk: Office) -> None:
    """The answer exists, the commit does not: no answer."""
    desk.database.hold()
    waiting = asyncio.create_task(desk.say("merhaba"))
    await desk.database.inside.wait()
    assert not waiting.done()
    desk.database.gate.set()
    assert (await waiting).messages


# --- order ----------------------------------------------------------------------------------


async def test_one_persons_messages_are_taken_as_they_came(desk: Office) -> None:
    """A whole registration in one batch."""
    answers = await asyncio.gather(*(desk.say(line) for line in SCRIPT))
    assert desk.database.commits == 1
    assert "Kaydedildi" in text(answers[-1])
    assert (await desk.state()).known


async def test_the_messengers_order_counts_where_it_tells_one(desk: Office) -> None:
    """The same registration, delivered backwards."""
    numbered = list(enumerate(SCRIPT, 700))
    await asyncio.gather(*(desk.say(line, sequence=place) for place, line in reversed(numbered)))
    assert (await desk.state()).known


async def test_two_people_in_one_batch_do_not_meet(desk: Office) -> None:
    """Their lines alternate; each gets his own questions."""
    people = {"1": "ayşe", "2": "bora"}
    await asyncio.gather(
        *(desk.say(line, who) for line in ("merhaba", "evet") for who in people),
        *(desk.say(name, who) for who, name in people.items()),
    )
    names = [(await desk.state(who)).answers["first_name"] for who in people]
    assert names == ["Ayşe", "Bora"]


# --- the same message again -----------------------------------------------------------------


async def test_a_message_again_gets_the_same_answer_and_changes_nothing(desk: Office) -> None:
    """Much later, when the talk is elsewhere."""
    await desk.talk("merhaba", "evet")
    answer = await desk.say("ayşe", message="again")
    await desk.talk("yıldızoğlu", "10000000146")
    before = await desk.state()
    assert await desk.say("ayşe", message="again") == answer
    assert await desk.state() == before


async def test_a_message_twice_in_one_batch_is_stepped_once(desk: Office) -> None:
    """One commit for both and for their neighbours."""
    await desk.talk("merhaba", "evet")
    before = desk.database.commits
    first, second, neighbour = await asyncio.gather(
        desk.say("ayşe", message="twin"),
        desk.say("ayşe", message="twin"),
        desk.say("merhaba", "1002"),
    )
    assert first == second
    assert neighbour.messages
    assert (await desk.state()).field == "last_name"
    assert desk.database.commits == before + 1


async def test_a_message_again_after_a_restart(tmp_path: Path) -> None:
    """The inbox outlives the process."""
    ring = KeyRing.new()
    async with office(tmp_path, ring) as before:
        answer = await before.say("merhaba", message="first")
    async with office(tmp_path, ring) as after:
        assert await after.say("merhaba", message="first") == answer


async def test_the_same_id_of_another_person_is_another_message(desk: Office) -> None:
    """Message numbers are a chat's own."""
    await asyncio.gather(*(desk.say("merhaba", who, message="1") for who in ("1001", "1002")))
    assert await inbox(desk) == 2


# --- faults ---------------------------------------------------------------------------------


async def tamper(at: Office, who: str) -> None:
    """Somebody changes a sealed state in the file."""
    async with at.database.begin() as connection:
        await connection.execute(
            update(tables.conversations)
            .where(
                tables.conversations.c.address_key == address_key(at.vault, Address(CHANNEL, who))
            )
            .values(state=b"\x01" + b"x" * 60)
        )


def apology() -> str:
    """What is said when the fault is ours."""
    return text(Wording.load().answer((Reply("fault.ours"),), "", LIMITS[CHANNEL]))


@pytest.mark.parametrize(
    "poison",
    [
        None,
        State(place=Place.ASKING, form="registration", version=1, field="no such field"),
    ],
    ids=["sealed for another row", "a field there is not"],
)
async def test_one_bad_row_harms_no_neighbour(desk: Office, poison: bytes | State | None) -> None:
    """The one person gets an apology and keeps his row; everybody else is answered and kept."""
    for who in ("1", "2", "3"):
        await desk.talk("merhaba", "evet", who=who)
    if poison is None:
        await tamper(desk, "2")
    else:
        await desk.put(poison, "2")
    answers = await asyncio.gather(*(desk.say("ayşe", who) for who in ("1", "2", "3")))
    assert text(answers[1]) == apology()
    assert all(text(answers[place]) != text(answers[1]) for place in (0, 2))
    for who in ("1", "3"):
        assert (await desk.state(who)).answers == {"first_name": "Ayşe"}


@pytest.mark.parametrize("poison", [b"not json", b'{"place": "mars"}'])
async def test_who_stands_where_we_cannot_read_begins_anew(desk: Office, poison: bytes) -> None:
    """An apology each time would lock the person out for ever."""
    await desk.talk("merhaba", "evet")
    await desk.put(poison)
    assert "açık rıza" in text(await desk.say("devam"))
    await desk.say("evet")
    assert (await desk.state()).field == "first_name"


@pytest.mark.sqlite("another holds the file's lock")
async def test_a_locked_database_is_said_and_nothing_changes(tmp_path: Path) -> None:
    """Everybody gets Unavailable; when the lock is gone the same messages go through."""
    async with office(tmp_path, lock=0.1) as desk:
        await desk.talk("merhaba", "evet")
        with closing(sqlite3.connect(tmp_path / "hesbot.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = await asyncio.gather(
                *(desk.say("ayşe", who, message="m") for who in ("1001", "1002")),
                return_exceptions=True,
            )
            other.rollback()
        assert [type(error) for error in refused] == [Unavailable, Unavailable]
        assert (await desk.state()).answers == {}
        await desk.say("ayşe", message="m")
        assert (await desk.state()).answers == {"first_name": "Ayşe"}


async def test_who_had_to_yield_to_another_process_is_tried_again_at_once(desk: Office) -> None:
    """Once; whoever has to yield again may come again."""
    desk.database.yields = 1
    assert (await desk.say("merhaba", message="m")).messages
    desk.database.yields = 2
    with pytest.raises(Unavailable):
        await desk.say("evet", message="n")
    assert (await desk.say("evet", message="n")).messages
    assert (await desk.state()).field == "first_name"


async def test_callers_who_go_away_stop_nobody(desk: Office) -> None:
    """Some leave before their batch begins, some while it is being written."""
    desk.database.hold()
    during = asyncio.create_task(desk.say("merhaba", "1"))
    await desk.database.inside.wait()
    waiting = asyncio.create_task(desk.say("merhaba", "2"))
    stays = asyncio.create_task(desk.say("merhaba", "3"))
    await asyncio.sleep(0)
    during.cancel()
    waiting.cancel()
    desk.database.gate.set()
    assert (await stays).messages
    assert (await desk.say("merhaba", "4")).messages
    assert not desk.work.done()


async def test_the_batch_under_way_is_finished_when_the_desk_is_stopped(desk: Office) -> None:
    """It is committed and answered; what had not begun can be sent again."""
    desk.database.hold()
    under_way = asyncio.create_task(desk.say("merhaba", "1"))
    await desk.database.inside.wait()
    behind = asyncio.create_task(desk.say("merhaba", "2"))
    await asyncio.sleep(0)
    desk.work.cancel()
    await asyncio.sleep(0)
    desk.database.gate.set()
    assert (await under_way).messages
    with pytest.raises(Unavailable):
        await behind
    assert await inbox(desk) == 1


async def test_looking_changes_nothing(desk: Office) -> None:
    """A page that is read leaves no trace, and shows what the person would be asked."""
    await desk.talk("merhaba", "evet")
    kept = await inbox(desk)
    shown = text(await desk.desk.look(Address(CHANNEL, "1001")))
    assert "Adınız" in shown
    assert await inbox(desk) == kept


# --- errands --------------------------------------------------------------------------------


async def card_verdict(at: Office) -> Verdict | None:
    async with at.database.read() as connection:
        record = await Registry(at.vault, deadline=DEADLINE).card(connection, CARD, NOW)
    return record.link.verdict if record is not None and record.link is not None else None


async def register(at: Office) -> Answer:
    """The whole script; the answer to its last line, which is message "last"."""
    await at.talk(*SCRIPT[:-1])
    return await at.say(SCRIPT[-1], message="last")


async def test_what_an_errand_finds_joins_the_answer(tmp_path: Path) -> None:
    """Said at once, written down, and part of the answer when the message comes again."""
    asked: list[Errand] = []

    async def service(errand: Errand) -> CodeChecked:
        asked.append(errand)
        return CodeChecked(errand.links, Verdict.VALID, UNTIL)

    async with office(tmp_path, errand=service) as desk:
        answer = await register(desk)
        assert "Kaydedildi" in text(answer)
        assert "1 Haziran 2021" in text(answer)
        assert await card_verdict(desk) is Verdict.VALID
        assert await desk.say(SCRIPT[-1], message="last") == answer
    assert [(errand.hes_code, errand.holder.first_name) for errand in asked] == [
        ("A1B2345678", "Ayşe")
    ]


async def test_twins_do_one_errand(tmp_path: Path) -> None:
    """The last message comes twice at once; the service is asked once."""
    asked: list[Errand] = []

    async def service(errand: Errand) -> CodeChecked:
        asked.append(errand)
        return CodeChecked(errand.links, Verdict.NOT_FOUND)

    async with office(tmp_path, errand=service) as desk:
        await desk.talk(*SCRIPT[:-1])
        await asyncio.gather(*(desk.say(SCRIPT[-1], message="last") for _ in range(3)))
        assert len(asked) == 1
        assert (await desk.state()).form == "renew_code"


async def test_copies_wait_for_the_same_finding(tmp_path: Path) -> None:
    """However late a copy comes, it is told what the first is told."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def service(errand: Errand) -> CodeChecked:
        asked.set()
        await answered.wait()
        return CodeChecked(errand.links, Verdict.VALID, UNTIL)

    async with office(tmp_path, errand=service) as desk:
        first = asyncio.create_task(register(desk))
        await asked.wait()
        copy = asyncio.create_task(desk.say(SCRIPT[-1], message="last"))
        await asyncio.sleep(0)
        answered.set()
        assert await first == await copy
        assert "1 Haziran 2021" in text(await copy)


async def test_a_question_lost_with_its_process_is_put_at_the_repeat(tmp_path: Path) -> None:
    """The process died while the Ministry was asked; the messenger sends the message again."""
    ring, asked = KeyRing.new(), asyncio.Event()

    async def silent(errand: Errand) -> CodeChecked:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def service(errand: Errand) -> CodeChecked:
        return CodeChecked(errand.links, Verdict.VALID, UNTIL)

    async with office(tmp_path, ring, errand=silent) as desk:
        dying = asyncio.create_task(register(desk))
        await asked.wait()
        dying.cancel()
    async with office(tmp_path, ring, errand=service) as desk:
        answer = await desk.say(SCRIPT[-1], message="last")
        assert "Kaydedildi" in text(answer)
        assert "1 Haziran 2021" in text(answer)
        assert await card_verdict(desk) is Verdict.VALID
        assert await desk.say(SCRIPT[-1], message="last") == answer


async def test_nobody_waits_for_an_errand_in_a_transaction(tmp_path: Path) -> None:
    """While one person's code is being asked about, others are answered."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def service(errand: Errand) -> CodeChecked:
        asked.set()
        await answered.wait()
        return CodeChecked(errand.links, Verdict.VALID)

    async with office(tmp_path, errand=service) as desk:
        waiting = asyncio.create_task(register(desk))
        await asked.wait()
        assert (await desk.say("merhaba", "1002")).messages
        assert not waiting.done()
        answered.set()
        assert "Kaydedildi" in text(await waiting)


@pytest.mark.parametrize("fault", ["raises", "hangs"])
async def test_an_errand_that_fails_leaves_the_first_answer(tmp_path: Path, fault: str) -> None:
    """What was committed is said, whatever becomes of the errand."""

    async def service(errand: AskHesService) -> CodeChecked:
        if fault == "raises":
            raise RuntimeError(errand.hes_code)
        await asyncio.Event().wait()
        raise AssertionError

    async with office(tmp_path, errand=service, errand_limit=0.05) as desk:
        answer = await register(desk)
        assert "Kaydedildi" in text(answer)
        assert await desk.say(SCRIPT[-1], message="last") == answer
        assert (await desk.state()).known


async def test_a_finding_that_cannot_be_kept_leaves_the_first_answer(tmp_path: Path) -> None:
    """The person's row went bad while the service was asked."""
    at: list[Office] = []

    async def service(errand: Errand) -> CodeChecked:
        await tamper(at[0], "1001")
        return CodeChecked(errand.links, Verdict.VALID)

    async with office(tmp_path, errand=service) as desk:
        at.append(desk)
        assert "Kaydedildi" in text(await register(desk))


# --- two processes --------------------------------------------------------------------------


async def test_two_desks_on_one_file_share_order_and_inbox(tmp_path: Path) -> None:
    """Every message goes to both at once; each is stepped once, in order, and answered alike."""
    ring = KeyRing.new()
    async with office(tmp_path, ring) as one, office(tmp_path, ring) as two:
        for place, line in enumerate(SCRIPT):
            answers = await asyncio.gather(
                *(desk.say(line, message=f"m{place}") for desk in (one, two))
            )
            assert answers[0] == answers[1]
        assert (await one.state()).known
        assert (await one.state()) == (await two.state())
        assert await inbox(one) == len(SCRIPT)
