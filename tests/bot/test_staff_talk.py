"""The staff's part of the talk at the real desk: linked, written, counted, approved, stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.channels.base import Answer, picked
from bot.newsroom import counting
from bot.wording import Wording
from conversations.actions import LookUpPerson
from conversations.broadcasts import Role, Stage
from conversations.events import Address, Command, Picked
from conversations.newsroom import AudienceCounted, CountAudience
from conversations.state import Place
from storage import Asked, Audit, Broadcast, Broadcasts, Database, Staff, campaigns, marks, tables
from storage.entries import Post
from storage.people import People
from tests.bot.office import CHANNEL, DEADLINE, NOW, SCRIPT, Office, office, text

CODES = {Role.AUTHOR: "abcd-efg2", Role.APPROVER: "hjkm-npq3", Role.OPERATOR: "rstu-vwx4"}
NAMES = {Role.AUTHOR: "Nil", Role.APPROVER: "Ece", Role.OPERATOR: "Can"}
LETTER = "Sayın {ad},\n\nkartınızı eşleştirin. Son gün: {son_gun}"

Count = Callable[[CountAudience], Awaitable[AudienceCounted]]


def count_in(database: Database) -> Count:
    """Audiences as the house counts them."""
    return counting(database, Wording.load(), (CHANNEL,), DEADLINE, lambda: NOW)


@dataclass
class Shift:
    """A desk, and members who write to it, each by the name of their role."""

    desk: Office

    async def hire(self, role: Role) -> None:
        """Somebody is taken on and is given a code for their account."""
        staff = Staff(self.desk.vault)
        async with self.desk.database.begin() as conn:
            member = await staff.add(conn, NAMES[role], role, "hash", b"secret", NOW)
            await staff.offer_link(conn, member, CODES[role], NOW + timedelta(minutes=10))

    async def link(self, role: Role) -> Answer:
        return await self.say(role, f"/duyuru {CODES[role]}")

    async def say(self, role: Role, *texts: str) -> Answer:
        return await self.desk.talk(*texts, who=role)

    async def press(self, role: Role, label: str, on: Answer) -> Answer:
        """Press the button that says so."""
        buttons = [each for message in on.messages for each in message.buttons]
        (data,) = {each.data for each in buttons if each.label == label}
        event = picked(data)
        assert isinstance(event, Picked)
        return await self.desk.say(event, role)

    async def people(self, count: int) -> None:
        """So many citizens are known."""
        asked = [
            Asked(Address(CHANNEL, f"c{each}"), LookUpPerson(), NOW, "tr") for each in range(count)
        ]
        async with self.desk.database.begin() as conn:
            await People(self.desk.vault).keep_senders(conn, asked)

    @property
    def broadcasts(self) -> Broadcasts:
        return Broadcasts(Audit(self.desk.vault))

    async def broadcast(self, id: int = 1) -> Broadcast:
        async with self.desk.database.read() as conn:
            return await self.broadcasts.get(conn, id)

    async def run_it(self) -> None:
        """Start the first one as the console does, and let the conductor have counted it."""
        async with self.desk.database.begin() as conn:
            member = await Staff(self.desk.vault).find(conn, NAMES[Role.OPERATOR])
            assert member
            await self.broadcasts.start(conn, member, 1, NOW, NOW - timedelta(seconds=30))
            for seconds in (20, 0):
                at = NOW - timedelta(seconds=seconds)
                sample = campaigns.Sample(CHANNEL, at, 600 - seconds * 30, 540 - seconds * 27)
                await campaigns.keep_samples(conn, 1, [sample])
            outcomes = {
                (CHANNEL, Post.SENT, ""): 540,
                (CHANNEL, Post.BLOCKED, "403"): 60,
                (CHANNEL, Post.PENDING, ""): 1800,
            }
            await self.broadcasts.keep_count(conn, 1, outcomes, NOW)
            await conn.execute(update(tables.broadcasts).values(planned_at=NOW, planned=2400))

    async def audited(self) -> list[tuple[str, str]]:
        async with self.desk.database.read() as conn:
            found = await Audit(self.desk.vault).entries(conn)
        return [(each.who, each.act) for each in found][::-1]


@asynccontextmanager
async def on_shift(home: Path, **options: object) -> AsyncIterator[Shift]:
    """A desk with an author, an approver and an operator, whose accounts are linked."""
    async with office(home, **options) as desk:  # type: ignore[arg-type]
        shift = Shift(desk)
        for role in CODES:
            await shift.hire(role)
            await shift.link(role)
        yield shift


async def test_a_broadcast_from_its_first_word_to_its_pause(tmp_path: Path) -> None:
    """Written by one, approved by another, stopped by a third; each step is on the audit."""
    counts: list[Count] = []
    author, approver, operator = CODES

    async def count(errand: CountAudience) -> AudienceCounted:
        return await counts[0](errand)

    async with on_shift(tmp_path, count=count) as shift:
        counts.append(count_in(shift.desk.database))
        await shift.people(1200)

        menu = await shift.say(author, "/duyuru")
        asked = await shift.press(author, "Yeni duyuru", on=menu)
        assert text(asked).startswith("1/3 · Kime\nDuyuru kime gitsin?")
        await shift.press(author, "Herkes", on=asked)
        await shift.say(author, LETTER)
        review = await shift.say(author, "yok")
        assert f"Türkçe metin: {LETTER}" in text(review)
        assert "Sayın Değerli İstanbullu" not in text(review)
        assert "Sayın Ayşe Nur,\n\nkartınızı eşleştirin. Son gün: 15 Ocak 2021" in text(review)
        # The three members' own accounts are addresses like any other.
        assert "Şu an gönderilse 1.203 kişiye ulaşır:\nTelegram: 1.203" in text(review)
        done = await shift.press(author, "Onaya gönder", on=review)
        assert text(done).startswith("✓ Duyuru 1 onaya gönderildi.")
        assert (await shift.broadcast()).draft.title == "Sayın {ad},"

        menu = await shift.say(approver, "duyuru")
        assert "Onayınızı bekleyen duyuru sayısı: 1" in text(menu)
        listed = await shift.press(approver, "Onay bekleyenler", on=menu)
        seen = await shift.press(approver, "1 · Sayın {ad},", on=listed)
        assert "Duyuru 1 · onay bekliyor\nYazan: Nil\nKime: Herkes" in text(seen)
        assert LETTER in text(seen)
        assert "1.203" in text(seen)
        done = await shift.press(approver, "Onayla", on=seen)
        assert "Durumu: onaylandı." in text(done)
        assert (await shift.broadcast()).stage is Stage.APPROVED

        await shift.run_it()
        listed = await shift.press(
            operator, "Süren duyurular", on=await shift.say(operator, "duyuru")
        )
        seen = await shift.say(operator, "1")
        assert "İşlenen: 600 / 2.400\nGiden: 540\nUlaşmayan: 60" in text(seen)
        assert "Hız: saniyede 27" in text(seen)
        assert "Tahmini bitiş: 10 Ocak 2021, Pazar, 12:31" in text(seen)
        done = await shift.press(operator, "Durdur", on=seen)
        assert text(done).startswith("Duyuru 1 durduruldu.")
        assert (await shift.broadcast()).stage is Stage.PAUSED
        assert (await shift.audited())[3:] == [
            ("Nil", "broadcast.create"),
            ("Nil", "broadcast.submit"),
            ("Ece", "broadcast.approve"),
            ("Can", "broadcast.start"),
            ("Can", "broadcast.pause"),
        ]


async def test_the_code_is_taken_back(tmp_path: Path) -> None:
    """Its message is deleted, and the account is known by name."""
    async with office(tmp_path) as desk:
        shift = Shift(desk)
        await shift.hire(Role.AUTHOR)
        event = Command("duyuru", CODES[Role.AUTHOR], message="77")
        answer = await desk.say(event, Role.AUTHOR)
        assert text(answer).startswith("✓ Bu hesap artık Nil adına bağlı.")
        assert answer.retract == ("77",)
        assert (await desk.state(Role.AUTHOR)).blank
        assert await shift.audited() == [("Nil", "staff.link")]


async def test_a_registration_half_way_survives_a_shift(tmp_path: Path) -> None:
    """The member goes on where they were, and ends with a paired card."""
    async with office(tmp_path) as desk:
        shift = Shift(desk)
        await shift.hire(Role.AUTHOR)
        await shift.say(Role.AUTHOR, *SCRIPT[:6])
        await shift.link(Role.AUTHOR)
        await shift.say(Role.AUTHOR, "duyuru", "1", "1", "Merhaba", "yok", "evet")
        assert (await shift.broadcast()).stage is Stage.SUBMITTED
        back = await shift.say(Role.AUTHOR, "iptal")
        assert "Duyurulardan çıktınız." in text(back)
        assert "5/8 · E-posta" in text(back)
        done = await shift.say(Role.AUTHOR, *SCRIPT[6:])
        assert "Kaydedildi" in text(done)
        await desk.marks.flush()
        async with desk.database.read() as connection:
            counted = await marks.since(connection, NOW - timedelta(hours=1))
        # Only as a citizen: the shift between is no end of the form and no new beginning.
        assert (counted["consented"], counted["saved"], counted.get("left")) == (1, 1, None)


@pytest.mark.parametrize("fault", ["raises", "hangs", "nobody"])
async def test_without_a_count_the_review_is_there(tmp_path: Path, fault: str) -> None:
    """It is said that nobody could be counted, where somebody tried; the draft can be submitted."""

    async def count(errand: CountAudience) -> AudienceCounted:
        if fault == "raises":
            raise RuntimeError(errand.texts)
        await asyncio.Event().wait()
        raise AssertionError

    counter = None if fault == "nobody" else count
    async with on_shift(tmp_path, count=counter, errand_limit=0.05) as shift:
        review = await shift.say(Role.AUTHOR, "duyuru", "1", "1", "Merhaba", "yok")
        assert "Onaya gönder" in [each.label for each in review.messages[0].buttons]
        assert ("şu an sayamadım" in text(review)) is (fault != "nobody")
        done = await shift.press(Role.AUTHOR, "Onaya gönder", on=review)
        assert "Duyuru 1 onaya gönderildi." in text(done)


async def test_an_old_button_of_who_has_left_does_nothing(tmp_path: Path) -> None:
    """The button is the present one of their talk; the records say no."""
    async with on_shift(tmp_path) as shift:
        await shift.say(Role.AUTHOR, "duyuru", "1", "1", "Merhaba", "yok", "evet")
        seen = await shift.say(Role.APPROVER, "duyuru", "1", "1")
        async with shift.desk.database.begin() as conn:
            member = await Staff(shift.desk.vault).find(conn, NAMES[Role.APPROVER])
            assert member
            await Staff(shift.desk.vault).dismiss(conn, member, NOW)
        told = await shift.press(Role.APPROVER, "Onayla", on=seen)
        assert "çalışanları içindir" in text(told)
        assert (await shift.broadcast()).stage is Stage.SUBMITTED
        assert (await shift.desk.state(Role.APPROVER)).place is Place.NEW


async def test_a_citizen_beside_a_member_in_one_batch(tmp_path: Path) -> None:
    """Who asks for what does not mix: each gets the answer to their own question."""
    async with on_shift(tmp_path) as shift:
        await shift.desk.talk(*SCRIPT)
        mine, theirs, own = await asyncio.gather(
            shift.say(Role.APPROVER, "duyuru"),
            shift.desk.say("duyuru", "1001"),
            shift.desk.say("durum", "1001"),
        )
        assert "Onay bekleyenler" in [each.label for each in mine.messages[0].buttons]
        assert "çalışanları içindir" in text(theirs)
        assert "7301" in text(own)


async def test_guessing_is_braked_across_messages(tmp_path: Path) -> None:
    """The right code is of no use to who has just tried five wrong ones."""
    async with office(tmp_path) as desk:
        shift = Shift(desk)
        await shift.hire(Role.AUTHOR)
        for number in range(5):
            told = await desk.say(f"/duyuru zzzz-zzz{number + 2}", "9")
            assert "bağlayamadım" in text(told)
        assert "Bir saat sonra" in text(await desk.say(f"/duyuru {CODES[Role.AUTHOR]}", "9"))
        assert "adına bağlı" in text(await shift.link(Role.AUTHOR))
        state = await desk.state("9")
        assert (state.place, len(state.tries)) == (Place.NEW, 5)
        assert replace(state, tries=()).blank
