"""Forms as declarations: what derives from them, and what happens when they change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.wording import Wording
from conversations.actions import SetNotices, Value
from conversations.engine import step
from conversations.events import Opened, OptedOut, Said
from conversations.form import Form
from conversations.questions import code_help
from conversations.registration import ADD_CARD, FORMS, REGISTRATION, RENEW_CODE
from conversations.state import Place
from tests.conversations.talking import NOW, STORED, Talk, asked_for, registered, reviewed

WITHOUT_EMAIL = replace(
    REGISTRATION,
    version=2,
    fields=tuple(field for field in REGISTRATION.fields if field.name != "email"),
)


def use(monkeypatch: pytest.MonkeyPatch, form: Form) -> None:
    """The city deploys this form."""
    monkeypatch.setitem(FORMS, form.name, form)


def test_the_form_is_the_official_one() -> None:
    """Eight fields in the order of the announcement."""
    assert [field.name for field in REGISTRATION.fields] == list(STORED)
    assert [field.name for field in ADD_CARD.fields] == ["card_number", "hes_code"]
    assert [field.name for field in RENEW_CODE.fields] == ["hes_code"]


def test_a_form_of_some_fields_asks_no_contract_again() -> None:
    assert (ADD_CARD.consent, RENEW_CODE.consent, RENEW_CODE.review) == (None, None, False)


def test_the_review_masks_what_is_delicate() -> None:
    """No number stands there in full."""
    shown = repr(reviewed().replies[-1].params)
    assert "Ayşe Nur" in shown
    for name in ("identity_number", "card_number", "phone", "hes_code", "email"):
        assert str(STORED[name]) not in shown


# --- a form that changes under people's feet ------------------------------------------------


def test_a_field_that_went_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that still have a field stay; the review comes when nothing is missing."""
    talk = asked_for("hes_code")
    use(monkeypatch, WITHOUT_EMAIL)
    talk.do(Opened())
    assert "email" not in talk.state.answers
    assert talk.state.field == "hes_code"
    talk.say("A1B2-3456-78")
    assert talk.state.answers == {key: STORED[key] for key in STORED if key != "email"}


def older(talk: Talk, without: str) -> Talk:
    """The same talk under a form that did not have the field yet."""
    answers = {name: value for name, value in talk.state.answers.items() if name != without}
    talk.state = replace(talk.state, version=0, answers=answers)
    return talk


def test_a_field_that_came_is_asked_and_the_rest_kept() -> None:
    """Even somebody who stood before the contract is asked for what is new."""
    talk = older(reviewed().pick("confirm"), without="email").do(Opened())
    assert (talk.state.place, talk.state.field) == (Place.ASKING, "email")
    assert talk.say("ayse@example.com").state.place is Place.REVIEW
    assert talk.state.answers == STORED


def test_a_text_typed_for_an_older_form_answers_no_question_that_was_not_asked() -> None:
    """The surname that was asked must not become the new field's value."""
    talk = older(asked_for("last_name"), without="first_name").say("yıldızoğlu")
    assert talk.state.answers == {}
    assert talk.keys[-1] == "ask.first_name"


def test_an_opt_out_counts_even_when_the_form_changed() -> None:
    """A wish to be left alone answers no question, so no change can make it void."""
    for event in (OptedOut(text="STOP"), Said(text="dur")):
        talk = older(asked_for("last_name"), without="first_name").do(event)
        assert talk.actions == [SetNotices(False)]


def test_buttons_of_the_older_form_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody confirms a review that he has not seen."""
    talk = reviewed()
    old = talk.asked
    use(monkeypatch, replace(REGISTRATION, version=2))
    before = talk.state.turn
    talk.do(Opened())
    assert talk.state.turn > before
    assert talk.asked.turn != old.turn


def test_a_form_that_is_gone_leaves_its_person_in_the_menu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = registered().say("kart ekle")
    monkeypatch.delitem(FORMS, "add_card")
    talk.do(Opened())
    assert (talk.state.place, talk.state.known) == (Place.MENU, True)


# --- the SMS for this person ----------------------------------------------------------------


def sms(locale: str = "tr", **answers: Value) -> str:
    """The help with the SMS for somebody who has answered this."""
    reply = code_help(answers)
    return Wording.load().text(
        reply.params["sms"],  # type: ignore[arg-type]
        locale,
    )


def test_a_citizen_gets_the_finished_sms() -> None:
    """HES, number, the last four signs of the card's serial number, which we do not know."""
    said = sms(identity_number="10000000146", birth_date=STORED["birth_date"])
    assert "HES 10000000146" in said
    assert "1990" not in said


@pytest.mark.parametrize("number", ["97000000130", "98000000118", "99000000110"])
def test_a_foreigner_gets_the_sms_with_the_year_of_birth(number: str) -> None:
    assert f"HES {number} 1990" in sms(identity_number=number, birth_date=STORED["birth_date"])
    assert "1990" not in sms(identity_number=number)


def test_before_the_number_is_known_an_invented_sms_is_shown() -> None:
    assert "HES 10000000146 1234" in sms()


def test_only_the_finished_sms_is_delicate() -> None:
    """It holds the whole identity number, so its message is taken back later."""
    assert code_help({}).delicate is False
    assert code_help({"identity_number": "10000000146"}).delicate is True


def test_help_shows_the_sms_of_what_was_answered() -> None:
    talk = asked_for("hes_code").say("yardım")
    assert talk.keys == ["help.hes_code", "code_help", "commands", "ask.hes_code"]
    assert talk.replies[1].delicate


def test_help_before_consent_asks_for_nothing_personal() -> None:
    talk = Talk().say("merhaba", "yardım")
    assert talk.keys == ["help.consent", "consent.ask"]
    assert step(talk.state, Said(text="10000000146"), NOW).state.answers == {}
