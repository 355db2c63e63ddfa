"""The way through a form: meeting, consent, answers, review, terms, and what comes in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from conversations.actions import LinkRefused, RecordConsent, SaveLink, SetNotices
from conversations.engine import step
from conversations.events import (
    Command,
    Delivered,
    Learned,
    Opened,
    OptedOut,
    Picked,
    Said,
    SentMedia,
    SharedContact,
)
from conversations.registration import CONSENT, NOTICE, TERMS
from conversations.replies import Word
from conversations.state import Aside, Place, State
from tests.conversations.talking import (
    NOW,
    STORED,
    TYPED,
    WORDING,
    Talk,
    agreed,
    asked_for,
    registered,
    reviewed,
)

HOUR = timedelta(hours=1)


# --- meeting and consent --------------------------------------------------------------------


@pytest.mark.parametrize(
    "event", [Opened(), Said(text="merhaba"), Command("start"), SentMedia("voice")]
)
def test_whoever_comes_is_greeted_told_and_asked(event: Opened) -> None:
    """However a person arrives, the notice comes before the consent and nothing else is asked."""
    talk = Talk().do(event)
    assert talk.keys == ["greeting", "notice", "consent.ask"]
    assert talk.state.place is Place.CONSENT
    assert talk.actions == []


def test_the_first_text_is_never_taken_for_an_answer() -> None:
    """Somebody who begins with his name has agreed to nothing yet."""
    assert Talk().say("Ayşe").state.answers == {}


def test_a_language_named_at_the_door_is_spoken() -> None:
    """The wording has read the label; the greeting comes in that language."""
    assert Talk().say("English", labels=frozenset({"locale:en"})).state.locale == "en"


def test_consent_is_written_down_before_anything_is_asked() -> None:
    """Notice and consent are recorded in the turn that asks the first question."""
    talk = agreed()
    assert talk.actions == [RecordConsent((NOTICE, CONSENT))]
    assert talk.keys == ["consent.thanks", "ask.first_name"]


def test_who_refuses_leaves_nothing_behind() -> None:
    """The state is blank again, so that no row is kept."""
    talk = Talk().say("merhaba").pick("refuse")
    assert talk.state.blank
    assert talk.state == State()
    assert talk.keys == ["consent.refused", "consent.elsewhere"]
    assert talk.actions == []


def test_a_button_under_the_greeting_counts_though_nothing_was_kept() -> None:
    """The page greets without writing; the answer to that greeting is an answer."""
    asked = Talk().do(Opened()).asked
    talk = Talk().do(Picked("accept", asked.field, asked.turn))
    assert talk.state.place is Place.ASKING


def test_a_raised_consent_version_is_asked_again_before_the_next_form() -> None:
    """A known citizen consents to the new text, then gets the form he wanted."""
    talk = registered()
    talk.state = replace(talk.state, consented="2020-01")
    assert talk.say("kart ekle").state.place is Place.CONSENT
    talk.pick("accept")
    assert (talk.state.form, talk.state.field) == ("add_card", "card_number")
    assert talk.state.consented == CONSENT.version


def test_a_known_citizen_who_refuses_the_new_consent_keeps_his_menu() -> None:
    """He stays known; only the form is not begun."""
    talk = registered()
    talk.state = replace(talk.state, consented="2020-01")
    talk.say("kart ekle").pick("refuse")
    assert (talk.state.place, talk.state.known) == (Place.MENU, True)


# --- answers --------------------------------------------------------------------------------


def test_eight_answers_are_kept_as_they_are_stored() -> None:
    """The whole form in the order of the declaration, then review, terms, save."""
    talk = reviewed()
    assert talk.state.answers == STORED
    talk.pick("confirm")
    assert talk.keys == ["terms.ask"]
    talk.pick("accept")
    assert talk.actions == [SaveLink(STORED, (), TERMS)]
    assert (talk.state.place, talk.state.known, talk.state.answers) == (Place.MENU, True, {})


def test_each_question_says_where_it_stands() -> None:
    """Progress derives from the declaration."""
    talk = agreed()
    for place, text in enumerate(TYPED.values(), 1):
        assert (talk.asked.step, talk.asked.of) == (place, 8)
        talk.say(text)


@pytest.mark.parametrize("name", TYPED)
def test_help_comes_with_the_third_wrong_try(name: str) -> None:
    """The first two say what is wrong and ask again; the third adds the longer help."""
    talk = asked_for(name)
    for _ in range(2):
        talk.say("qq7")
        assert f"help.{name}" not in talk.keys
        assert talk.keys[-1] == f"again.{name}"
    assert f"help.{name}" in talk.say("qq7").keys


def test_misses_are_forgotten_with_the_question() -> None:
    """Two slips at one question do not bring help at the next."""
    talk = asked_for("identity_number").say("qq7", "qq7", TYPED["identity_number"], "qq7")
    assert talk.state.misses == 1


@pytest.mark.parametrize(
    ("name", "text", "seen"),
    [
        ("card_number", "10000000146", "identity_number"),
        ("identity_number", "7301000011112222", "card_number"),
        ("card_number", "A1B2-3456-78", "hes_code"),
        ("hes_code", "7301 0000 1111 2222", "card_number"),
        ("phone", "ayse@example.com", "email"),
    ],
)
def test_a_number_in_the_wrong_place_is_named(name: str, text: str, seen: str) -> None:
    """Who sends 11 digits where 16 are asked is told which number that is."""
    talk = asked_for(name).say(text)
    assert talk.keys[0] == "invalid.mixed_up"
    assert talk.replies[0].params["seen"] == Word(f"title.{seen}")
    assert name not in talk.state.answers


@pytest.mark.parametrize("aside", ["dil", "1OOOOOOO146"])
@pytest.mark.parametrize("word", ["yardım", "neden", "komik değil", "aptal", "durum", "geri"])
def test_help_inside_an_aside_has_words(aside: str, word: str) -> None:
    """While a language or a doubt is on the table, everything can still be said."""
    assert asked_for("identity_number").say(aside, word).keys


# --- doubts ---------------------------------------------------------------------------------


def test_a_doubt_is_kept_only_after_a_yes() -> None:
    """O for 0: the value is shown in full and waits."""
    talk = asked_for("identity_number").say("1OOOOOOO146")
    assert talk.state.aside is Aside.DOUBT
    assert "identity_number" not in talk.state.answers
    assert talk.say("evet").state.answers["identity_number"] == "10000000146"


def test_a_doubt_declined_asks_again() -> None:
    """A no forgets the value."""
    talk = asked_for("identity_number").say("1OOOOOOO146", "hayır")
    assert talk.keys == ["doubt.declined", "again.identity_number"]
    assert (talk.state.doubt, talk.state.aside) == (None, Aside.NONE)


def test_a_doubt_can_be_answered_with_the_answer_itself() -> None:
    """Who types it once more properly need not say yes."""
    talk = asked_for("identity_number").say("1OOOOOOO146", "17291716060")
    assert talk.state.answers["identity_number"] == "17291716060"


def test_a_stray_word_in_a_doubt_keeps_the_doubt() -> None:
    """What was right is kept: the doubt is put again, and a yes to it counts."""
    talk = asked_for("identity_number").say("1OOOOOOO146", "123")
    assert talk.keys == ["invalid.identity.length", "doubt.identity_number"]
    assert talk.say("evet").state.answers["identity_number"] == "10000000146"


def test_a_readable_answer_in_a_doubt_replaces_it() -> None:
    """Whoever types the right number at once need not say no first."""
    talk = asked_for("identity_number").say("1OOOOOOO146", "17291716060")
    assert talk.state.answers["identity_number"] == "17291716060"


# --- back, keep, correct, restart, cancel ---------------------------------------------------


def test_back_keeps_everything_and_shows_the_answer_that_stands() -> None:
    """Three steps back and forward again with "aynı kalsın" changes nothing."""
    talk = asked_for("card_number").say("geri", "geri", "geri")
    assert talk.state.field == "identity_number"
    assert talk.asked.present == "100••••••46"
    assert talk.say("aynı kalsın").state.field == "card_number"
    assert talk.state.answers == {name: STORED[name] for name in list(TYPED)[:5]}


def test_back_at_the_first_question_says_so() -> None:
    assert agreed().say("geri").keys == ["back.first", "ask.first_name"]


def test_back_from_the_terms_leads_to_the_review() -> None:
    assert reviewed().pick("confirm").say("geri").state.place is Place.REVIEW


def test_correcting_asks_one_field_and_returns() -> None:
    """Düzelt, the field, the new answer, the review again."""
    talk = reviewed().pick("correct", "email").say("baska@example.com")
    assert talk.keys == ["corrected", "review.ask"]
    assert talk.state.answers == {**STORED, "email": "baska@example.com"}


def test_a_correction_can_be_abandoned() -> None:
    """Back and keep both return to the review with the old answer."""
    for word in ("geri", "aynı kalsın"):
        talk = reviewed().pick("correct", "email").say(word)
        assert (talk.state.place, talk.state.answers) == (Place.REVIEW, STORED)


def test_an_optional_answer_can_be_taken_out_in_a_correction() -> None:
    assert reviewed().pick("correct", "email", "none").state.answers["email"] is None


def test_restart_forgets_the_answers_but_not_the_consent() -> None:
    talk = asked_for("phone").say("baştan")
    assert (talk.state.answers, talk.state.field) == ({}, "first_name")
    assert talk.state.consented == CONSENT.version


def test_cancel_forgets_the_answers() -> None:
    talk = asked_for("phone").say("iptal")
    assert (talk.state.place, talk.state.answers, talk.keys) == (Place.MENU, {}, ["cancelled"])


def test_terms_refused_save_nothing() -> None:
    talk = reviewed().pick("confirm", "refuse")
    assert (talk.actions, talk.state.answers, talk.state.known) == ([], {}, False)


def test_someone_who_left_comes_back_to_the_question() -> None:
    talk = asked_for("card_number").do(Opened())
    assert talk.keys == ["resumed", "ask.card_number"]


# --- buttons, late messages -----------------------------------------------------------------


def test_a_stale_button_gets_the_present_question() -> None:
    """The button of an earlier question, of another turn, and one that never was."""
    talk = reviewed()
    old = talk.asked
    talk.pick("correct")
    for stale in (
        Picked("confirm", old.field, old.turn),
        Picked("email", "correct", talk.state.turn - 1),
        Picked("sultan", "correct", talk.state.turn),
    ):
        before = talk.state
        assert talk.do(stale).keys == ["stale", "correct.ask"]
        assert talk.state == before


def test_a_message_written_before_its_question_is_no_answer_to_it() -> None:
    """Two messages delivered in the wrong order: the older one changes nothing."""
    talk = asked_for("identity_number")
    talk.say("10000000146", written_at=NOW)
    before = talk.state
    assert talk.say("17291716060", written_at=NOW - HOUR).keys[0] == "late"
    assert talk.state == before
    assert talk.say("1.2.1990", written_at=NOW).state.field == "email"


def test_a_late_message_to_the_same_question_is_heard() -> None:
    """Only an answer that moved the talk makes older messages late."""
    talk = asked_for("identity_number").say("123", written_at=NOW)
    assert talk.say("10000000146", written_at=NOW - HOUR).state.field == "birth_date"


def test_the_answer_before_agrees_to_no_terms() -> None:
    """Brought once more by a messenger that tells no times; what is typed in earnest still does."""
    talk = reviewed().pick("confirm")
    assert talk.state.place is Place.TERMS
    before = talk.state
    assert talk.do(WORDING.hear(Said("Evet, doğru"))).keys == ["counted", "terms.ask"]
    assert talk.state == before
    talk.do(WORDING.hear(Said("evet")))
    assert talk.actions == [SaveLink(STORED, (), TERMS)]


def test_the_consent_once_more_is_nobodys_name() -> None:
    talk = asked_for("first_name")
    consent = WORDING.hear(Said("Kabul ediyorum"))
    assert talk.do(consent).keys == ["counted", "ask.first_name"]


def test_an_answer_with_its_time_is_judged_by_that() -> None:
    """Written after the question was put, it is an answer to it."""
    talk = reviewed().pick("confirm")
    talk.do(WORDING.hear(Said("Evet, doğru", written_at=NOW)))
    assert talk.actions == [SaveLink(STORED, (), TERMS)]


def test_an_opt_out_is_never_late() -> None:
    """A wish to be left alone counts whenever it was written."""
    talk = asked_for("identity_number").say("10000000146", written_at=NOW)
    talk.do(OptedOut(text="STOP", written_at=NOW - HOUR))
    assert talk.actions == [SetNotices(False)]


# --- contacts, media, opting out ------------------------------------------------------------


def test_ones_own_contact_answers_the_phone_question() -> None:
    talk = asked_for("phone").do(SharedContact("905320000021", own=True))
    assert talk.state.answers["phone"] == "+905320000021"


def test_another_persons_contact_does_not() -> None:
    talk = asked_for("phone").do(SharedContact("905320000021", own=False))
    assert talk.keys == ["contact.not_own", "ask.phone"]
    assert "phone" not in talk.state.answers


def test_a_contact_where_none_is_asked_changes_nothing() -> None:
    talk = asked_for("email")
    before = talk.state
    assert talk.do(SharedContact("905320000021", own=True)).keys[0] == "contact.unasked"
    assert talk.state == before


@pytest.mark.parametrize("kind", ["photo", "voice", "sticker", "location", "something new"])
def test_media_get_a_kind_word_and_the_question(kind: str) -> None:
    talk = asked_for("email").do(SentMedia(kind))
    assert talk.keys[0].startswith("media.")
    assert talk.keys[-1] == "ask.email"


def test_opting_out_stops_notices_and_keeps_the_form() -> None:
    """Inside a form STOP means notices; the answers stay."""
    talk = asked_for("email")
    before = talk.state
    assert talk.do(OptedOut(text="STOP")).actions == [SetNotices(False)]
    assert talk.state == replace(before, muted=True)


def test_who_starts_again_after_opting_out_gets_notices_again() -> None:
    """STOP and START are a pair."""
    talk = registered().do(OptedOut(text="STOP")).do(Command("start"))
    assert (talk.actions, talk.state.muted) == ([SetNotices(True)], False)


def test_iptal_inside_a_form_means_the_form_though_a_messenger_reads_it_as_opting_out() -> None:
    talk = asked_for("email").do(OptedOut(text="iptal"))
    assert (talk.actions, talk.keys) == ([], ["cancelled"])


def test_iptal_outside_a_form_opts_out() -> None:
    assert registered().do(OptedOut(text="iptal")).actions == [SetNotices(False)]


def test_who_opts_out_at_the_door_is_not_greeted() -> None:
    talk = Talk().do(OptedOut(text="STOP"))
    assert (talk.keys, talk.state.blank) == (["stopped"], True)


# --- what is taken back ---------------------------------------------------------------------


def test_messages_with_identity_numbers_are_taken_back_at_the_end() -> None:
    """The answers to sensitive fields, refused tries too, and our own SMS text."""
    talk = Talk().say("merhaba").pick("accept")
    for name, text in TYPED.items():
        talk.say(text, message=f"m-{name}")
        if name == "identity_number":
            talk.do(Delivered(message="sms"))
    talk.pick("confirm", "accept")
    expected = {"m-identity_number", "sms", "m-card_number", "m-phone", "m-hes_code"}
    assert expected <= set(talk.retracted)
    assert "m-first_name" not in talk.retracted
    assert talk.state.traces == ()


def test_a_number_typed_at_the_wrong_question_is_taken_back_too() -> None:
    talk = asked_for("email").say("10000000146", message="slip").say("iptal")
    assert talk.retracted == ("slip",)


def test_at_most_a_hundred_messages_are_taken_back() -> None:
    """deleteMessages takes no more; the newest are taken."""
    talk = asked_for("identity_number")
    for number in range(130):
        talk.say("123", message=str(number))
    assert talk.say("iptal").retracted == tuple(str(number) for number in range(30, 130))


def test_a_refused_link_keeps_the_traces_for_later() -> None:
    talk = reviewed()
    talk.findings[SaveLink] = LinkRefused("card_taken")
    talk.do(Delivered(message="sms")).pick("confirm", "accept")
    assert (talk.retracted, talk.state.traces) == ((), ("sms",))


def test_a_finding_is_learned_by_a_blank_state_without_harm() -> None:
    """The action of a first word finds something while nothing is kept."""
    talk = Talk().do(OptedOut(text="STOP"))
    assert step(talk.state, Learned(talk.findings[SetNotices]), NOW).replies == ()
