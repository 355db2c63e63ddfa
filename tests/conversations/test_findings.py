"""What becomes of what was found: refusals, verdicts, cards, people, languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from conversations.actions import (
    AskHesService,
    CardsFound,
    CodeChecked,
    KeepVerdict,
    LinkRefused,
    LinkSaved,
    LookUpCards,
    LookUpPerson,
    PersonFound,
    SaveLink,
    SetNotices,
    Status,
    Verdict,
    VerdictKept,
)
from conversations.calendar import ISTANBUL, today
from conversations.replies import Listing, Reply, Word
from conversations.state import Aside, Place
from tests.conversations.talking import (
    CARD,
    HOLDER,
    NOW,
    OTHER_CARD,
    STORED,
    TYPED,
    Talk,
    registered,
    reviewed,
)

UNTIL = NOW + timedelta(days=30)
LINKS = (CARD.link,)


# --- saving ---------------------------------------------------------------------------------


def test_saving_asks_whose_the_code_is() -> None:
    """The errand names the code, the holder and the links it is about."""
    talk = registered()
    assert talk.keys == ["saved", "saved.next"]
    assert talk.errand == AskHesService("A1B2345678", HOLDER, LINKS, (CARD.card,))


def test_a_suspended_card_is_said_to_stay_so() -> None:
    talk = reviewed()
    talk.findings[SaveLink] = LinkSaved((replace(CARD, status=Status.SUSPENDED),), HOLDER)
    assert "saved.suspended" in talk.pick("confirm", "accept").keys


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("card_taken", "card_number"),
        ("code_taken", "hes_code"),
        ("code_in_use", "hes_code"),
    ],
)
def test_a_refusal_asks_again_for_what_stands_in_the_way(code: str, name: str) -> None:
    """Everything else stays, the terms too; one new answer and the review lead to saving."""
    talk = reviewed()
    talk.findings[SaveLink] = LinkRefused(code)
    talk.pick("confirm", "accept")
    assert talk.keys == [f"refused.{code}", f"again.{name}"]
    assert talk.state.answers == {key: STORED[key] for key in STORED if key != name}
    talk.findings[SaveLink] = LinkSaved((CARD,), HOLDER)
    assert talk.say(TYPED[name]).state.place is Place.REVIEW
    assert talk.pick("confirm").keys == ["saved", "saved.next"]


def test_conflicting_details_lead_back_to_the_review() -> None:
    """Name or date: the person sees which, and everything typed is kept."""
    talk = reviewed()
    talk.findings[SaveLink] = LinkRefused("identity_conflict")
    talk.pick("confirm", "accept")
    assert talk.keys == ["refused.identity_conflict", "review.ask"]
    assert talk.state.answers == STORED


def test_a_question_that_was_not_put_is_put_at_the_next_word() -> None:
    """A process may die between the commit and the Ministry's answer."""
    talk = registered()
    asked = talk.errand
    assert talk.say("teşekkürler").errand == asked
    talk.learn(CodeChecked(LINKS, Verdict.UNCHECKED))
    assert talk.say("teşekkürler").errand is None
    assert talk.say("durum").errand == asked
    talk.learn(CodeChecked(LINKS, Verdict.VALID))
    assert talk.say("durum").errand is None


def test_a_person_who_is_not_known_any_more_registers() -> None:
    """An address that lost its person gets the whole form."""
    talk = registered()
    talk.findings[SaveLink] = LinkRefused("person_unknown")
    talk.say("hes güncelle", "C3D4567890")
    assert talk.keys == ["refused.person_unknown", "ask.first_name"]
    assert (talk.state.form, talk.state.known) == ("registration", False)


# --- verdicts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "key"),
    [
        (None, "code.valid"),
        (UNTIL, "code.valid_until"),
        (datetime(2070, 12, 30, tzinfo=UTC), "code.unlimited"),
    ],
)
def test_a_valid_code_is_said_to_be_so(until: datetime | None, key: str) -> None:
    checked = CodeChecked(LINKS, Verdict.VALID, until)
    talk = registered().learn(checked)
    assert (talk.keys, talk.actions) == ([key], [KeepVerdict(checked)])
    assert talk.state.place is Place.MENU


@pytest.mark.parametrize(
    ("until", "day"),
    [
        (datetime(2021, 1, 15, tzinfo=ISTANBUL), date(2021, 1, 14)),
        (datetime(2021, 1, 14, 23, tzinfo=ISTANBUL), date(2021, 1, 14)),
        (datetime(2021, 1, 15, 0, 1, tzinfo=ISTANBUL), date(2021, 1, 15)),
    ],
)
def test_what_ends_at_midnight_has_its_last_day_before(until: datetime, day: date) -> None:
    """After the pairing and in the list of cards."""
    talk = registered().learn(CodeChecked(LINKS, Verdict.VALID, until))
    (said,) = (reply for reply in talk.replies if isinstance(reply, Reply))
    assert today(_moment(said.params["until"])) == day
    talk.findings[LookUpCards] = CardsFound((replace(CARD, verified=True, valid_until=until),))
    (listed,) = (reply for reply in talk.say("durum").replies if isinstance(reply, Reply))
    cards = listed.params["cards"]
    assert isinstance(cards, Listing)
    state = cards.lines[0].params["code_state"]
    assert isinstance(state, Word)
    assert today(_moment(state.params["until"])) == day


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value


def test_a_silent_service_is_no_reproach() -> None:
    """Could not be checked yet: nothing is asked of the person."""
    talk = registered().learn(CodeChecked(LINKS, Verdict.UNCHECKED))
    assert (talk.keys, talk.state.place) == (["code.unchecked"], Place.MENU)


@pytest.mark.parametrize("verdict", [Verdict.NOT_FOUND, Verdict.EXPIRED, Verdict.MISMATCH])
def test_a_bad_code_is_asked_for_again_at_once(verdict: Verdict) -> None:
    """The next thing typed renews the code of the cards just saved."""
    checked = CodeChecked(LINKS, verdict)
    talk = registered().learn(checked)
    assert (talk.keys[0], talk.keys[-1]) == (f"code.{verdict}", "ask.hes_code")
    assert talk.actions == [KeepVerdict(checked)]
    assert talk.say("C3D4-5678-90").actions == [SaveLink({"hes_code": "C3D4567890"}, (CARD.card,))]
    assert talk.keys == ["renewed", "saved.next"]


def test_after_a_mismatch_restart_asks_everything() -> None:
    """The identity may be what is wrong, so "baştan" is the whole form."""
    talk = registered().learn(CodeChecked(LINKS, Verdict.MISMATCH)).say("baştan")
    assert (talk.state.form, talk.state.field) == ("registration", "first_name")


def test_a_cancelled_remedy_is_over() -> None:
    """What a mismatch allowed does not reach into the next form."""
    talk = registered().learn(CodeChecked(LINKS, Verdict.MISMATCH))
    assert talk.say("iptal", "kart ekle", "baştan").state.form == "add_card"


def test_a_bad_verdict_in_another_form_puts_the_question_again() -> None:
    """The person is in the middle of something else and must know what is asked."""
    talk = registered().say("kart ekle").learn(CodeChecked(LINKS, Verdict.NOT_FOUND))
    assert talk.keys[0] == "code.not_found"
    assert talk.keys[-1] == "ask.card_number"


def test_a_late_verdict_never_opens_another_card() -> None:
    """The code of card 1 is bad; card 2 was renewed since and must be left alone."""
    talk = registered()
    talk.findings |= {
        LookUpCards: CardsFound((CARD, OTHER_CARD)),
        SaveLink: LinkSaved((OTHER_CARD,), HOLDER),
    }
    talk.say("hes güncelle").pick("2").say("C3D4567890")
    talk.learn(CodeChecked(LINKS, Verdict.NOT_FOUND))
    assert (talk.state.form, talk.state.cards) != ("renew_code", (OTHER_CARD.card,))


def test_a_card_that_fell_back_to_its_old_code_is_not_renewed() -> None:
    """The bad code was undone, so nothing is owed."""
    checked = CodeChecked(LINKS, Verdict.NOT_FOUND)
    talk = registered()
    talk.findings[KeepVerdict] = VerdictKept(checked, restored=True)
    talk.learn(checked)
    assert (talk.keys, talk.state.place) == (["code.not_found", "code.restored"], Place.MENU)


# --- the known citizen ----------------------------------------------------------------------


def test_one_card_is_renewed_without_asking_which() -> None:
    talk = registered().say("hes güncelle")
    assert (talk.state.form, talk.state.cards) == ("renew_code", (CARD.card,))
    assert talk.say("C3D4567890").actions == [SaveLink({"hes_code": "C3D4567890"}, (CARD.card,))]


def test_of_several_cards_one_or_all_are_renewed() -> None:
    """One person's cards can be taken together."""
    for choice, cards in (("2", (2,)), ("all", (1, 2))):
        talk = registered()
        talk.findings[LookUpCards] = CardsFound((CARD, OTHER_CARD))
        assert talk.say("hes güncelle").choices == ["1", "2", "all"]
        assert talk.pick(choice).state.cards == cards


def test_cards_of_two_people_are_not_renewed_together() -> None:
    """A relative's card needs the relative's code."""
    talk = registered()
    talk.findings[LookUpCards] = CardsFound((CARD, replace(OTHER_CARD, holder="Bora")))
    assert talk.say("hes güncelle").choices == ["1", "2"]


def test_the_choice_of_a_card_can_be_left() -> None:
    talk = registered()
    talk.findings[LookUpCards] = CardsFound((CARD, OTHER_CARD))
    talk.say("hes güncelle", "geri")
    assert (talk.state.place, talk.state.aside) == (Place.MENU, Aside.NONE)


def test_a_relative_is_registered_in_his_own_name() -> None:
    """The whole form again, and the records are told it is not the sender."""
    talk = registered().pick("relative").say(*TYPED.values()).pick("confirm", "accept")
    (action,) = talk.actions
    assert isinstance(action, SaveLink)
    assert (action.relative, action.answers) == (True, STORED)
    assert talk.state.relative is False


def test_a_relative_is_asked_about_in_words_of_their_own() -> None:
    """Never "your name" where somebody else's is wanted, also after a wrong try."""
    talk = registered().pick("relative")
    assert talk.keys[-1] == "relative.first_name"
    assert talk.say("1").keys[-1] == "relative.first_name"
    talk.say(*TYPED.values()).pick("correct", "phone")
    assert talk.keys == ["relative.phone"]


def test_a_card_added_after_a_relatives_is_ones_own() -> None:
    """ "Kart ekle" names no card, so that the records take the sender's own person."""
    talk = registered().pick("relative")
    talk.findings[SaveLink] = LinkSaved((OTHER_CARD,), HOLDER)
    talk.say(*TYPED.values()).pick("confirm", "accept")
    talk.say("kart ekle", "7301000055556666", "E5F6789012").pick("confirm")
    answers = {"card_number": "7301000055556666", "hes_code": "E5F6789012"}
    assert talk.actions == [SaveLink(answers)]


def test_who_has_no_card_is_told_so() -> None:
    for word, kind, finding in (
        ("durum", LookUpCards, CardsFound(())),
        ("bilgilerim", LookUpPerson, PersonFound(None)),
    ):
        talk = registered()
        talk.findings[kind] = finding
        assert talk.say(word).keys[0] == "unpaired"


def test_inside_a_form_looking_is_possible_and_the_question_comes_again() -> None:
    talk = registered().say("kart ekle", "durum")
    assert talk.keys == ["status", "ask.card_number"]
    assert talk.say("hes güncelle").keys == ["menu.unfinished", "ask.card_number"]


def test_a_stranger_has_no_cards_to_look_up() -> None:
    talk = Talk().say("merhaba").pick("accept").say("durum")
    assert (talk.keys[0], talk.actions) == ("unpaired", [])


def test_a_language_is_chosen_and_the_talk_goes_on() -> None:
    talk = registered().say("kart ekle", "dil")
    assert talk.choices == ["tr", "en"]
    assert talk.pick("en").state.locale == "en"
    assert talk.keys == ["ask.card_number"]


def test_notices_are_stopped_from_the_menu() -> None:
    assert registered().say("dur").actions == [SetNotices(False)]
