"""What is asked of the database meanwhile: by way of SQLAlchemy, or by the driver itself."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from storage import prepared
from storage.database import Database
from storage.sqlite import Connection


class Overheard:
    """Statements as the driver gets them, in order; ``plans`` has each with the plan that the
    database makes for it."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.plans: list[tuple[str, str]] = []

    def explain(self, sqlite: sqlite3.Connection, sql: str, given: Sequence[Any]) -> None:
        """Note a statement before it is run."""
        if re.match(r"SELECT|INSERT|UPDATE|DELETE|WITH", sql):
            plan = sqlite.execute(f"EXPLAIN QUERY PLAN {sql}", given)
            self.plans.append((sql, "\n".join(str(step[3]) for step in plan)))
            self.statements.append(sql)


@contextmanager
def overhearing(database: Database, *, plans: bool = True) -> Iterator[Overheard]:
    """Hear what the writing connections are asked meanwhile; ``plans``: and how it is done.

    What is left to the commit is heard at the commit.
    """
    heard = Overheard()
    sqlite = database.dialect == "sqlite"
    listen = _on_sqlite(heard) if sqlite else _on_server(database, heard, plans)
    with listen:
        yield heard


@contextmanager
def _on_sqlite(heard: Overheard) -> Iterator[None]:
    visit, leave = Connection.visit, Connection.leave

    async def overhear(self: Connection, errand: Any, *given: Any) -> Any:
        for sql, parameters in _statements(errand, given):
            await visit(self, heard.explain, sql, parameters)
        return await visit(self, errand, *given)

    def overhear_left(self: Connection, errand: Any, *given: Any) -> None:
        for sql, parameters in _statements(errand, given):
            leave(self, heard.explain, sql, parameters)
        leave(self, errand, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "visit", overhear)
        patch.setattr(Connection, "leave", overhear_left)
        yield


def _statements(errand: Any, given: Sequence[Any]) -> list[tuple[str, Sequence[Any]]]:
    """What an errand to the connection's thread runs there, with the first of its parameters."""
    if errand is prepared._run:
        return [(work[0], work[1][0]) for work in given[0] if work]
    if len(given) < 2:
        return []
    sql, parameters = given
    return [(sql, next(iter(parameters)) if errand.__name__ == "_run_many" else parameters)]


@contextmanager
def _on_server(database: Database, heard: Overheard, plans: bool) -> Iterator[None]:
    explaining = False

    def note(conn: Any, _cursor: Any, sql: str, given: Any, _context: Any, many: bool) -> None:
        nonlocal explaining
        if explaining:
            return
        heard.statements.append(sql)
        if plans and re.match(r"SELECT|INSERT|UPDATE|DELETE|WITH", sql):
            explaining = True
            # In a table of a few rows an index would never be worth its while.
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = conn.exec_driver_sql(f"EXPLAIN {sql}", tuple(given[0] if many else given))
            heard.plans.append((sql, "\n".join(step[0] for step in plan)))
            explaining = False

    engine = database._writing.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)
