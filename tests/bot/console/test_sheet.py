"""What an author typed, read into a draft; what is refused, by its field."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bot.console.sheet import Sheet, read, sheet_of
from conversations.broadcasts import Audience, Group
from conversations.replies import Word

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)
LOCALES = ("tr", "en")
TEXTS = {"tr": "Merhaba {ad}", "en": ""}
TEMPLATE = "HX" + "a" * 32


def troubles(**facts: Any) -> dict[str, Word]:
    """What is refused of a sheet that is good but for this."""
    draft, found = read(Sheet(**{"texts": TEXTS, **facts}), LOCALES, lambda: NOW)
    assert (draft is None) == bool(found)
    return dict(found)


def test_a_full_sheet_is_read_and_written_back() -> None:
    """Every field comes through, and stands in the page again when it is opened once more."""
    sheet = Sheet(
        "Son hafta",
        {"tr": "Kartınızın sonu {kart_sonu}", "en": "Your card {kart_sonu}"},
        {"tr": TEMPLATE},
        "active",
        ("telegram", "whatsapp"),
        ("tr",),
        "2020-12-01",
        "2021-02-01",
        3,
        urgent=True,
        resend_unknown=True,
        failure_limit=12.5,
        starts_at="2021-01-09T10:30",
    )
    draft, found = read(sheet, LOCALES, lambda: NOW)
    assert found == {}
    assert draft is not None
    assert draft.audience == Audience(
        Group.ACTIVE,
        ("telegram", "whatsapp"),
        ("tr",),
        date(2020, 12, 1),
        date(2021, 2, 1),
        3,
    )
    assert draft.failure_limit == 0.125
    assert draft.starts_at == datetime(2021, 1, 9, 7, 30, tzinfo=UTC)
    assert sheet_of(draft) == sheet


@pytest.mark.parametrize(
    ("facts", "field", "key"),
    [
        ({"texts": {}}, "text.tr", "invalid.broadcast.empty"),
        ({"texts": {"tr": "{soyad}"}}, "text.tr", "invalid.broadcast.placeholder"),
        ({"texts": {**TEXTS, "en": "{ad"}}, "text.en", "invalid.broadcast.braces"),
        ({"texts": {"tr": "{kart_sonu}"}}, "text.tr", "invalid.broadcast.no_card"),
        ({"texts": {"tr": "a" * 905}}, "text.tr", "invalid.broadcast.long"),
        ({"templates": {"tr": "HX1"}}, "template.tr", "refusal.unsound"),
        ({"templates": {"en": TEMPLATE}}, "template.en", "refusal.unsound"),
        ({"not_told_days": 0}, "not_told_days", "refusal.unsound"),
        ({"not_told_days": 1.5}, "not_told_days", "refusal.unsound"),
        ({"failure_limit": None}, "failure_limit", "refusal.unsound"),
        ({"failure_limit": 101}, "failure_limit", "refusal.unsound"),
        ({"starts_at": "2021-01-08T12:00"}, "starts_at", "refusal.past"),
        ({"starts_at": "tomorrow"}, "starts_at", "console.broadcast.no_moment"),
        ({"registered_since": "2021-02-30"}, "registered_since", "console.broadcast.no_day"),
    ],
)
def test_a_refusal_stands_beside_its_field(facts: dict[str, Any], field: str, key: str) -> None:
    """And beside no other."""
    found = troubles(**facts)
    assert {name: word.key for name, word in found.items()} == {field: key}


def test_several_fields_are_told_at_once() -> None:
    """Nobody is sent round in circles."""
    found = troubles(texts={}, failure_limit=0, starts_at="2020-01-01T00:00")
    assert set(found) == {"text.tr", "failure_limit", "starts_at"}
