"""The scripts of this folder, read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.transcripts.script import Script, read

PATHS = sorted(Path(__file__).parent.glob("*.txt"))


@cache
def scripts() -> tuple[Script, ...]:
    """Every script there is."""
    return tuple(read(path.read_text("utf-8")) for path in PATHS)
