"""Whatever somebody of the staff does in their own part of the talk: the same holds as anywhere."""

from __future__ import annotations

from random import Random

from conversations.actions import Verdict
from conversations.events import Command, Event, Opened, OptedOut, Picked, Said, SentMedia
from conversations.state import Aside, Place, State
from tests.conversations.test_any_talk import SAYINGS, TEXTS, AnyTalk

WALKS, STEPS = 12, 40
OTHERWISE: tuple[Event, ...] = (
    *map(Said, ("duyuru", "iptal", "geri", "menü", "yardım", "dur", "12", "evet", "{kart_sonu}")),
    *map(Said, ("selam", "durum", "English", "Durdur", "Türkçe metin", "Merhaba {ad}, son gün")),
    *(Command("duyuru", "abcd-efg2"), Opened(), SentMedia("voice"), OptedOut(text="STOP")),
)
"""What else is done there."""


def step_of(state: State, machine: AnyTalk, chance: Random) -> Event:
    """Mostly an answer or a choice; now and then anything."""
    asked = machine.asked
    if chance.random() < 0.15:
        return chance.choice((*OTHERWISE, Said(chance.choice(SAYINGS))))
    if state.place is Place.ASKING and state.aside is Aside.NONE and asked.field in TEXTS:
        return Said(TEXTS[asked.field])
    if not asked.choices:
        return Said("duyuru")
    return Picked(chance.choice(asked.choices).id, asked.field, asked.turn)


def test_any_staff_talk() -> None:
    """Many members, each a long walk: nobody gets stuck, nothing is lost, and all of it is seen."""
    visited: set[tuple[Place, str]] = set()
    for number in range(WALKS):
        chance, machine = Random(number), AnyTalk()
        machine.meet(chance.choice(["approver", "author", "operator"]))
        for _ in range(STEPS):
            machine.hear(step_of(machine.state, machine, chance), chance.randrange(40))
            if machine.state.apart is not None:
                visited.add((machine.state.place, machine.state.field))
            while machine.errands and chance.random() < 0.7:
                machine.finish_errand((Verdict.VALID, None), chance.randrange(3))
    assert {place for place, _ in visited} >= {
        *(Place.STAFF, Place.ASKING, Place.REVIEW),
        *(Place.LISTED, Place.WAITING, Place.SEEN),
    }
    assert {field for _, field in visited} >= TEXTS.keys()
