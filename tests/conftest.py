"""Options and fixtures of the whole test run."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from bot.app import open_house
from bot.settings import Settings

# Loading makes no garbage worth looking for; looking takes a third of the time.
gc.disable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-…`` writes down what is so today instead of comparing it."""
    parser.addoption(
        "--update-transcripts",
        action="store_true",
        help="rewrite the answers and records in tests/transcripts from the browser's run",
    )
    parser.addoption(
        "--update-tables",
        action="store_true",
        help="write down anew what the migrations run on an empty database",
    )


def pytest_collection_finish() -> None:
    """What was loaded for the tests stays to their end, and need not be looked through again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with keys and an empty database, to be copied."""
    home = tmp_path_factory.mktemp("empty")
    asyncio.run(_set_up(home))
    return home


async def _set_up(home: Path) -> None:
    async with open_house(Settings(hesbot_home=home)):
        """Opening makes the keys and the tables."""
