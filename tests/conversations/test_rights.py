"""What a person may do about what is held of them."""

from __future__ import annotations

import pytest

from conversations.actions import (
    AmendPerson,
    ErasePerson,
    FindRecord,
    LookUpPerson,
    PersonErased,
    PersonFound,
    RecordRefused,
    Staying,
    WithdrawConsent,
)
from conversations.events import Picked
from conversations.rights import MOST_REFUSALS
from conversations.state import Aside, Place, State
from tests.conversations.talking import STORED, Talk, asked_for, registered

NUMBER = str(STORED["identity_number"])


def test_what_can_be_done_is_offered_after_what_is_held() -> None:
    """In the menu; inside a form the talk goes on."""
    assert registered().say("bilgilerim").choices == ["amend", "record", "withdraw", "erase"]
    assert "ask.last_name" in asked_for("last_name").say("bilgilerim").keys


@pytest.mark.parametrize("said", ["verilerimi sil", "Verilerimi silin lütfen", "delete my data"])
def test_erasing_is_asked_about_first(said: str) -> None:
    """Nothing is done until it is confirmed, and a number confirms nothing."""
    talk = registered().say(said)
    assert (talk.actions, talk.choices) == ([], ["confirm", "refuse"])
    assert talk.say("1").actions == []


def test_erased_is_a_stranger_and_hears_what_stays() -> None:
    """Nothing is left of where they stood."""
    talk = registered().say("verilerimi sil")
    talk.pick("confirm")
    assert talk.actions == [ErasePerson()]
    assert talk.keys == ["erased", *(f"erased.staying.{why}" for why in Staying)]
    assert talk.state.blank


def test_who_changes_their_mind_goes_on_where_they_were() -> None:
    """Also in the middle of a form, with the answers given so far."""
    talk = asked_for("email").say("verilerimi sil").pick("refuse")
    assert talk.keys[0] == "erase.kept"
    assert (talk.state.place, talk.state.field) == (Place.ASKING, "email")
    assert talk.state.answers


def test_somebody_we_have_not_met_can_ask_too() -> None:
    """Without consenting to anything first."""
    talk = Talk().say("verilerimi sil")
    assert talk.state.aside is Aside.ERASE
    talk.findings[ErasePerson] = PersonErased(False)
    assert talk.pick("confirm").keys == ["erased.nothing"]
    assert talk.state.blank


def test_consent_is_withdrawn() -> None:
    """After that they are nobody we talk to, until they begin anew."""
    talk = registered().say("rızamı geri al").pick("confirm")
    assert talk.actions == [WithdrawConsent()]
    assert (talk.keys, talk.state.blank) == (["withdrawn"], True)
    assert "notice" in talk.say("merhaba").keys


def test_an_answer_on_record_is_corrected() -> None:
    """One is picked, and all are reviewed before they are kept."""
    talk = registered().say("bilgilerimi düzelt")
    assert talk.choices == ["first_name", "last_name", "birth_date", "email", "phone"]
    talk.pick("email").say("yeni@example.com")
    assert talk.state.place is Place.REVIEW
    talk.pick("confirm")
    (action,) = talk.actions
    assert isinstance(action, AmendPerson)
    assert action.answers["email"] == "yeni@example.com"
    assert action.answers["first_name"] == STORED["first_name"]
    assert talk.keys == ["amended"]


def test_nothing_on_record_cannot_be_corrected() -> None:
    """It is said so."""
    talk = registered()
    talk.findings[LookUpPerson] = PersonFound(None)
    assert "unpaired" in talk.say("bilgilerimi düzelt").keys


def test_the_whole_record_wants_the_identity_number() -> None:
    """Then it comes as a file."""
    talk = registered().say("tüm kayıtlarım")
    assert talk.keys == ["record.check", "ask.identity_number"]
    talk.say(NUMBER)
    assert talk.actions == [FindRecord(NUMBER)]
    assert talk.keys == ["record.here", "record"]
    assert talk.replies[-1].file == "record.file_name"


def test_a_wrong_number_shows_nothing_and_three_close_it() -> None:
    """Parts of it stand in the summary; the rest should not be guessed."""
    talk = registered()
    talk.findings[FindRecord] = RecordRefused()
    for _ in range(MOST_REFUSALS - 1):
        assert talk.say("tüm kayıtlarım").say("17291716060").keys == ["record.refused"]
    assert talk.say("tüm kayıtlarım").say("17291716060").keys == ["record.closed"]
    assert talk.say("tüm kayıtlarım").keys == ["record.closed"]
    assert talk.state.form == ""


def test_the_menus_buttons_stay_good() -> None:
    """What is offered about the data takes nothing from the menu that was there before."""
    talk = registered().say("menü")
    menu = talk.asked
    talk.say("bilgilerim").do(Picked("status", menu.field, menu.turn))
    assert "status" in talk.keys


def test_coming_back_offers_the_menu() -> None:
    """Not what was open about the data."""
    talk = registered().say("bilgilerim").say("merhaba")
    assert talk.state.aside is Aside.NONE
    assert "status" in talk.choices


def test_older_states_have_no_refusals() -> None:
    """A state written before this was counted reads as none."""
    assert State().refusals == 0
