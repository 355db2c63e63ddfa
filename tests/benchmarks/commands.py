"""The ``hesbot`` command, timed. It takes all the cores there are, as an operator's would."""

from __future__ import annotations

import asyncio
import json
import os
import time
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.bots import HESBOT
from tests.faults.processes import ROOT


def environment(home: Path, **more: str) -> dict[str, str]:
    """What an operator's shell has, and no setting of ours but these."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "HESBOT_HOME": str(home),
        "HESBOT_NOW": "2021-01-08T12:00",
        **more,
    }


async def timed(home: Path, *words: str, **more: str) -> tuple[dict[str, Any], float]:
    """Run a command to its end; its answer as JSON and the seconds it took."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *HESBOT, *words, "--json", env=environment(home, **more), stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(err.decode())
    return json.loads(out), time.perf_counter() - began


async def until_said(word: str, *words: str, given: Mapping[str, str]) -> float:
    """Seconds from the start of a command until it prints the word; then it is killed."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *HESBOT, *words, env=dict(given), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stdout is not None
        said = b""
        while word.encode() not in said:
            piece = await process.stdout.read(4096)
            if not piece:
                raise RuntimeError(f"hesbot {' '.join(words)} ended without {word!r}")
            said += piece
        return time.perf_counter() - began
    finally:
        process.kill()
        await process.communicate()
