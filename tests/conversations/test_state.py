"""A State to plain data and back."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from conversations.actions import AskHesService, Holder
from conversations.state import Aside, Offer, Place, State, from_plain, to_plain

FULL: dict[str, Any] = {
    "place": Place.ASKING,
    "locale": "en",
    "turn": 7,
    "form": "registration",
    "version": 1,
    "field": "email",
    "answers": {"first_name": "Işıl", "last_name": None, "birth_date": date(1990, 2, 1)},
    "correcting": True,
    "aside": Aside.DOUBT,
    "doubt": date(1955, 12, 31),
    "doubt_code": "doubt.birth_date",
    "misses": 2,
    "consented": "2021-01",
    "accepted": "2021-01",
    "known": True,
    "muted": True,
    "relative": True,
    "cards": (1, 2),
    "errand": AskHesService("A1B2345678", Holder("10000000146", "Ayşe", None), (11, 12), (1, 2)),
    "told": True,
    "offers": (Offer("1", "2222"), Offer("1-2", "")),
    "remedy": True,
    "wanted": "status",
    "heard_at": datetime(2021, 1, 10, 9, 30, 15, 123456, tzinfo=UTC),
    "traces": ("17", "18"),
    "apart": State(
        Place.ASKING, form="registration", field="email", answers={"birth_date": date(1990, 2, 1)}
    ),
    "tries": (datetime(2021, 1, 10, 9, tzinfo=UTC),),
    "refusals": 2,
}


def test_every_part_of_a_state_survives_the_records() -> None:
    """Each value differs from a blank state's, so none can be forgotten unnoticed."""
    state = State(**FULL)
    assert set(FULL) == {field.name for field in fields(State)}
    assert not any(value == getattr(State(), name) for name, value in FULL.items())
    assert from_plain(json.loads(json.dumps(to_plain(state)))) == state


def test_a_blank_state_needs_nothing() -> None:
    assert to_plain(State()) == {}
    assert from_plain({}) == State()


def test_names_that_no_longer_exist_are_left_out() -> None:
    """Rows written by an older or a newer version can be read."""
    assert from_plain({"turn": 3, "colour": "blue"}) == State(turn=3)


def test_only_somebody_we_have_not_met_is_blank() -> None:
    assert State().blank
    assert State(locale="en").blank
    assert not State(place=Place.MENU).blank
    assert not State(tries=(datetime(2021, 1, 10, tzinfo=UTC),)).blank
