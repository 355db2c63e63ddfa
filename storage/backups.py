"""A whole SQLite database as one file: taken while others write, and put in the place of another.

Blocks, so that it is for whoever has nothing else to do. Knows only so much of what is in it as
tells who was erased since it was taken; what an erasure is, it does not know.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.private_files import sync_folder
from storage.seclusion import InUse

STEP = 4096
"""Pages copied from one report to the next."""
LINGER = 6.0
"""Seconds for which what was replaced is kept from everybody still: whoever was about to open it
has given up by then, and what comes later finds the new one."""

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, as ends of its name."""

_HEAD = b"SQLite format 3\0"

Report = Callable[[int, int], None]
"""Is told how many pages of how many are copied."""


class UnusableBackup(Exception):
    """The file is no backup that can be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An erasure on record: when, how it was asked for, how much was erased, and what stayed."""

    at: datetime
    way: str
    counts: Mapping[str, int]
    staying: str


@dataclass(frozen=True, slots=True)
class Since:
    """What was erased after a backup was taken. ``citizens`` and ``addresses`` are those of its
    rows that were; None where that cannot be told, for the two are not of one descent."""

    proofs: tuple[Proof, ...]
    citizens: tuple[int, ...] | None
    addresses: tuple[int, ...]


# --- taking one -----------------------------------------------------------------------------


def take(source: Path, target: Path, tell: Report) -> int:
    """Write the database as it is at this moment to the target, whole or not at all; how many
    bytes. Nobody who writes waits for it. Raise UnusableBackup, OSError or sqlite3.Error."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        copy(source, part, tell)
        check(part)
        os.fsync(handle)
        size = os.fstat(handle).st_size
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    sync_folder(target.parent)
    return size


def copy(source: Path, target: Path, tell: Report) -> None:
    """Copy the database as it is at this moment to a file that is empty or not there."""
    with closing(_source(source)) as old, closing(_connected(target)) as new:
        # What is half written is thrown away, and what is whole is synced at once.
        new.execute("PRAGMA journal_mode = OFF")
        new.execute("PRAGMA synchronous = OFF")
        # Between two steps the state that is read stays: else every writer would begin it anew.
        old.execute("BEGIN")
        old.execute("SELECT 1 FROM sqlite_master").fetchone()
        old.backup(
            new,
            pages=STEP,
            progress=lambda _status, left, pages: tell(pages - left, pages),
        )


def check(file: Path) -> None:
    """See that a database that nobody has open is whole; raise UnusableBackup if not."""
    try:
        with closing(_connected(file, "immutable=1")) as conn:
            found = conn.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise UnusableBackup("it is damaged, or no database") from error
    if found != ("ok",):
        raise UnusableBackup("it is damaged: SQLite's quick_check finds faults")


def _source(file: Path) -> sqlite3.Connection:
    """What was left beside it belongs to it; a file that stands alone may lie where nothing can be
    written."""
    alone = not file.with_name(f"{file.name}-wal").exists()
    if alone and not os.access(file, os.W_OK):
        return _connected(file, "immutable=1")
    return _connected(file, "mode=rw")


# --- putting one back -----------------------------------------------------------------------


@contextmanager
def held(file: Path) -> Iterator[sqlite3.Connection | None]:
    """Keep the database to oneself; nobody else has it open, or opens it, until the block ends.

    None where there is none, or it is so damaged that nobody can use it. Raise InUse.
    """
    if not file.exists() or not _is_database(file):
        yield None
        return
    with closing(_connected(file, "mode=rw")) as conn:
        try:
            conn.execute("PRAGMA locking_mode = EXCLUSIVE")
            conn.execute("SELECT 1 FROM sqlite_master").fetchone()
            conn.execute("BEGIN EXCLUSIVE")
            conn.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise InUse from None
        except sqlite3.DatabaseError:
            yield None
            return
        yield conn


def _is_database(file: Path) -> bool:
    # SQLite would throw away what lies beside a file that is none.
    with file.open("rb") as content:
        return content.read(len(_HEAD)) == _HEAD


def swap(fresh: Path, file: Path, aside: Path, old: sqlite3.Connection | None) -> None:
    """Put ``fresh`` in the place of the file, which goes ``aside``. ``old``: it, as held."""
    with open(fresh, "rb") as written:
        os.fsync(written.fileno())
    if old is not None:
        # All of it in one file, so that nothing is left that has its name.
        old.execute("PRAGMA journal_mode = DELETE")
    if file.exists():
        _keep(file, aside)
    for end in BESIDE:
        beside = file.with_name(file.name + end)
        if old is None and beside.exists() and aside.exists():
            beside.replace(aside.with_name(aside.name + end))
        beside.unlink(missing_ok=True)
    fresh.replace(file)
    sync_folder(file.parent)
    if old is not None:
        time.sleep(LINGER)


def _keep(file: Path, aside: Path) -> None:
    try:
        # There is a database of that name at every moment.
        os.link(file, aside)
    except OSError:
        # Where a file has one name only.
        file.replace(aside)


def erased_since(old: sqlite3.Connection, backup: Path) -> Since | None:
    """What ``old`` says was erased that the backup still has; None where it cannot be read.

    Rows of people and addresses keep their numbers, and only an erasure takes them away. Where more
    of them are missing than erasures account for, one is not the other's past.
    """
    try:
        old.execute("ATTACH ? AS backup", (f"{backup.absolute().as_uri()}?immutable=1",))
        try:
            return _since(old)
        finally:
            old.execute("DETACH backup")
    except sqlite3.DatabaseError:
        return None


def _since(old: sqlite3.Connection) -> Since:
    rows = old.execute(
        "SELECT m.at, m.way, m.counts, m.staying FROM main.erasures AS m"
        " LEFT JOIN backup.erasures AS b ON b.id = m.id AND b.at = m.at"
        " WHERE b.id IS NULL ORDER BY m.id"
    )
    proofs = tuple(
        # SQLite keeps no zone, and ours is UTC.
        Proof(datetime.fromisoformat(at).replace(tzinfo=UTC), way, json.loads(counts), staying)
        for at, way, counts, staying in rows
    )
    citizens = _missing(old, "citizens", "identity_key")
    addresses = _missing(old, "addresses", "key")
    erased = sum(each.counts.get("people", 0) for each in proofs)
    moved = sum(each.counts.get("addresses", 0) for each in proofs)
    known = len(citizens) <= erased and len(addresses) <= moved and _same_ring(old)
    return Since(proofs, citizens, addresses) if known else Since(proofs, None, ())


def _missing(old: sqlite3.Connection, table: str, key: str) -> tuple[int, ...]:
    rows: Any = old.execute(
        f"SELECT b.id FROM backup.{table} AS b LEFT JOIN main.{table} AS m"  # noqa: S608
        f" ON m.id = b.id AND m.{key} = b.{key} WHERE m.id IS NULL ORDER BY b.id"
    )
    return tuple(id for (id,) in rows)


def _same_ring(old: sqlite3.Connection) -> bool:
    query = "SELECT key_check FROM {}.ring WHERE id = 1"
    one, other = (old.execute(query.format(name)).fetchone() for name in ("main", "backup"))
    return bool(one == other)


def _connected(file: Path, how: str = "mode=rwc") -> sqlite3.Connection:
    address = f"{file.absolute().as_uri()}?{how}"
    return sqlite3.connect(address, uri=True, timeout=0.5, isolation_level=None)
