"""How a script is read and written, and how answers of different messengers compare."""

from __future__ import annotations

import pytest

from tests.transcripts.heard import Bubble, number_of, sentences, told
from tests.transcripts.page import Page
from tests.transcripts.script import Direction, Gesture, ScriptError, Turn, gesture, read, write

TEXT = """Ayşe soruyor.
now: 2021-01-08T12:00+03:00
# Buradan sonrası önemli.

> {opens}
    Merhaba!

    Kabul mü?
    ~
    Evet mi?
    [Evet] [Hayır]
telegram whatsapp> {photo}
    Okuyamıyorum.

restart

> [Evet]
    Teşekkürler.

record:
    kişi:
      stands at: menu
"""


def test_a_script_is_written_as_it_was_read() -> None:
    """Updating changes nothing that did not change."""
    assert write(read(TEXT)) == TEXT


def test_a_script_has_turns_directions_and_a_record() -> None:
    """Each kind of line is told apart."""
    script = read(TEXT)
    assert script.turns[1] == Turn("{photo}", ("Okuyamıyorum.",), ("telegram", "whatsapp"))
    assert Direction("restart") in script.steps
    assert list(script.directions("now")) == ["2021-01-08T12:00+03:00"]
    assert script.record == ("kişi:", "  stands at: menu")


def test_a_line_that_is_nothing_is_refused() -> None:
    """A forgotten ``> `` does not silently drop a turn."""
    with pytest.raises(ScriptError, match="Ayşe Nur"):
        read("Başlık.\n\nAyşe Nur\n")


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ("Ayşe", "say", "Ayşe"),
        ("[Evet, doğru]", "press", "Evet, doğru"),
        ("{stale [Evet]}", "stale", "Evet"),
        ("{contact 0532 000 00 21}", "contact", "0532 000 00 21"),
        ("{photo}", "photo", ""),
    ],
)
def test_what_a_person_does_is_read(said: str, kind: str, value: str) -> None:
    """Brackets press, braces do something else, anything else is typed."""
    assert gesture(said) == Gesture(kind, value)


@pytest.mark.parametrize(
    "text",
    ["Doğru mu?\n\n1. Evet\n2. Hayır", "Doğru mu?\nYa da yazın: “Evet” / “Hayır”"],
)
def test_written_choices_compare_equal_to_buttons(text: str) -> None:
    """A numbered list and a line of labels stand for the buttons they replace."""
    assert sentences([Bubble(text)]) == sentences([Bubble("Doğru mu?", ("Evet", "Hayır"))])


def test_a_list_within_a_text_is_no_choice() -> None:
    """The clauses of a document stay where they are."""
    document = Bubble("Koşullar\n1. Bir\n2. İki\n\nOnaylıyor musunuz?")
    assert sentences([document])[-1] == "Onaylıyor musunuz?"


def test_a_choice_of_a_list_is_typed_by_its_number() -> None:
    """Where choices are only named, the label itself is typed."""
    assert number_of("Hayır", Bubble("Doğru mu?\n\n1. Evet\n2. Hayır")) == "2"
    assert number_of("Yok", Bubble("E-posta?\nYa da yazın: “Yok”")) == "Yok"


def test_a_page_shows_its_bubbles() -> None:
    """Lines, gaps and buttons are read off the page; templates are not."""
    page = Page(
        '<div class="bubble bot"><p class="line">Merhaba</p><p class="line gap">Doğru mu?</p>'
        '<button name="pick" value="1:a:b">Evet</button></div>'
        '<template><div class="bubble"><p class="line"></p></div></template>'
    )
    assert told(page.bubbles) == ["Merhaba", "", "Doğru mu?", "[Evet]"]
    assert page.buttons == [[("Evet", "1:a:b")]]
