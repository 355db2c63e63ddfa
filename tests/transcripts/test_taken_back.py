"""On Telegram, messages that carried an identity number or a code do not stay in the chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcripts.messengers import Chatter, Telegram
from tests.transcripts.script import Script, read
from tests.transcripts.stage import Stage

REGISTRATION = """
given: {opens} | [Kabul ediyorum] | Ayşe | Yılmaz | yardım | 1729171606O | evet | yardım
given: 01.02.1960 | yok | 7301 2345 6789 0456 | 0532 000 00 21 | hes kodum yok | C3D4-5678-90
given: [Evet, doğru] | [Onaylıyorum]
"""


@pytest.fixture
def script() -> Script:
    """A registration with a misread number, help and the finished SMS in it."""
    return read(REGISTRATION)


@pytest.mark.parametrize("delicate", ["17291716060", "1729171606O", "6789 0456", "C3D4-5678"])
async def test_nothing_delicate_is_left(delicate: str, script: Script, tmp_path: Path) -> None:
    """Neither what the person typed nor what we repeated is there after saving."""
    async with Telegram() as telegram, Stage(script, telegram, tmp_path) as stage:
        for step in script.steps:
            await stage.is_turn(step)
        (person,) = stage.people.values()
        assert isinstance(person, Chatter)
        assert await person.left(delicate) == []
