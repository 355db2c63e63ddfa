"""Choices in writing beside the buttons, and sentences as messengers keep them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.channels.base import Limits
from bot.wording import Template, Wording, cut
from conversations.questions import question
from conversations.replies import Reply, Word
from conversations.state import Aside, Place, State

WORDING = Wording.load()
NUMBERS = Limits(text=1600)
BOTH = Limits(text=1600, buttons=10, plain=True)
STATES = (
    State(Place.CONSENT),
    State(Place.TERMS, form="registration"),
    State(Place.ASKING, form="registration", field="email"),
    State(Place.ASKING, form="registration", field="first_name"),
    State(Place.REVIEW, form="renew_code", answers={"hes_code": "A1B2345678"}),
    State(Place.REVIEW, form="registration", field="email", aside=Aside.CORRECT),
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: f"{state.place}-{state.field}")
def test_what_is_written_is_what_was_written_before(state: State) -> None:
    """Who cannot show the buttons says just what a messenger without any says."""
    replies = [question(state)]
    (numbered,) = WORDING.answer(replies, "tr", NUMBERS).messages
    (both,) = WORDING.answer(replies, "tr", BOTH).messages
    assert (both.plain or both.text) == numbered.text
    assert bool(both.plain) is bool(both.buttons)
    assert numbered.plain == ""


def test_where_buttons_are_sure_nothing_is_written() -> None:
    (message,) = WORDING.answer([question(STATES[0])], "tr", Limits(4096, 10, 64)).messages
    assert len(message.buttons) == 3
    assert message.plain == ""


def test_more_choices_than_buttons_are_written_only() -> None:
    limits = Limits(text=1600, buttons=2, plain=True)
    (message,) = WORDING.answer([question(STATES[0])], "tr", limits).messages
    assert (message.buttons, message.plain) == ((), "")
    assert "\n3. Metnin tamamı" in message.text


def test_a_long_text_leaves_room_for_what_is_written() -> None:
    """The last message fits with its choices below it."""
    limits = Limits(text=300, buttons=10, plain=True)
    replies = (Reply("greeting"), Reply("notice"), question(STATES[0]))
    *before, last = WORDING.answer(replies, "tr", limits).messages
    assert before
    assert last.buttons
    assert last.plain.startswith(last.text)
    assert all(cut(each.plain or each.text, 300) == [each.plain or each.text] for each in before)
    assert len(last.plain) <= 300


def test_a_template_has_numbers_for_names() -> None:
    """In the order of first appearance, the same number for the same name."""
    assert WORDING.template(["progress"], "tr") == Template(
        "{{1}}/{{2}} · {{3}}", ("step", "of", "title")
    )
    both = WORDING.template(["card.choice", "progress"], "en")
    assert both.body == "Card ending in {{1}}\n\n{{2}}/{{3}} · {{4}}"
    assert both.names == ("text", "step", "of", "title")


def test_values_stand_in_the_order_of_the_template() -> None:
    moment = datetime(2021, 1, 14, 21, tzinfo=UTC)
    word = Word("notice.code_expired", {"deadline": moment, "card": "0123", "days": 3})
    names = WORDING.template([word.key], "tr").names
    assert names == ("card", "deadline")
    assert WORDING.values(word, "tr") == ("0123", "15 Ocak 2021, Cuma")


def test_keys_are_found_by_their_beginning() -> None:
    assert WORDING.keys("doubt.")[0] == "doubt.bank_card"
    assert WORDING.keys("no.such") == ()
