"""FSM states of aiogram in SQLite, each change on the disk before it is answered (FULL)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiosqlite
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StorageKey

from tests.benchmarks.peers import form

TABLE = "CREATE TABLE IF NOT EXISTS fsm (key TEXT PRIMARY KEY, state TEXT, data TEXT)"
SET_STATE = (
    "INSERT INTO fsm (key, state) VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state"
)
SET_DATA = (
    "INSERT INTO fsm (key, data) VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data"
)
GET_STATE = "SELECT state FROM fsm WHERE key = ?"
GET_DATA = "SELECT data FROM fsm WHERE key = ?"


def named(key: StorageKey) -> str:
    return f"{key.bot_id}:{key.chat_id}:{key.user_id}"


def plain(state: Any) -> str | None:
    return state.state if isinstance(state, State) else state


class ByThread(BaseStorage):
    """Over aiosqlite, as one would write it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._connection: aiosqlite.Connection | None = None

    async def _open(self) -> aiosqlite.Connection:
        if self._connection is None:
            path = self._home / "fsm.sqlite3"
            self._connection = await aiosqlite.connect(path, isolation_level=None)
            await self._connection.execute("PRAGMA journal_mode = WAL")
            await self._connection.execute("PRAGMA synchronous = FULL")
            await self._connection.execute(TABLE)
        return self._connection

    async def _one(self, sql: str, key: StorageKey) -> str | None:
        connection = await self._open()
        async with connection.execute(sql, (named(key),)) as cursor:
            found = await cursor.fetchone()
        return found[0] if found else None

    async def set_state(self, key: StorageKey, state: Any = None) -> None:
        await (await self._open()).execute(SET_STATE, (named(key), plain(state)))

    async def get_state(self, key: StorageKey) -> str | None:
        return await self._one(GET_STATE, key)

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        await (await self._open()).execute(SET_DATA, (named(key), json.dumps(data)))

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        found = await self._one(GET_DATA, key)
        return json.loads(found) if found else {}

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class Direct(BaseStorage):
    """In the loop itself: no journey to a thread, which costs more than the statement."""

    def __init__(self, home: Path) -> None:
        self._database = form.database(home)
        self._database.execute(TABLE)

    def _one(self, sql: str, key: StorageKey) -> str | None:
        found = self._database.execute(sql, (named(key),)).fetchone()
        return found[0] if found else None

    async def set_state(self, key: StorageKey, state: Any = None) -> None:
        self._database.execute(SET_STATE, (named(key), plain(state)))

    async def get_state(self, key: StorageKey) -> str | None:
        return self._one(GET_STATE, key)

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        self._database.execute(SET_DATA, (named(key), json.dumps(data)))

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        found = self._one(GET_DATA, key)
        return json.loads(found) if found else {}

    async def close(self) -> None:
        self._database.close()
