"""Every golden conversation, played on all four messengers: the same words, the same record."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.transcripts.folder import PATHS
from tests.transcripts.heard import Bubble, plain, sentences, told
from tests.transcripts.messengers import MESSENGERS
from tests.transcripts.script import Script, Turn, read, write
from tests.transcripts.stage import Performance, play

HINT = "If the new words are meant: pytest tests/test_transcripts.py --update-transcripts"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_transcript(
    path: Path, tmp_path: Path, empty_home: Path, request: pytest.FixtureRequest
) -> None:
    """The conversation goes as written down, on every messenger, and leaves the same record."""
    script = read(path.read_text("utf-8"))
    plays = asyncio.run(_play_everywhere(script, tmp_path, empty_home))
    today = _as_played(script, plays)
    if request.config.getoption("--update-transcripts"):
        path.write_text(write(today), "utf-8")
    else:
        _compare(path.name, write(script), write(today))
    for name, performance in plays.items():
        _compare_with(today, name, performance)


async def _play_everywhere(script: Script, home: Path, empty: Path) -> dict[str, Performance]:
    return {
        messenger.name: await play(script, messenger, home / messenger.name, empty)
        for messenger in MESSENGERS
    }


def _as_played(script: Script, plays: Mapping[str, Performance]) -> Script:
    """The script with what the first messenger that can play a turn was answered."""
    performances = list(plays.values())
    answers = [
        next((told(found) for found in answers if found is not None), [])
        for answers in zip(*(each.answers for each in performances), strict=True)
    ]
    return script.answered(answers, performances[0].record)


def _compare_with(script: Script, name: str, performance: Performance) -> None:
    for turn, answer in zip(script.turns, performance.answers, strict=True):
        if answer is not None:
            _compare_turn(name, turn, answer)
    _compare(f"the record on {name}", _text(script.record), _text(performance.record))


def _compare_turn(name: str, turn: Turn, answer: Sequence[Bubble]) -> None:
    wanted, found = plain(turn.answer), sentences(answer)
    _compare(f"{name} after “{turn.said}”", _text(wanted), _text(found))


def _compare(what: str, wanted: str, found: str) -> None:
    if wanted != found:
        lines = difflib.unified_diff(
            wanted.splitlines(), found.splitlines(), "written down", "today", lineterm="", n=4
        )
        pytest.fail("\n".join([what, *lines, "", HINT]), pytrace=False)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
