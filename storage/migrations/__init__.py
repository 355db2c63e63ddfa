"""How the tables came to be what they are: one file per change under ``versions``.

Alembic is imported only when there is something to change, since importing it costs a start-up
more than looking at the stored revision. An empty database is not led through every change either:
what the changes run on one is written down under ``whole``, a file for each kind of database, and
run as it stands there. This module knows no table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

HEAD = "0004"
"""The revision the code of this release expects."""


COPYING = f"{HEAD}-copying"
"""Stands in place of the revision while the records of another database are copied into it."""

END = ";\n\n"
"""Stands between two statements of a file under ``whole``."""


class NewerSchema(Exception):
    """The database was written by a newer release; this one must not touch it."""


class HalfCopied(Exception):
    """The database holds a part of the records of another one."""


def stored_revision(connection: Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def upgrade(connection: Connection) -> None:
    """Bring the tables to HEAD inside the connection's own transaction, or raise NewerSchema,
    HalfCopied."""
    stored = stored_revision(connection)
    if stored == HEAD:
        return
    if stored == COPYING:
        raise HalfCopied(
            "this database is a copy that is not finished: "
            "give `hesbot db copy` once more, from the same database"
        )
    if stored is None:
        _make(connection)
        return
    change(connection)


def change(connection: Connection) -> None:
    """Lead a database through every change it has not seen; raise NewerSchema."""
    stored = stored_revision(connection)
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if stored is not None and stored not in _known(ScriptDirectory.from_config(config)):
        raise NewerSchema(
            f"the database is at revision {stored}, this release knows up to {HEAD}: "
            "run the newer release, or restore a backup"
        )
    command.upgrade(config, HEAD)


def written_down(dialect: str) -> Path:
    """The file with what all changes together run on an empty database of that kind."""
    return Path(__file__).parent / "whole" / f"{dialect}.sql"


def _make(connection: Connection) -> None:
    for statement in written_down(connection.dialect.name).read_text("utf-8").split(END):
        connection.exec_driver_sql(statement)


def _known(scripts: ScriptDirectory) -> frozenset[str]:
    return frozenset(script.revision for script in scripts.walk_revisions())
