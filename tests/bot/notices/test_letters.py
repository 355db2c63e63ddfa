"""Notices in words: which sentence is said of what, and whether it can be followed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest

from bot.channels.base import Limits
from bot.notices.letters import SENTENCES, sentence, worded
from bot.notices.rules import Kind
from conversations.actions import Status
from conversations.calendar import ISTANBUL
from conversations.events import Said
from conversations.replies import Word
from conversations.understanding import command
from storage import Parcel
from tests.bot.notices.parcels import PARCEL
from tests.bot.notices.town import DEADLINE, WORDING

EXPIRES = replace(PARCEL, kind=str(Kind.CODE_EXPIRES), number="7301234567890123")
PAIRED = replace(PARCEL, about={"paired": True})


def istanbul(day: int, hour: int = 12) -> datetime:
    return datetime(2021, 1, day, hour, tzinfo=ISTANBUL)


def said(parcel: Parcel, now: datetime, locale: str = "tr") -> str:
    """The text of a notice on one line."""
    letter = worded(replace(parcel, locale=locale), WORDING, Limits(text=4096), now, DEADLINE)
    return " ".join(letter.text.split())


@pytest.mark.parametrize(
    ("parcel", "day", "key"),
    [
        (PARCEL, 8, "notice.deadline"),
        (PARCEL, 14, "notice.deadline.tomorrow"),
        (PAIRED, 8, "notice.deadline.renew"),
        (PAIRED, 14, "notice.deadline.renew.tomorrow"),
        (replace(PARCEL, about={"paired": False}), 8, "notice.deadline"),
    ],
)
def test_whose_code_is_of_no_use_is_asked_for_another(parcel: Parcel, day: int, key: str) -> None:
    """ "Devam" would show them the menu: nothing there is half-way."""
    assert sentence(parcel, istanbul(day), DEADLINE).key == key
    word = "HES güncelle" if "renew" in key else "devam"
    assert f"“{word}”" in said(parcel, istanbul(day))


@pytest.mark.parametrize(
    ("until", "day", "words"),
    [
        (istanbul(15, 0), 11, "14 Ocak 2021, Perşembe. Kalan gün: 3."),
        (istanbul(15, 0), 13, "süresi yarın doluyor"),
        (istanbul(14, 23), 11, "14 Ocak 2021, Perşembe. Kalan gün: 3."),
        (istanbul(15, 1), 11, "15 Ocak 2021, Cuma. Kalan gün: 4."),
    ],
)
def test_a_code_is_good_until_its_last_day(until: datetime, day: int, words: str) -> None:
    """What ends at midnight is of no use on the day that begins then."""
    assert words in said(replace(EXPIRES, valid_until=until), istanbul(day))


def test_the_deadline_itself_is_the_day_on_which_cards_close() -> None:
    assert "7 gün kaldı" in said(PAIRED, istanbul(8))
    assert "15 Ocak 2021, Cuma günü kapanıyor" in said(PAIRED, istanbul(8))


@pytest.mark.parametrize("status", [Status.UNPAIRED, Status.PASSIVE])
@pytest.mark.parametrize("kind", [Kind.CODE_LOST, Kind.CODE_EXPIRED])
def test_a_closed_card_is_said_to_be_closed(kind: Kind, status: Status) -> None:
    """However the code was lost."""
    parcel = replace(PARCEL, kind=str(kind), status=status, number="7301234567890123")
    closed = "toplu taşımaya kapandı" in said(parcel, istanbul(8))
    assert closed is (status is Status.PASSIVE)


@pytest.mark.parametrize("locale", WORDING.locales)
@pytest.mark.parametrize("key", sorted({word.key for word in SENTENCES} | {"notice.reminders"}))
def test_what_a_notice_tells_people_to_type_is_understood(key: str, locale: str) -> None:
    """Every quoted word is a command, in the notice's own language."""
    values: dict[str, object] = {"card": "0123", "days": 3, "deadline": DEADLINE, "until": DEADLINE}
    text = WORDING.text(Word(key, values), locale)  # type: ignore[arg-type]
    quoted = re.findall("“([^”]*)”", text)
    assert [word for word in quoted if not command(WORDING.hear(Said(word)))] == []
    assert quoted or "153" in text or key == "notice.returned"
