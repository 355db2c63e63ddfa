"""What was meant: buttons, numbers, labels, words, commands."""

from __future__ import annotations

import pytest

from bot.wording import Wording
from conversations.events import Command, Event, OptedOut, Picked, Said
from conversations.questions import (
    CONSENT_CHOICES,
    KEEP,
    KNOWN_MENU,
    NOTHING,
    REVIEW_CHOICES,
    TERMS_CHOICES,
)
from conversations.replies import Choice, Question, Word
from conversations.understanding import command, fits, language, picked

WORDING = Wording.load()
CONSENT = Question("consent", 3, CONSENT_CHOICES)
REVIEW = Question("review", 3, REVIEW_CHOICES)
TERMS = Question("terms", 3, TERMS_CHOICES)
MENU = Question("menu", 3, KNOWN_MENU)
EMAIL = Question("email", 3, (KEEP, NOTHING), Word("title.email"))


def said(text: str) -> Event:
    """The text as the wording has heard it."""
    return WORDING.hear(Said(text=text))


@pytest.mark.parametrize(
    ("text", "question", "choice"),
    [
        ("1", CONSENT, "accept"),
        ("2.", CONSENT, "refuse"),
        (" 3) ", CONSENT, "full_text"),
        ("4", CONSENT, ""),
        ("0", CONSENT, ""),
        ("Kabul ediyorum", CONSENT, "accept"),
        ("KABUL EDİYORUM", CONSENT, "accept"),
        ("kabul etmiyorum", CONSENT, "refuse"),
        ("evet", CONSENT, "accept"),
        ("EVETTTT", CONSENT, "accept"),
        ("hayır", CONSENT, "refuse"),
        ("metnin tamamı", CONSENT, "full_text"),
        ("I accept", CONSENT, "accept"),
        ("evet, doğru", REVIEW, "confirm"),
        ("hayır", REVIEW, "correct"),
        ("düzelt", REVIEW, "correct"),
        ("iptal", REVIEW, "cancel"),
        ("onaylıyorum", TERMS, "accept"),
        ("onaylamıyorum", TERMS, "refuse"),
        ("kart ekle", MENU, "add_card"),
        ("yok", EMAIL, "none"),
        ("evet", EMAIL, "keep"),
        ("aynı kalsın", EMAIL, "keep"),
        ("1", EMAIL, ""),
        ("ayşe", CONSENT, ""),
    ],
)
def test_a_choice_is_picked_by_number_label_or_word(
    text: str, question: Question, choice: str
) -> None:
    """In any Turkish spelling; beside a question that wants text a number is an answer."""
    assert picked(said(text), question) == choice


def test_a_label_two_choices_share_picks_neither() -> None:
    """Two cards that end alike are not told apart by their end."""
    alike = tuple(Choice(id, Word("card.choice", {"text": "2222"})) for id in ("1", "2"))
    assert picked(said("2222"), Question("card", 3, alike)) == ""
    assert picked(said("2222"), Question("card", 3, alike[:1])) == "1"


def test_a_button_counts_only_under_its_own_question() -> None:
    """Same field, same turn, and a choice that is on the table."""
    assert fits(Picked("accept", "consent", 3), CONSENT)
    for stale in (
        Picked("accept", "consent", 2),
        Picked("accept", "terms", 3),
        Picked("confirm", "consent", 3),
    ):
        assert not fits(stale, CONSENT)
        assert picked(stale, CONSENT) == ""
    assert not fits(Picked("accept", "consent", 3), None)


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Said(text="geri"), "back"),
        (Said(text="İPTAL lütfen"), "cancel"),
        (Said(text="yardim"), "help"),
        (Command("hes_guncelle"), "renew_code"),
        (Command("start"), "start"),
        (OptedOut(text="STOP"), "stop"),
        (Said(text="selam"), "greeting"),
        (Said(text="teşekkürler"), "thanks"),
        (Said(text="neden soruyorsunuz"), "why"),
        (Said(text="ne salak şey bu"), "anger"),
        (Said(text="salak@example.com"), ""),
        (Said(text="Yıldızoğlu"), ""),
        (Picked("help", "menu", 3), ""),
    ],
)
def test_commands_and_courtesies_are_understood(event: Event, name: str) -> None:
    assert command(event) == name


def test_a_language_is_known_by_its_own_name() -> None:
    assert language(said("english")) == "en"
    assert language(said("Türkçe")) == "tr"
    assert language(said("klingon")) == ""


def test_every_choice_we_offer_has_words_that_pick_it() -> None:
    """Its own label typed back picks it, in every language."""
    for question in (CONSENT, REVIEW, TERMS, MENU):
        for offered in question.choices:
            for locale in WORDING.locales:
                label = WORDING.text(offered.label, locale)
                assert picked(said(label), question) == offered.id, (label, locale)


def test_no_question_no_choice() -> None:
    assert picked(said("1"), None) == ""
    assert picked(said("1"), Question("email", 3)) == ""
