"""What the documents say exists, exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_every_setting_is_documented() -> None:
    """An operator finds each setting in the README."""
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in README] == []


def test_documented_settings_exist() -> None:
    """A setting that is documented is read."""
    table = README.partition("## Settings")[2].partition("\n## ")[0]
    documented = {name.lower() for name in re.findall(r"`([A-Z][A-Z_]{3,})`", table)}
    assert documented - Settings.model_fields.keys() == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_exist(path: Path) -> None:
    """Each `hesbot …` of the documents has a help page."""
    text = path.read_text("utf-8")
    for words in set(re.findall(r"`(?:\.venv/bin/)?hesbot ([a-z ]+)", text)):
        result = CliRunner().invoke(app, [*words.split(), "--help"])
        assert result.exit_code == 0, words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Files that a document points to are there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_map_names_what_is_there() -> None:
    """The house in the README is the house."""
    house = README.partition("## The house")[2].partition("```\n")[2].partition("```")[0]
    folder = ROOT
    missing = []
    for line in house.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = ROOT / name
        place = folder if not line.startswith(" ") else folder / name
        if not place.exists():
            missing.append(str(place.relative_to(ROOT)))
    assert missing == []


def test_make_targets_exist() -> None:
    """Every `make …` the documents name is a target."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        word
        for path in DOCUMENTS
        for line in re.findall(r"(?:^|`)make ([a-z ]+)", path.read_text("utf-8"), re.MULTILINE)
        for word in line.split()[:2]
        if word.isalpha()
    }
    assert {
        word for word in named if word in {"run", "chat", "test", "lint", "types", "words"}
    } <= (targets)
