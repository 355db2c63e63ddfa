"""Options and fixtures of the whole test run."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bot.app import open_house
from tests import homes
from tests.storage.conftest import postgresql, with_tables

__all__ = ["postgresql"]

# Loading makes no garbage worth looking for; looking takes a third of the time.
gc.disable()


# How long an example takes says something of the machine, and nothing of the rule.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


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
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="where a home has its records that is not told where to have them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """``sqlite`` says why a test is of no use where the records are on a server."""
    config.addinivalue_line("markers", "sqlite(why): about SQLite itself")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is about SQLite itself is of no use in a run on PostgreSQL."""
    if config.getoption("--database") == "sqlite":
        return
    for item in items:
        if mark := item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason=f"about SQLite: {mark.args[0]}"))


@pytest.fixture(scope="session", autouse=True)
def _homes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Homes have their records where the run is told."""
    if request.config.getoption("--database") == "postgresql":
        server = request.getfixturevalue("postgresql")
        homes.use(server, asyncio.run(with_tables(server)).partition("?")[0].rpartition("/")[2])
    yield
    homes.use(None)


@pytest.fixture(autouse=True)
def _own_homes(_homes: None) -> Iterator[None]:
    """What a test has put on the server goes with it."""
    before = homes.count()
    yield
    homes.forget(before)


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
    async with open_house(homes.settings_in(home)):
        """Opening makes the keys and the tables."""
