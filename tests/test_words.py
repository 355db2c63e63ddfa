"""The catalogues: complete, in order, kind, and short enough for every channel."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from bot.channels.terminal import LIMITS
from bot.wording import REFERENCE, Wording
from conversations.engine import step
from conversations.events import Opened
from conversations.registration import DOCUMENTS
from conversations.replies import Word
from conversations.state import State
from conversations.turkish import fold
from tests import words

WORDING = Wording.load()
IDS = [path.parent.name for path in words.CATALOGUES]
LONGEST_FEW, LONGEST_MANY, FEW = 20, 24, 3
"""Characters of a quick-reply title, of a list item, and how many quick replies there can be
(WhatsApp). Telegram's buttons are longer."""

FINGERPRINTS = {
    ("notice", "2021-01", "tr"): "e16a87e51341dac8a936a9e6be9017f5e9856df83532fb0d2b12ff03d00aabf8",
    ("notice", "2021-01", "en"): "eea226fdf07ef4db2285a15e9e8405705a746d2920e8a1db9f34675d6e5e11ca",
    (
        "consent",
        "2021-01",
        "tr",
    ): "7e2540624113780cb6b2efbc492831c954d62d02e6ab3108ce52f9421322b3a7",
    (
        "consent",
        "2021-01",
        "en",
    ): "774bf4e7a66ba0bb6a3c3159d38cdffae89af20f7c4ea4c68d610d66a6ecc8cd",
    ("terms", "2021-01", "tr"): "38245de78b4f2d8c2dcc49d74c32ff5726ea1ba4e50f0283e0c72ba96c6e609e",
    ("terms", "2021-01", "en"): "e33f9e6d7475e6d369415cf638363d31734b61d3962b56737e671bca74ddd16a",
}
"""What people agreed to, by version. A changed text needs a new version, never a new line here for
an old one."""


def sentences(path: Path) -> dict[str, str]:
    return {str(m.id): str(m.string) for m in words.read(path) if m.id}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("path", words.CATALOGUES, ids=IDS)
def test_catalogue_has_what_the_code_uses_and_nothing_else(path: Path) -> None:
    """A key that is missing or that nothing uses any more is named."""
    found = sentences(path)
    wanted = words.wanted_keys()
    assert sorted(wanted - found.keys()) == []
    assert sorted(found.keys() - wanted) == []
    assert [key for key, text in found.items() if not text.strip()] == []


@pytest.mark.parametrize("path", words.CATALOGUES, ids=IDS)
def test_extraction_would_change_nothing(path: Path) -> None:
    """Keys stand in order and in one spelling; `make words` puts them there."""
    assert path.read_bytes() == words.extracted(path)


@pytest.mark.parametrize("path", words.CATALOGUES, ids=IDS)
def test_placeholders_are_those_of_the_reference(path: Path) -> None:
    """A translation may not ask for a value that is not given, nor drop one."""
    reference = sentences(path.parent.parent / REFERENCE / path.name)
    differing = {
        key: text
        for key, text in sentences(path).items()
        if placeholders(text) != placeholders(reference[key])
    }
    assert differing == {}


def test_no_suffix_is_glued_to_a_value() -> None:
    """A value's last vowel is unknown, so no Turkish suffix can follow it."""
    glued = re.compile(r"\}['’]|\}[a-zçğıöşü]")
    reference = sentences(words.ROOT / "locales" / REFERENCE / "messages.po")
    assert [key for key, text in reference.items() if glued.search(text)] == []


def test_nobody_is_blamed() -> None:
    """The words of an angry form have no place here."""
    blame = re.compile(r"geçersiz|hatalı|format|yanlış girdi|invalid|error", re.IGNORECASE)
    assert [
        (path.parent.name, key)
        for path in words.CATALOGUES
        for key, text in sentences(path).items()
        if blame.search(text)
    ] == []


@pytest.mark.parametrize("locale", IDS)
def test_labels_fit_every_channel(locale: str) -> None:
    """A button is read whole on the narrowest messenger."""
    groups: dict[str, list[str]] = {}
    for choice in words.declared_choices():
        groups.setdefault(choice.label.key.split(".")[1], []).append(
            WORDING.text(choice.label, locale)
        )
    too_long = [
        label
        for labels in groups.values()
        for label in labels
        if len(label) > (LONGEST_FEW if len(labels) <= FEW else LONGEST_MANY)
    ]
    assert too_long == []


@pytest.mark.parametrize("locale", IDS)
def test_labels_of_one_question_differ_when_typed(locale: str) -> None:
    """Two choices that fold to the same text could not be told apart."""
    groups: dict[str, list[str]] = {}
    for key in sorted({choice.label.key for choice in words.declared_choices()}):
        groups.setdefault(key.split(".")[1], []).append(fold(WORDING.text(Word(key), locale)))
    assert [name for name, labels in groups.items() if len(set(labels)) != len(labels)] == []


@pytest.mark.parametrize("locale", IDS)
def test_commands_can_be_registered(locale: str) -> None:
    """Bot API, setMyCommands: 1–32 of a–z, 0–9 and _; description 1–256."""
    commands = WORDING.commands(locale)
    assert [name for name, _ in commands if not re.fullmatch(r"[a-z0-9_]{1,32}", name)] == []
    assert [name for name, about in commands if not 1 <= len(about) <= 256] == []
    assert len({name for name, _ in commands}) == len(commands)


@pytest.mark.parametrize("locale", IDS)
def test_documents_change_only_with_their_version(locale: str) -> None:
    """Consent is to a text; another text is another version."""
    for document in DOCUMENTS:
        known = FINGERPRINTS[document.name, document.version, locale]
        assert WORDING.fingerprint(document.name, locale) == known, document


def test_reference_is_spoken_where_there_is_no_catalogue() -> None:
    """A locale nobody translated into falls back to Turkish."""
    turn = step(State(locale="xx"), Opened(), datetime(2021, 1, 8, tzinfo=UTC))
    assert "Merhaba" in WORDING.answer(turn.replies, "xx", LIMITS).messages[0].text
