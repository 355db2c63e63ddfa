"""Where the records of a test's home are.

In an ordinary run, in the SQLite file of the home, which is what the product does by itself. In a
run with ``--database postgresql`` each home has a database of its own on the tests' server, named
after the home's path; it is made, with empty tables, by the first who asks for its address.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import func, select

from bot.settings import Settings
from storage import Database, tables
from storage.database import DEFAULT_FILE

Found = TypeVar("Found")


class _Server:
    """The tests' server. ``like``: the database that new ones are copied from."""

    def __init__(self, url: str, like: str) -> None:
        self._url = url
        self._like = like
        self._made: list[str] = []

    def address(self, name: str) -> str:
        return self._url.replace("/postgres?", f"/{name}?")

    def make(self, name: str, like: str | None = None) -> None:
        """Make it unless it is there."""
        if name not in self._made:
            self._made.append(name)
            _in_a_loop(lambda: self._make(name, like or self._like))

    def has(self, name: str) -> bool:
        return name in self._made

    def forget(self, kept: int) -> None:
        """Remove all but the first so many."""
        gone, self._made = self._made[kept:], self._made[:kept]
        if gone:
            _in_a_loop(lambda: self._drop(gone))

    @property
    def count(self) -> int:
        return len(self._made)

    async def _make(self, name: str, like: str) -> None:
        admin = await asyncpg.connect(self._url)
        try:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        finally:
            await admin.close()

    async def _drop(self, names: list[str]) -> None:
        admin = await asyncpg.connect(self._url)
        try:
            for name in names:
                await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        finally:
            await admin.close()


_server: _Server | None = None


def use(url: str | None, like: str = "") -> None:
    """Homes have their records on that server from now on; without one, in files."""
    global _server
    _server = None if url is None else _Server(url, like)


def on_postgresql() -> bool:
    """Whether homes have their records on a server."""
    return _server is not None


def count() -> int:
    """How many homes have a database on the server."""
    return 0 if _server is None else _server.count


def forget(kept: int) -> None:
    """Remove the databases of all homes but the first so many."""
    if _server is not None:
        _server.forget(kept)


def address_of(home: Path) -> str | None:
    """What ``DATABASE_URL`` is for that home; None, if it is not set."""
    if _server is None:
        return None
    name = _name(home)
    _server.make(name)
    return _server.address(name)


def given(home: Path) -> dict[str, str]:
    """The same as a part of an environment."""
    address = address_of(home)
    return {} if address is None else {"DATABASE_URL": address}


def settings_in(home: Path, **settings: Any) -> Settings:
    """Settings of a product at home there."""
    return Settings(**{"hesbot_home": home, "database_url": address_of(home), **settings})


async def opened_in(home: Path, kind: type[Database] = Database, **options: Any) -> Database:
    """The records of the home, open."""
    return await kind.open(address_of(home), home=home, **options)


def copied(home: Path, to: Path) -> Path:
    """A home like another one that nobody has open, with its records."""
    shutil.copytree(home, to, dirs_exist_ok=True)
    if _server is not None and _server.has(_name(home)):
        _server.make(_name(to), like=_name(home))
    return to


def rows(home: Path) -> dict[str, int]:
    """How many rows each table has."""
    return _in_a_loop(lambda: _count(home))


async def _count(home: Path) -> dict[str, int]:
    database = Database.as_it_is(address_of(home) or f"sqlite:///{home / DEFAULT_FILE}")
    try:
        async with database.read() as connection:
            return {
                table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
                for table in tables.metadata.sorted_tables
            }
    finally:
        await database.close()


def _name(home: Path) -> str:
    return f"home_{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:24]}"


def _in_a_loop(work: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
    """Do it to its end, whether or not a loop runs in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()
