"""A broadcast on its way through the sender: what goes, in which order, in which words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot.channels.base import Fate, Letter, Outcome
from bot.clock import wall
from conversations.actions import Status
from conversations.broadcasts import Audience, Group
from storage import Broadcast, tables
from storage.people import Citizen, People
from tests.bot.notices.town import DEADLINE, Recorder, Town, at_work, town, until
from tests.storage.announcing import NOW, Newsroom

NIGHT = NOW + timedelta(hours=11)
"""23:00 in Istanbul."""
ORDERLY = 2.0
"""Messages a second: so few that one is taken at a time, and one that misses its slot on a slow
machine is not overtaken by the next."""


@dataclass
class Here:
    """A newsroom and a sender on the same records."""

    town: Town
    room: Newsroom

    async def send(self, outlet: Recorder) -> list[Letter]:
        """Everything that may go now; what went."""
        await self.town.sender(outlet).drain(patience=20, broadcasts=True)
        return [letter for _, letter in outlet.went]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    """An empty ledger, and somebody of each role."""
    async with town(home=tmp_path) as place:
        yield Here(place, await Newsroom.open(place.database, place.vault))


async def under_way(here: Here, people: int = 3, **facts: Any) -> Broadcast:
    await here.room.people(people)
    return await here.room.running(**facts)


class TestWhatGoes:
    """Of a broadcast that runs, to whoever it still concerns."""

    async def test_everybody_once(self, here: Here) -> None:
        """Each address gets one letter, and the ledger says so."""
        made = await under_way(here)
        letters = await here.send(Recorder())
        assert sorted(letter.to for letter in letters) == ["1000", "1001", "1002"]
        assert await here.room.states(made) == {"sent": 3}

    @pytest.mark.parametrize("stage", ["approved", "paused", "cancelled"])
    async def test_nothing_unless_it_runs(self, here: Here, stage: str) -> None:
        """Neither before it starts nor while it is stopped."""
        made = await under_way(here)
        async with here.town.database.begin() as conn:
            row = tables.broadcasts
            await conn.execute(update(row).where(row.c.id == made.id).values(stage=stage))
        assert await here.send(Recorder()) == []
        assert await here.room.states(made) == {"pending": 3}

    async def test_who_opts_out_meanwhile_is_spared(self, here: Here) -> None:
        """Row by row, whatever was planned; urgent ones reach who declined reminders alone."""
        made = await under_way(here)
        await here.room.mark(1, opted_out_at=NOW)
        await here.room.mark(2, reminders_off_at=NOW)
        assert [letter.to for letter in await here.send(Recorder())] == ["1002"]
        assert await here.room.states(made) == {"sent": 1, "opted_out": 1, "dropped": 1}

    async def test_who_is_concerned_no_more_is_spared(self, here: Here) -> None:
        """Whose card was paired since it was planned."""
        made = await under_way(here, audience=Audience(Group.UNFINISHED))
        await here.room.pair(1, Status.ACTIVE)
        assert {letter.to for letter in await here.send(Recorder())} == {"1001", "1002"}
        dropped = [row.cause for row in await here.room.rows(made) if row.state == "dropped"]
        assert dropped == ["no_longer_true"]

    async def test_nights_are_quiet(self, here: Here) -> None:
        """What is not urgent stays where it is, without being touched."""
        made = await under_way(here)
        here.town.now = NIGHT
        assert await here.send(Recorder()) == []
        assert {row.attempts for row in await here.room.rows(made)} == {0}

    async def test_what_is_urgent_goes_at_night(self, here: Here) -> None:
        """It got its second approval for that."""
        room = here.room
        await room.people(3)
        made = await room.submitted(urgent=True)
        another = await room.hire(room.approver.role, "another")
        for by in (room.approver, another):
            async with room.database.begin() as conn:
                await room.broadcasts.approve(conn, by, made.id, NOW)
        await room.plan(made, urgent=True)
        async with room.database.begin() as conn:
            await room.broadcasts.start(conn, room.operator, made.id, NOW, NOW)
        here.town.now = NIGHT
        assert len(await here.send(Recorder())) == 3

    async def test_a_doubtful_try_is_left_at_that(self, here: Here) -> None:
        """Unless the broadcast says that it is to go again."""
        made = await under_way(here, people=1)
        outlet = Recorder(script=[Outcome(Fate.UNKNOWN, "timeout")])
        await here.send(outlet)
        assert await here.room.states(made) == {"unknown": 1}
        again = await here.room.running(resend_unknown=True)
        outlet = Recorder(script=[Outcome(Fate.UNKNOWN, "timeout")])
        async with at_work(here.town.sender(outlet)):
            await until(lambda: len(outlet.went) == 2)
        assert [row.repeats for row in await here.room.rows(again)] == [1]


class TestOrder:
    """Suspensions, then what is urgent, then reminders, then the rest."""

    async def test_notices_go_before_it(self, here: Here) -> None:
        """Though it waited longer."""
        people = await here.room.people(2)
        await here.room.running()
        await here.town.write(people[:1], due_at=NOW)
        letters = await here.send(Recorder(rate=ORDERLY))
        assert [letter.name.partition(".")[0] for letter in letters] == [
            "notice",
            "broadcast",
            "broadcast",
        ]

    async def test_of_two_the_first_goes_first(self, here: Here) -> None:
        """The second waits until it is done."""
        await here.room.people(2)
        for text in ("İlk", "Sonraki"):
            await here.room.running(texts={"tr": text})
        slow = Recorder(rate=ORDERLY)
        texts = [letter.text.partition("\n")[0] for letter in await here.send(slow)]
        assert texts == ["İlk", "İlk", "Sonraki", "Sonraki"]


class TestWords:
    """The staff's text, with what belongs to the reader."""

    async def letter(self, here: Here, text: str, **facts: Any) -> Letter:
        await here.room.running(texts={"tr": text}, **facts)
        (letter,) = await here.send(Recorder())
        return letter

    async def named(self, here: Here, address: int, name: str) -> None:
        """Whose address that is."""
        key = here.town.vault.index("identity", name)
        people = People(here.town.vault)
        async with here.town.database.begin() as conn:
            citizen = Citizen(None, key, {"first_name": name, "identity_number": "10000000146"})
            facts = {"identity_key": key, "created_at": NOW, **people.sealed(citizen, NOW)}
            sealed = insert(tables.citizens).values(facts)
            number = await conn.scalar(sealed.returning(tables.citizens.c.id))
            known = update(tables.addresses).where(tables.addresses.c.id == address)
            await conn.execute(known.values(citizen_id=number))

    async def test_name_day_and_days_left(self, here: Here) -> None:
        """In the language's own way, and how to stop it below."""
        (person,) = await here.room.people(1)
        await self.named(here, person, "Ayşe Nur")
        letter = await self.letter(here, "{ad}, {kalan_gun} gün kaldı. Son gün: {son_gun}")
        first, _, below = letter.text.partition("\n\n")
        assert first == "Ayşe Nur, 7 gün kaldı. Son gün: 15 Ocak 2021, Cuma"
        assert below == "Hatırlatma istemezseniz “bildirimler” yazın."
        assert letter.values == ("Ayşe Nur", "7", "15 Ocak 2021, Cuma")
        assert datetime(2021, 1, 14, 21, tzinfo=NOW.tzinfo) == DEADLINE

    async def test_who_has_no_name_yet_is_addressed_all_the_same(self, here: Here) -> None:
        """Nobody reads a hole."""
        await here.room.people(1)
        letter = await self.letter(here, "Merhaba {ad},\nson hafta.")
        assert letter.text.startswith("Merhaba değerli yolcumuz,\n")

    async def test_what_is_urgent_offers_no_way_out(self, here: Here) -> None:
        """The line below is of reminders."""
        assert "bildirimler" in (await self.letter_to_one(here, urgent=False)).text
        assert "bildirimler" not in (await self.letter_to_one(here, urgent=True)).text

    async def letter_to_one(self, here: Here, *, urgent: bool) -> Letter:
        await here.room.people(1)
        made = await here.room.running()
        async with here.town.database.begin() as conn:
            row = tables.broadcasts
            await conn.execute(update(row).where(row.c.id == made.id).values(urgent=urgent))
        return (await here.send(Recorder()))[0]

    async def test_each_reads_their_language(self, here: Here) -> None:
        """Whose language has no text reads Turkish."""
        await here.room.people(1, locale="en")
        await here.room.people(1, first=2000, locale="tr")
        await here.room.running(texts={"tr": "Merhaba", "en": "Hello"})
        await here.room.running(texts={"tr": "Yalnız Türkçe"})
        letters = await here.send(Recorder())
        said = sorted((letter.to, letter.text.partition("\n")[0]) for letter in letters)
        assert said == [
            ("1000", "Hello"),
            ("1000", "Yalnız Türkçe"),
            ("2000", "Merhaba"),
            ("2000", "Yalnız Türkçe"),
        ]

    async def test_a_template_goes_with_its_letter(self, here: Here) -> None:
        """So WhatsApp's outlet needs no shelf for it."""
        await here.room.people(1, "whatsapp")
        made = await here.room.approved(templates={"tr": "HX" + "0" * 32})
        await here.room.plan(made, channels=("whatsapp",), templated=("tr",))
        async with here.town.database.begin() as conn:
            await here.room.broadcasts.start(conn, here.room.operator, made.id, NOW, NOW)
        (letter,) = await here.send(Recorder(name="whatsapp"))
        assert (letter.template, letter.open) == ("HX" + "0" * 32, False)


async def test_a_pause_holds_for_what_is_queued(here: Here) -> None:
    """Letters that wait for their slot go back, and none is charged for it."""
    made = await under_way(here, people=200)
    outlet = Recorder(rate=40)
    async with at_work(here.town.sender(outlet)):
        await until(lambda: len(outlet.went) >= 20)
        async with here.town.database.begin() as conn:
            await here.room.broadcasts.pause(conn, here.room.operator, made.id, NOW)
        paused = wall().timestamp()
        await until(lambda: _waits(here, made))
        await asyncio.sleep(0.3)
    assert [at for at in outlet.times if at > paused + 0.5] == []
    rows = await here.room.rows(made)
    assert {row.state for row in rows} == {"sent", "pending"}
    assert {row.attempts for row in rows if row.state == "pending"} == {0}


async def _waits(here: Here, made: Broadcast) -> bool:
    return not (await here.room.states(made))["sending"]


async def test_notices_by_hand_send_no_broadcasts(here: Here) -> None:
    """Whoever does a day's notices does not wait for two million people."""
    made = await under_way(here)
    outlet = Recorder()
    await here.town.sender(outlet).drain()
    assert (outlet.went, await here.room.states(made)) == ([], {"pending": 3})
