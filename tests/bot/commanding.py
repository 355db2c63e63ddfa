"""``hesbot`` commands carried out in this process, which starts none and is quick."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from bot.__main__ import app
from bot.settings import Settings
from tests import homes


async def commanded(home: Path, *words: str, stdin: bytes = b"", **settings: str) -> Result:
    """A command, run to its end in an environment in which nothing of ours is set but this."""
    nothing = {name.upper(): None for name in Settings.model_fields}
    given = {**nothing, "HESBOT_HOME": str(home), **homes.given(home), **settings}
    # It has a loop of its own, which the one of the test must not see.
    return await asyncio.to_thread(CliRunner().invoke, app, words, stdin, given)


async def told(home: Path, *words: str, **settings: str) -> Any:
    """What a command that succeeds says as JSON."""
    done = await commanded(home, *words, "--json", **settings)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    return json.loads(done.stdout)


async def refused(home: Path, *words: str, **settings: str) -> str:
    """The one line of a command that could not be carried out."""
    done = await commanded(home, *words, **settings)
    line, *more = done.stderr.splitlines()
    assert (done.exit_code, more, done.stdout) == (2, [], "")
    assert line.startswith("hesbot: ")
    return line


def files(place: Path) -> dict[str, bytes]:
    """Everything under the place, by path."""
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def contents(names: list[str]) -> list[bytes]:
    """What stands in files."""
    return [Path(name).read_bytes() for name in names]
