"""Whatever happens, in any state: the engine takes a step, and what it says has words everywhere.

The rules that hold after every step are those of ``tests.conversations.test_any_talk``. An input is
a whole talk: each line is an event, its first byte says of which kind.
"""

from __future__ import annotations

from conversations.engine import step
from conversations.events import (
    Command,
    Delivered,
    Event,
    Opened,
    OptedOut,
    Picked,
    Said,
    SentMedia,
    SharedContact,
)
from tests.conversations.talking import NOW, TYPED
from tests.conversations.test_any_talk import PEOPLE, SAYINGS, WORDING, AnyTalk
from tests.fuzz.feeding import Target, main

MOST_EVENTS = 12
"""Of a talk; what comes after is left out."""
PERSONS = sorted(PEOPLE)


def steps(made: bytes) -> None:
    """The engine alone, as fast as it is asked for."""
    person, *lines = made.split(b"\n")[: MOST_EVENTS + 1]
    state = PEOPLE[PERSONS[sum(person) % len(PERSONS)]]
    for line in lines:
        if event := _event(line):
            state = step(state, WORDING.hear(event), NOW).state


def talk(made: bytes) -> None:
    """The same with the records' answers and all the rules; its time says nothing of one step."""
    person, *lines = made.split(b"\n")[: MOST_EVENTS + 1]
    machine = AnyTalk()
    machine.state = PEOPLE[PERSONS[sum(person) % len(PERSONS)]]
    for line in lines:
        if event := _event(line):
            machine.hear(event, sum(line) % 21)


def _event(line: bytes) -> Event | None:
    if not line:
        return None
    kind, text = line[0] % 16, line[1:].decode("utf-8", "replace")
    match kind:
        case 0:
            return Command(text)
        case 1:
            field, _, choice = text.partition(":")
            return Picked(choice, field, len(text))
        case 2:
            return SharedContact(text, own=len(text) % 2 == 0)
        case 3:
            return SentMedia(text)
        case 4:
            return OptedOut(text=text)
        case 5:
            return Opened()
        case 6:
            return Delivered(message=text)
    return Said(text=text, message="1")


def _typed(*words: str) -> bytes:
    return "\n".join(f"w{word}" for word in words).encode()


_ANSWERS = list(TYPED.values())
SEEDS = (
    b"new\n" + _typed("merhaba", "evet", *_ANSWERS),
    b"asked\n" + _typed(*_ANSWERS, "evet", "onayla"),
    *(person.encode() + b"\n" + _typed("durum", "geri", "iptal", "duyuru") for person in PERSONS),
    *(b"reviewing\n" + _typed(*SAYINGS[at : at + 8]) for at in range(0, len(SAYINGS), 8)),
    b"known\n0start\n1review:confirm\n2+905320000021\n3photo\n4STOP\n5\n6sent\n0durum",
)
TARGET = Target("engine", (steps, talk), SEEDS)

if __name__ == "__main__":
    main(TARGET)
