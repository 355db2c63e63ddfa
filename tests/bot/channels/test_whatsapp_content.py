"""What Twilio is to keep for us: names, shapes, and which of it a message goes out with."""

from __future__ import annotations

import json
import re

import pytest

from bot.channels.base import Button, Message, pick_data
from bot.channels.whatsapp_content import (
    Draft,
    Kind,
    Part,
    choice_draft,
    drafts_for,
    faults,
    notice_draft,
    parts,
    shape_of,
)

YES_NO = (("terms:yes", "Evet"), ("terms:no", "Hayır"))
MENU = tuple((f"menu:{n}", f"Kart {n}") for n in range(4))


def asked(text: str, *labels: str, turn: int = 7, written: str = "") -> Message:
    """A message with a button for each label."""
    buttons = tuple(Button(label, pick_data(turn, "terms", label.lower())) for label in labels)
    return Message(text, buttons, plain=f"{text}{written}" if written else "")


# --- templates ------------------------------------------------------------------------------


def test_a_template_is_called_by_what_stands_in_it() -> None:
    """Another word, another name: one that was refused can never be used again."""
    first = notice_draft("notice.code_expires.tomorrow", "tr", "Kartınız {{1}} gün sonra.", ["3"])
    other = notice_draft("notice.code_expires.tomorrow", "tr", "Kartınız {{1}} gün sonra!", ["3"])
    assert re.fullmatch(r"hesbot_code_expires_tomorrow_tr_[0-9a-f]{8}", first.name)
    assert first.name != other.name
    assert first.is_notice


@pytest.mark.parametrize(
    ("body", "samples", "fault"),
    [
        ("Sonu {{1}} olan kart kapandı.", ["0123"], ""),
        ("Sonu {{1}} olan kart {{2}} günü kapandı, {{1}} için.", ["0123", "15 Ocak"], ""),
        ("Kartınız kapandı.", [], ""),
        ("a" * 1025, [], "too long"),
        ("Sonu {{2}} olan kart kapandı.", ["0123", "b"], "variables out of order"),
        ("Sonu {{ad}} olan kart kapandı.", ["0123"], "variables out of order"),
        ("{{1}} kartınız kapandı bugün.", ["0123"], "a variable at the beginning or the end"),
        ("Kartınızın son günü bugün: {{1}}.", ["0123"], "a variable at the beginning or the end"),
        ("Bugün {{1}}, {{2}} günü kart kapandı.", ["a", "b"], "variables side by side"),
        ("Sonu {{1}} olan kart kapandı.", [], "a variable without a sample"),
        ("Sonu {{1}} olan kart kapandı.", ["a\nb"], "a sample that is no line"),
        ("Sonu {{1}}tir.", ["0123"], "too few words for its variables"),
    ],
)
def test_what_whatsapp_would_refuse_is_known_before(
    body: str, samples: list[str], fault: str
) -> None:
    """Each rule by its own words."""
    draft = Draft("hesbot_a", Kind.TEXT, "tr", body, tuple(samples))
    assert faults(draft) == ([fault] if fault else [])


# --- choices --------------------------------------------------------------------------------


def test_a_shape_counts_lines_by_paragraph() -> None:
    assert shape_of("bir\niki\n\nüç") == (2, 1)
    assert shape_of("\nbir\n \n\niki\n") == (1, 1)


def test_every_line_is_a_variable_and_the_last_one_is_the_turn() -> None:
    """No value of ours holds a line break, and a stale button is known."""
    draft = choice_draft(YES_NO, "tr", "Seçiniz", (1, 2))
    assert draft is not None
    assert draft.kind is Kind.QUICK_REPLY
    assert draft.body == "{{1}}\n\n{{2}}\n{{3}}"
    assert draft.choices == (("{{4}}:terms:yes", "Evet"), ("{{4}}:terms:no", "Hayır"))
    assert draft.opener == ""


def test_more_than_three_are_a_list() -> None:
    draft = choice_draft(MENU, "tr", "Seçiniz", (1,))
    assert draft is not None
    assert (draft.kind, draft.opener) == (Kind.LIST_PICKER, "Seçiniz")


@pytest.mark.parametrize(
    "choices",
    [
        (),
        (("a:b", "x" * 25),),
        (("a:b", "Evet"), ("a:c", "Evet")),
        tuple((f"a:{n}", f"Kart {n}") for n in range(11)),
        (("a:b", ""),),
    ],
    ids=["none", "too long", "alike", "too many", "blank"],
)
def test_some_choices_stay_numbers(choices: tuple[tuple[str, str], ...]) -> None:
    """Where WhatsApp has neither buttons nor a list."""
    assert choice_draft(choices, "tr", "Seçiniz", (1,)) is None


def test_a_long_title_makes_a_list() -> None:
    """21 to 24 characters fit a list's item only."""
    draft = choice_draft((("a:b", "x" * 21),), "tr", "Seçiniz", (1,))
    assert draft is not None
    assert draft.kind is Kind.LIST_PICKER


@pytest.mark.parametrize("change", ["locale", "title", "id", "shape", "opener"])
def test_a_name_tells_everything_that_matters(change: str) -> None:
    """What differs in anything that is shown or comes back is another content."""
    same = {"choices": MENU, "locale": "tr", "opener": "Seçiniz", "shape": (1,)}
    different = {
        "locale": {"locale": "en"},
        "title": {"choices": (*MENU[:3], ("menu:3", "Hepsi"))},
        "id": {"choices": (*MENU[:3], ("menu:9", "Kart 3"))},
        "shape": {"shape": (2,)},
        "opener": {"opener": "Seçin"},
    }[change]
    first = choice_draft(**same)  # type: ignore[arg-type]
    again = choice_draft(**same)  # type: ignore[arg-type]
    other = choice_draft(**(same | different))  # type: ignore[arg-type]
    assert first
    assert again
    assert other
    assert first.name == again.name != other.name


# --- messages -------------------------------------------------------------------------------


def keeping(*messages: Message) -> dict[str, str]:
    """The names of all that these messages need, with a SID each."""
    drafts = [draft for message in messages for draft in drafts_for(message, "tr", "Seçiniz")]
    return {draft.name: f"HX{draft.body}" for draft in drafts}


def sent(message: Message, kept: dict[str, str]) -> list[Part]:
    return parts(message, "tr", "Seçiniz", kept.get)


def test_a_text_of_a_known_shape_goes_out_whole() -> None:
    message = asked("Doğru mu?\n\nAd: Ayşe\nSoyad:   Yılmaz", "Evet", "Hayır", written="\n1. Evet")
    (part,) = sent(message, keeping(message))
    assert part.plain == message.plain
    assert part.sid == "HX{{1}}\n\n{{2}}\n{{3}}"
    assert json.loads(part.variables) == {
        "1": "Doğru mu?",
        "2": "Ad: Ayşe",
        "3": "Soyad: Yılmaz",
        "4": "7",
    }


def test_what_stands_before_a_known_end_goes_ahead() -> None:
    """A refusal and the question again: the question keeps its buttons."""
    question = asked("2/8 · Soyad\nSoyadınız?", "Yok")
    message = asked(f"Olmadı.\n\nŞöyle:\n\n{question.text}", "Yok", written="\nYa da yazın: “Yok”")
    ahead, below = sent(message, keeping(question))
    assert ahead == Part("Olmadı.\n\nŞöyle:")
    assert below.plain == "2/8 · Soyad\nSoyadınız?\nYa da yazın: “Yok”"
    assert below.sid == "HX{{1}}\n{{2}}"


def test_any_text_ends_in_a_line() -> None:
    """A shape that nobody foresaw is cut before its last line."""
    message = asked("bir\niki\nüç", "Evet", written="\n1. Evet")
    ahead, below = sent(message, keeping(asked("Tamam mı?", "Evet")))
    assert (ahead.plain, below.plain, below.sid) == ("bir\niki", "üç\n1. Evet", "HX{{1}}")


def test_choices_that_nobody_made_are_written() -> None:
    message = asked("Hangi kart?", "Sonu 0123 olan kart", written="\n1. Sonu 0123 olan kart")
    assert sent(message, keeping(asked("a", "Evet"))) == [Part(message.plain)]
    assert sent(Message("Merhaba"), {}) == [Part("Merhaba")]


def test_a_text_too_long_for_buttons_is_cut_before_them() -> None:
    """1,024 characters stand above buttons; the rest goes ahead."""
    long = "x" * 1000
    message = asked(f"{long}\n\n{long}", "Evet")
    ahead, below = sent(message, keeping(message, asked("a", "Evet")))
    assert (ahead.plain, below.plain, below.sid) == (long, long, "HX{{1}}")
    longer = asked("x" * 1025, "Evet", written="\n1. Evet")
    assert sent(longer, keeping(longer)) == [Part(longer.plain)]


def test_buttons_of_two_turns_are_not_ours_to_show() -> None:
    """What is not the talk's own button stays text."""
    mixed = Message("a", (Button("Evet", "1:a:b"), Button("Hayır", "2:a:c")))
    assert drafts_for(mixed, "tr", "Seçiniz") == []
    assert sent(mixed, {}) == [Part("a")]
