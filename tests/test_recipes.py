"""The README's three recipes, each performed on a toy, so that they stay true."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app import open_house, working
from bot.channels.base import Answer, FrontDesk, Inbound, Limits, written
from bot.channels.terminal import LIMITS
from bot.wording import Catalogue, Wording, read_catalogue
from conversations.engine import step
from conversations.events import Address, Said
from conversations.form import Field, Form
from conversations.parsers import person_name
from conversations.registration import FORMS, REGISTRATION
from conversations.state import State
from tests import homes, words

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)
ANSWERS = {
    "first_name": "ayşe nur",
    "last_name": "yılmaz",
    "identity_number": "10000000146",
    "birth_date": "1 şubat 1960",
    "email": "ayse@example.com",
    "card_number": "7301 2345 6789 0123",
    "phone": "0532 000 00 21",
    "hes_code": "A1B2-3456-78",
}


# --- add a field ------------------------------------------------------------------------------


@pytest.fixture
def with_district(monkeypatch: pytest.MonkeyPatch) -> Form:
    """Step 1: one line, at its place in the order."""
    fields = list(REGISTRATION.fields)
    fields.insert(4, Field("district", person_name))
    form = replace(REGISTRATION, fields=tuple(fields))
    monkeypatch.setitem(FORMS, form.name, form)
    return form


def test_a_new_field_is_named_until_it_has_sentences(with_district: Form) -> None:
    """Step 2: the catalogue test asks for exactly the new field's sentences."""
    known = {str(message.id) for message in words.read(words.CATALOGUES[0])}
    assert words.form_keys(with_district) - known == {
        f"{kind}.district" for kind in ("title", "ask", "again", "help", "why")
    }


def test_a_new_field_is_asked_reviewed_and_stored(with_district: Form) -> None:
    """Nothing but the declaration and its sentences makes the talk ask for it."""
    sentences = read_catalogue(Path("locales/tr/messages.po").resolve()) | {
        "title.district": "İlçe",
        "ask.district": "Hangi ilçede oturuyorsunuz?",
        "again.district": "İlçenizi yazın.",
        "help.district": "İlçe, adresinizdeki ilçedir.",
    }
    wording = Wording({"tr": Catalogue("tr", sentences, None)})
    answers = ["merhaba", "kabul ediyorum"]
    answers += [{**ANSWERS, "district": "fatih"}[f.name] for f in with_district.fields]
    state, said = State(), []
    for text in [*answers, "doğru", "onaylıyorum"]:
        turn = step(state, wording.hear(Said(text)), NOW)
        said += [message.text for message in wording.answer(turn.replies, "tr", LIMITS).messages]
        state = turn.state
    assert any(text.startswith("5/9 · İlçe\nHangi ilçede") for text in said)
    assert any("İlçe: Fatih" in text for text in said)
    assert turn.action is not None
    assert turn.action.answers["district"] == "Fatih"  # type: ignore[union-attr]


# --- add a channel ----------------------------------------------------------------------------


@dataclass
class Pigeon:
    """Step 1: a module with a name, limits, routes and run. This one carries slips of paper."""

    desk: FrontDesk
    name: str = "pigeon"
    limits: Limits = field(default_factory=lambda: Limits(text=200))
    flights: int = 0

    def routes(self) -> Sequence[object]:
        return ()

    async def run(self) -> None:
        """Pigeons come by themselves."""

    async def land(self, loft: str, slip: str) -> list[str]:
        self.flights += 1
        inbound = decode(loft, slip, self.flights)
        return encode(await self.desk.receive(inbound))


def decode(loft: str, slip: str, flight: int) -> Inbound:
    return Inbound(Address("pigeon", loft), str(flight), written(slip))


def encode(answer: Answer) -> list[str]:
    return [message.text for message in answer.messages]


async def test_a_new_channel_carries_a_whole_registration(tmp_path: Path) -> None:
    """Steps 1 and 2: the module, and a line where channels are listed."""
    async with open_house(homes.settings_in(tmp_path)) as house:
        pigeon = Pigeon(house.desk)
        async with working(house, [pigeon]):  # type: ignore[list-item]
            slips = ["merhaba", "kabul ediyorum", *ANSWERS.values(), "doğru", "onaylıyorum"]
            flights = [await pigeon.land("Fatih 7", slip) for slip in slips]
    assert flights[-1][0].startswith("✓ Kaydedildi.")
    assert all(len(text) <= 200 for texts in flights for text in texts)


# --- add a language ---------------------------------------------------------------------------


@pytest.fixture
def with_third_language(tmp_path: Path) -> Wording:
    """One catalogue copied, a few sentences translated."""
    for catalogue in words.CATALOGUES:
        shutil.copytree(catalogue.parent, tmp_path / catalogue.parent.name)
    shutil.copytree(words.ROOT / "locales" / "tr", tmp_path / "ku")
    path = tmp_path / "ku" / "messages.po"
    text = path.read_text("utf-8")
    for turkish, other in TRANSLATED.items():
        text = text.replace(f'msgstr "{turkish}"', f'msgstr "{other}"')
    path.write_text(text, "utf-8")
    return Wording.load(tmp_path)


TRANSLATED: Mapping[str, str] = {
    "Türkçe": "Kurdî",
    "Kabul ediyorum": "Qebûl dikim",
    "Size nasıl yardımcı olabilirim?": "Ez çawa dikarim alîkariya we bikim?",
}


def test_a_new_language_is_spoken_and_understood(with_third_language: Wording) -> None:
    """Its name switches to it, and its labels are understood when typed."""
    wording = with_third_language
    assert wording.locales == ("tr", "en", "ku")
    greeted = step(State(), wording.hear(Said("kurdî")), NOW)
    assert greeted.state.locale == "ku"
    agreed = step(greeted.state, wording.hear(Said("qebûl dikim")), NOW)
    assert agreed.state.consented
