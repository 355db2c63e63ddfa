"""The scripts together leave out nothing: every sentence, choice and command is in one of them."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from bot.wording import read_catalogue
from conversations.turkish import meaning
from conversations.understanding import ANYWHERE
from tests.transcripts.folder import scripts

SENTENCES = read_catalogue(files("locales") / "tr" / "messages.po")
ELSEWHERE = re.compile(
    r"page\.|fault\.|notice\.|turnstile\.|command\.|choices\.open$|or_type$|choice\.contact\.share$|late$|handover$|pace$|channel\.|erased\.staying\.attempts$|record\.file_name$|code\.later$|refused\.person_unknown$"
)
"""Sentences that are not part of a conversation, or that no script can bring about."""
OF_STAFF = re.compile(
    r"console\.|broadcast\.|announcement|refusal\.|invalid\.broadcast\.|link\.|listed\.|seen\.|staff\.|waiting\."
    r"|choice\.(audience|list|seen|staff|submit)\.|review\.announcement$|help\.staff$"
    r"|(again|ask|help|none|title)\.(announcement|audience|broadcast_text|broadcast_text_en|listed|waiting)$"
)
"""What is said to staff, who are known on one messenger alone, while a script is played on all: see
tests/bot/test_staff_talk.py and tests/conversations/test_announcing.py."""
SAID_HERE = sorted(key for key in SENTENCES if not (ELSEWHERE.match(key) or OF_STAFF.match(key)))
CHOICES = sorted(key for key in SAID_HERE if key.startswith("choice."))


@pytest.fixture(scope="module")
def answers() -> str:
    """Everything the bot says in all the scripts."""
    return "\n".join("\n".join(turn.answer) for script in scripts() for turn in script.turns)


@pytest.mark.parametrize("key", SAID_HERE)
def test_every_sentence_is_said_in_some_script(key: str, answers: str) -> None:
    """Each refusal, doubt, help and finding of the catalogue is brought about by somebody."""
    parts = re.split(r"\{\w+\}", SENTENCES[key])
    assert re.search("(?s:.{0,400}?)".join(map(re.escape, parts)), answers), SENTENCES[key]


@pytest.mark.parametrize("key", CHOICES)
def test_every_choice_is_pressed_in_some_script(key: str) -> None:
    """No button is only shown."""
    pressed = {turn.gesture.value for script in scripts() for turn in script.turns}
    assert SENTENCES[key] in pressed, f"nobody presses [{SENTENCES[key]}]"


@pytest.mark.parametrize("command", [each for each in ANYWHERE if each != "announce"])
def test_every_command_is_given_in_some_script(command: str) -> None:
    """Each command and courtesy is typed by somebody, with or without a slash."""
    said = (turn.said for script in scripts() for turn in script.turns)
    assert any(command in meaning(text.removeprefix("/").replace("_", " ")) for text in said)


def test_there_are_enough_scripts() -> None:
    """A floor under the number of conversations, so that they are not tidied away."""
    assert len(scripts()) >= 30
