"""Which notices a person wants: asked from the menu, by a word, at any point of the talk."""

from __future__ import annotations

import pytest

from conversations.actions import LookUpNotices, NoticesFound, SetNotices, SetReminders
from conversations.events import Picked
from conversations.state import Aside, Place
from tests.conversations.talking import Talk, agreed, asked_for, registered


def settings(*, reminders: bool = True, stopped: bool = False) -> Talk:
    """A known citizen who has just opened the settings."""
    talk = registered()
    talk.findings[LookUpNotices] = NoticesFound(reminders, stopped)
    return talk.say("bildirimler")


@pytest.mark.parametrize(
    ("reminders", "stopped", "key"),
    [
        (True, False, "reminded.ask"),
        (False, False, "unreminded.ask"),
        (True, True, "silent.ask"),
        (False, True, "silent.ask"),
    ],
)
def test_the_question_says_what_comes_at_present(reminders: bool, stopped: bool, key: str) -> None:
    talk = settings(reminders=reminders, stopped=stopped)
    assert (talk.keys, talk.choices) == ([key], ["accept", "refuse"])
    assert talk.actions == [LookUpNotices()]


def test_the_menu_has_them() -> None:
    assert registered().pick("notices").keys == ["reminded.ask"]


@pytest.mark.parametrize(
    ("text", "wanted", "key"),
    [
        ("1", True, "reminders.on"),
        ("evet", True, "reminders.on"),
        ("Hatırlatma istiyorum", True, "reminders.on"),
        ("2", False, "reminders.off"),
        ("hayır", False, "reminders.off"),
        ("hatırlatma istemiyorum", False, "reminders.off"),
    ],
)
def test_reminders_are_chosen(text: str, wanted: bool, key: str) -> None:
    """By number, by word, by label: the records are told, and the question is closed."""
    talk = settings().say(text)
    assert (talk.keys, talk.actions) == ([key], [SetReminders(wanted)])
    assert (talk.state.place, talk.state.aside) == (Place.MENU, Aside.NONE)


def test_everything_can_be_turned_on_again() -> None:
    """Who was told nothing at all hears of cards and of reminders."""
    talk = registered().say("dur")
    talk.findings[LookUpNotices] = NoticesFound(reminders=False, stopped=True)
    talk.say("bildirimler", "evet")
    assert (talk.actions, talk.keys) == ([SetReminders(True)], ["reminders.on"])
    assert talk.state.muted is False


def test_silence_may_stay() -> None:
    """Nothing is changed, and how to change it is told."""
    talk = settings(stopped=True).pick("refuse")
    assert (talk.actions, talk.keys) == ([], ["silent.kept"])


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("word", ["geri", "iptal", "menü", "menu", "ana menü"])
def test_the_question_can_be_left(word: str, stopped: bool) -> None:
    talk = settings(stopped=stopped).say(word)
    assert (talk.actions, talk.keys) == ([], ["menu.ask"])


def test_half_way_through_a_form_the_menu_is_left_for_the_form() -> None:
    """Its question comes again, and not that of the settings."""
    talk = asked_for("card_number").say("bildirimler", "menü")
    assert (talk.keys, talk.actions) == (["ask.card_number"], [])


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("hatırlatma istemiyorum", SetReminders(False)),
        ("hatırlatmaları kapat lütfen", SetReminders(False)),
        ("no reminders please", SetReminders(False)),
        ("bildirimleri aç", SetReminders(True)),
        ("remind me", SetReminders(True)),
        ("bildirimleri kapat", SetReminders(False)),
        ("bildirimleri durdur", SetReminders(False)),
        ("bildirim istemiyorum", SetReminders(False)),
        ("artık bildirim istemiyorum lütfen", SetReminders(False)),
        ("dur", SetNotices(False)),
        ("durdur", SetNotices(False)),
        ("çık", SetNotices(False)),
        ("yazmayın", SetNotices(False)),
        ("mesaj atmayın", SetNotices(False)),
        ("bildirim ayarları", LookUpNotices()),
        ("hatırlatma", LookUpNotices()),
        ("notifications", LookUpNotices()),
    ],
)
def test_a_wish_is_understood_from_anywhere(text: str, action: object) -> None:
    """Without opening the settings first; who speaks of notices gives up the reminders alone, and
    "stop" stays the word for nothing at all."""
    assert registered().say(text).actions == [action]
    assert asked_for("card_number").say(text).actions == [action]


def test_declining_reminders_promises_nothing_to_who_wants_nothing() -> None:
    """After "dur" it would be untrue to say that cards are still told of."""
    talk = registered().say("dur", "hatırlatma istemiyorum")
    assert (talk.keys, talk.actions, talk.state.muted) == (
        ["stopped"],
        [SetReminders(False)],
        True,
    )


def test_half_way_through_a_form_the_question_comes_again() -> None:
    """The answers stay, and the talk goes on where it was."""
    talk = asked_for("card_number").say("bildirimler")
    answers = talk.state.answers
    assert talk.pick("refuse").keys == ["reminders.off", "ask.card_number"]
    assert talk.state.answers == answers


def test_a_button_of_the_settings_grows_stale() -> None:
    """What was chosen once is not chosen again by an old button."""
    talk = settings()
    asked = talk.asked
    talk.pick("refuse")
    assert talk.do(Picked("accept", asked.field, asked.turn)).actions == []
    assert talk.keys[0] == "stale"


def test_a_stranger_has_nothing_to_choose() -> None:
    """Before the consent nothing is on record; after it there is."""
    assert Talk().say("merhaba", "bildirimler").actions == []
    assert agreed().say("bildirimler").actions == [LookUpNotices()]
