"""The first twenty days of January 2021, day by day: who hears what, against a table by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from bot.notices.passes import Passes
from bot.notices.rounds import due
from bot.notices.rules import objection, waits_for_morning
from bot.services.hes_bulk import HesBulk
from conversations.actions import RecordConsent, SetNotices, SetReminders
from conversations.calendar import ISTANBUL
from conversations.events import Address
from storage import Conversations, Kept, Parcel, RiskChange, tables
from storage.upcoming import upcoming
from tests.bot.notices.town import DEADLINE, Town, town
from tests.fakes.hes import HesService as Ministry
from tests.storage.conftest import postgresql, url  # noqa: F401
from tests.storage.people import AYSE_ANSWERS, TERMS, Office

TABLE = {
    # Paired, with a code without an end.
    "ayşe": {},
    # Came in December and never paired a card.
    "bora": {1: "deadline", 8: "deadline", 12: "deadline", 14: "deadline", 15: "deadline_passed"},
    # The same, but came on the 10th.
    "cem": {12: "deadline", 14: "deadline", 15: "deadline_passed"},
    # Paired with a code that ended on the 12th at noon.
    "deniz": {
        5: "code_expires",
        9: "code_expires",
        11: "code_expires",
        12: "code_expired",
        13: "deadline",
        14: "deadline",
        15: "passive",
    },
    # Suspended in the night of the 6th, until the 16th at ten.
    "elif": {6: "suspended", 16: "returned"},
    # Suspended on the 7th, and released late in the evening of the 9th.
    "fatma": {7: "suspended", 10: "returned"},
    # Wanted to hear nothing any more on the 2nd.
    "gül": {1: "deadline"},
    # Wanted no reminders any more on the 5th.
    "hasan": {1: "deadline"},
    # Paired on the 8th, after the reminder.
    "ırmak": {1: "deadline", 8: "deadline"},
    # Came on the 3rd at one and left in the middle of the form.
    "jale": {
        3: "unfinished",
        8: "deadline",
        12: "deadline",
        14: "deadline",
        15: "deadline_passed",
    },
    # The same on the 4th, late in the evening.
    "kaan": {
        5: "unfinished",
        8: "deadline",
        12: "deadline",
        14: "deadline",
        15: "deadline_passed",
    },
    # Paired; the code was deleted on the 12th.
    "leyla": {13: "code_lost deadline", 14: "deadline", 15: "passive"},
    # Paired with a code that ended on the 15th at ten.
    "mert": {8: "code_expires", 12: "code_expires", 14: "code_expires", 15: "code_expired"},
    # Came on the 7th late in the evening and left in the middle of the form.
    "nur": {8: "deadline", 12: "deadline", 14: "deadline", 15: "deadline_passed"},
    # The same on the 14th at ten in the morning, the day of the last reminder.
    "oya": {14: "unfinished", 15: "deadline_passed"},
    # Came on the 15th, after the deadline.
    "pelin": {},
}

LOOKS = ("00:10", "03:00", "09:00", "10:30", "12:10", "16:00", "23:40")
"""When the days are looked at, Istanbul time."""

Event = Callable[[datetime], Awaitable[None]]


def at(day: int, time: str = "12:00", month: int = 1) -> datetime:
    year = 2020 if month == 12 else 2021
    hour, _, minute = time.partition(":")
    return datetime(year, month, day, int(hour), int(minute), tzinfo=ISTANBUL).astimezone(UTC)


class Story:
    """Sixteen people and what they do, and a note of what they hear."""

    def __init__(self, town: Town, ministry: Ministry) -> None:
        self.town = town
        self.ministry = ministry
        self.conversations = Conversations(town.vault)
        self.codes: dict[str, str] = {}
        self.heard: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.events: list[tuple[datetime, Event]] = []
        self._done: set[str] = set()

    def office(self, now: datetime) -> Office:
        return Office(self.town.database, self.town.registry, now)

    def when(self, moment: datetime, event: Event) -> None:
        self.events.append((moment, event))

    def comes(self, name: str, moment: datetime) -> None:
        """Is known from then on."""

        async def come(now: datetime) -> None:
            await self.office(now).ask(Address("telegram", name), RecordConsent((TERMS,)))

        self.when(moment, come)

    def pairs(self, name: str, moment: datetime, until: datetime | None = None) -> None:
        identity = f"1{list(TABLE).index(name):010}"
        self.codes[name] = code = self.ministry.give(identity, name, "Yılmaz", until)
        answers = AYSE_ANSWERS | {
            "first_name": name,
            "last_name": "Yılmaz",
            "identity_number": identity,
            "card_number": f"7301{identity:0>12}",
            "phone": None,
            "hes_code": code,
        }

        async def pair(now: datetime) -> None:
            await self.office(now).paired(Address("telegram", name), answers)

        self.when(moment, pair)

    def asks(self, name: str, moment: datetime, action: SetNotices | SetReminders) -> None:
        async def ask(now: datetime) -> None:
            await self.office(now).ask(Address("telegram", name), action)

        self.when(moment, ask)

    def leaves(self, name: str, moment: datetime) -> None:
        """Writes for the last time, with the form open."""
        address = Address("telegram", name)

        async def leave(now: datetime) -> None:
            async with self.town.database.begin() as connection:
                kept = [Kept(address, "1", b"")]
                steps = {address: "registration:email"}
                await self.conversations.keep(connection, {address: b"{}"}, kept, now, steps)

        self.comes(name, moment)
        self.when(moment, leave)

    def feed(self, name: str, moment: datetime, risky: bool, until: datetime | None = None) -> None:
        """The Ministry says so, and its service too."""

        async def take(now: datetime) -> None:
            self.ministry.mark(self.codes[name], "RISKY" if risky else "RISKLESS")
            change = RiskChange(f"{name}{now}", self.codes[name], risky, now, until)
            async with self.town.database.begin() as connection:
                await self.town.registry.risks.take(connection, [change], now)

        self.when(moment, take)

    def deleted(self, name: str, moment: datetime) -> None:
        async def delete(_now: datetime) -> None:
            self.ministry.delete(self.codes[name])

        self.when(moment, delete)

    def recovers(self, name: str, moment: datetime) -> None:
        """The service says so; the feed had told it before."""

        async def mark(_now: datetime) -> None:
            self.ministry.mark(self.codes[name], "RISKLESS")

        self.when(moment, mark)

    # --- time ---------------------------------------------------------------------------------

    async def live(self, passes: Passes, last: datetime) -> None:
        """Let the days pass, as the timetable and a sender would."""
        looks = [at(day, time) for day in range(1, 21) for time in LOOKS]
        for moment in sorted({moment for moment, _ in self.events} | set(looks)):
            if moment > last:
                break
            self.town.now = moment
            for when, event in self.events:
                if when == moment:
                    await event(moment)
            if moment in looks:
                await self._look(passes, moment)

    async def _look(self, passes: Passes, now: datetime) -> None:
        for each in due(now, DEADLINE):
            if each.name not in self._done:
                self._done.add(each.name)
                after: int | None = 0
                while after is not None:
                    after = (await passes.advance(each.what, now, now, after)).after
        await self._send(now)

    async def _send(self, now: datetime) -> None:
        ledger = tables.deliveries.c
        async with self.town.database.begin() as connection:
            found = await upcoming(connection, self.town.vault, now + timedelta(seconds=1), 0, 1000)
            for _, parcel in found:
                if waits_for_morning(parcel, now):
                    continue
                state = "sent" if self._hears(parcel, now) else "dropped"
                await connection.execute(
                    update(tables.deliveries).where(ledger.id == parcel.id).values(state=state)
                )

    def _hears(self, parcel: Parcel, now: datetime) -> bool:
        if parcel.opted_out or objection(parcel, now):
            return False
        day = now.astimezone(ISTANBUL).day
        self.heard[parcel.address.id][day].append(parcel.kind)
        return True


def told(story: Story) -> dict[str, dict[int, str]]:
    return {
        name: {day: " ".join(sorted(kinds)) for day, kinds in story.heard[name].items()}
        for name in TABLE
    }


def script(story: Story) -> None:
    """What happens to everybody."""
    for name in ("bora", "gül", "hasan", "ırmak"):
        story.comes(name, at(20, month=12))
    story.comes("cem", at(10))
    for name in ("ayşe", "elif", "fatma", "leyla"):
        story.pairs(name, at(28, month=12))
    story.pairs("deniz", at(25, month=12), until=at(12))
    story.pairs("mert", at(28, month=12), until=at(15, "10:00"))
    story.pairs("ırmak", at(8, "10:00"))
    story.feed("elif", at(6, "02:00"), True, until=at(16, "10:00"))
    story.recovers("elif", at(16, "10:00"))
    story.feed("fatma", at(7, "11:00"), True)
    story.feed("fatma", at(9, "23:30"), False)
    story.asks("gül", at(2), SetNotices(False))
    story.asks("hasan", at(5), SetReminders(False))
    story.leaves("jale", at(3, "13:00"))
    story.leaves("kaan", at(4, "21:00"))
    story.leaves("nur", at(7, "21:00"))
    story.leaves("oya", at(14, "10:00"))
    story.comes("pelin", at(15, "00:05"))
    story.deleted("leyla", at(12, "18:00"))


@pytest.mark.timeout(300)
async def test_who_hears_what_on_which_day(url: str) -> None:  # noqa: F811
    """As the table says, and nothing else."""
    async with town(url) as here, Ministry(clock=here.clock) as ministry:
        story = Story(here, ministry)
        script(story)
        async with HesBulk(ministry.base_url, "ibb", "parola", here.clock) as service:
            passes = Passes(
                here.database, here.registry, here.ledger, story.conversations, DEADLINE, service
            )
            await story.live(passes, at(21, "00:00"))
    assert told(story) == TABLE
