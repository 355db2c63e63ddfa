"""What a talk leaves to be counted: each step of the form once, each refusal by its code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from conversations.actions import LinkRefused, SaveLink
from conversations.engine import step
from conversations.events import Event, Picked, Said
from conversations.marking import marks
from conversations.registration import REGISTRATION
from conversations.state import State
from tests.conversations.talking import (
    NOW,
    TYPED,
    Talk,
    agreed,
    asked_for,
    registered,
    reviewed,
)

FIELDS = [field.name for field in REGISTRATION.fields]
WHOLE = Counter(["consented", *(f"answered:{name}" for name in FIELDS), "reviewed", "saved"])


class Marked(Talk):
    """A talk, and what is counted of it."""

    def __init__(self, state: State | None = None) -> None:
        super().__init__(state or State())
        self.marks: Counter[str] = Counter()

    def do(self, event: Event) -> Marked:
        before = self.state
        super().do(event)
        self.marks.update(marks(before, self.turn))
        return self


def marked(talk: Talk) -> Marked:
    """Go on from there and count."""
    return Marked(talk.state)


def whole() -> Marked:
    """A registration from the first word to the last."""
    talk = Marked()
    talk.say("merhaba").pick("accept").say(*TYPED.values()).pick("confirm", "accept")
    return talk


def test_a_registration_leaves_every_step_once() -> None:
    """The consent, the fields in the form's own names, the review, the end."""
    assert whole().marks == WHOLE


def test_before_the_consent_nothing_is_counted() -> None:
    """Neither the greeting nor a refusal of the consent."""
    talk = Marked()
    talk.say("merhaba").pick("full_text").pick("refuse")
    assert talk.marks == {}


@pytest.mark.parametrize("name", FIELDS)
def test_an_answer_counts_where_it_was_asked(name: str) -> None:
    """One field, one mark, and the review with the last."""
    talk = marked(asked_for(name))
    talk.say(TYPED[name])
    last = {"reviewed": 1} if name == FIELDS[-1] else {}
    assert talk.marks == {f"answered:{name}": 1, **last}


def test_what_is_left_out_is_an_answer() -> None:
    """No e-mail address: that step of the form is done."""
    talk = marked(asked_for("email"))
    talk.pick("none")
    assert talk.marks == {"answered:email": 1}


def test_going_back_counts_nothing_twice() -> None:
    """An answer given again, a correction at the review, the review seen again."""
    talk = marked(asked_for("birth_date"))
    talk.say("geri", TYPED["identity_number"])
    assert talk.marks == {}
    talk = marked(reviewed())
    talk.pick("correct", "phone").say("0532 000 00 22", "geri", TYPED["hes_code"])
    talk.pick("confirm").say("geri")
    assert talk.marks == {}


def test_a_doubt_counts_once_it_is_settled() -> None:
    """A mended number is no answer before its owner says yes."""
    talk = marked(asked_for("identity_number"))
    talk.say("1OOOOOOO146")
    assert talk.marks == {}
    talk.pick("yes")
    assert talk.marks == {"answered:identity_number": 1}


@pytest.mark.parametrize(
    ("name", "typed", "code"),
    [
        ("card_number", "7301 0000 1111 222", "card.length"),
        ("card_number", "10000000146", "mixed_up"),
        ("identity_number", "10000000145", "identity.checksum"),
        ("hes_code", "A1B2", "hes.length"),
    ],
)
def test_a_refusal_is_its_code(name: str, typed: str, code: str) -> None:
    """Every try counts, by the reason and without a sign of what was typed."""
    talk = marked(asked_for(name))
    talk.say(typed, typed)
    assert talk.marks == {f"refused:{name}:{code}": 2}


def test_the_registers_refusal_counts_at_its_field() -> None:
    """The card of somebody else; the number given instead is no first answer, nor its review."""
    talk = marked(reviewed())
    talk.findings[SaveLink] = LinkRefused("card_taken")
    talk.pick("confirm", "accept")
    assert talk.marks == {"refused:card_number:card_taken": 1}
    talk.say("7301 0000 3333 4444")
    assert talk.marks == {"refused:card_number:card_taken": 1}


def test_who_leaves_is_counted() -> None:
    """İptal in the form, and terms that are not accepted."""
    talk = marked(asked_for("phone"))
    talk.say("iptal")
    assert talk.marks == {"left": 1}
    talk = marked(reviewed())
    talk.pick("confirm", "refuse")
    assert talk.marks == {"left": 1}


def test_a_form_begun_anew_is_another_run() -> None:
    """Baştan, and again after iptal, when nobody asks for the consent a second time."""
    talk = marked(asked_for("identity_number"))
    talk.say("baştan", "ayşe")
    assert talk.marks == {"consented": 1, "answered:first_name": 1}
    talk = marked(agreed())
    talk.say("iptal").pick("register")
    assert talk.marks == {"left": 1, "consented": 1}


def test_a_relative_is_a_registration() -> None:
    """It runs the same form and is counted with it."""
    talk = marked(registered())
    talk.pick("relative").say(*TYPED.values()).pick("confirm", "accept")
    assert talk.marks == WHOLE


def test_the_short_forms_leave_only_their_end() -> None:
    """Another card and another code; refusals and answers there are no steps of the eight."""
    talk = marked(registered())
    talk.pick("add_card").say("1234", "7301 0000 3333 4444", "A1B2-3456-78").pick("confirm")
    assert talk.marks == {"added_card": 1}
    talk = marked(registered())
    talk.pick("renew_code").say("x", "C3D4-5678-90")
    assert talk.marks == {"renewed": 1}
    talk = marked(registered())
    talk.pick("renew_code").say("iptal")
    assert talk.marks == {}


def test_a_button_under_the_greeting_is_a_consent() -> None:
    """Who presses what was shown before anything was kept has begun."""
    before = State()
    turn = step(before, Picked("accept", "consent", 1), NOW)
    assert list(marks(before, turn)) == ["consented"]


def test_a_form_that_is_no_more_leaves_nothing() -> None:
    """A state of an older form is put right without being counted."""
    before = replace(asked_for("phone").state, form="registration_2019")
    turn = step(before, Said("0532 000 00 21"), NOW)
    assert list(marks(before, turn)) == []
