"""How the tables came to be what they are: one file per change under ``versions``.

Alembic is imported only when there is something to change, since importing it costs a start-up
more than looking at the stored revision. This module knows no table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

HEAD = "0003"
"""The revision the code of this release expects."""


COPYING = f"{HEAD}-copying"
"""Stands in place of the revision while the records of another database are copied into it."""


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


def _known(scripts: ScriptDirectory) -> frozenset[str]:
    return frozenset(script.revision for script in scripts.walk_revisions())
