"""What ``hesbot db backup`` and ``restore`` do: a part of the composition root, as ``tasks`` is.

Only the command imports this.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bot.clock import clock, wall
from bot.mending import advice
from bot.records import open_records
from bot.settings import WORKFLOWS_FILE, Settings
from storage import UnusableKeys, backups
from storage.backups import Proof, Since, UnusableBackup
from storage.seclusion import InUse
from storage.snapshot import room

Progress = Callable[[int, int], None]

ROOM = ".hesbot-restore-"
"""How the names of folders begin in which a backup is made ready."""

BY_DUMP = (
    "on PostgreSQL: pg_dump --format=custom --no-owner --exclude-schema=dbos --file FILE"
    ' "$DATABASE_URL"'
)
BY_RESTORE = (
    "on PostgreSQL, into an empty database: pg_restore --no-owner --exit-on-error"
    ' --single-transaction --dbname "$DATABASE_URL" FILE'
)


class Unusable(Exception):
    """This cannot be done here or with that file; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was taken: bytes, and seconds that it took."""

    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place. ``aside``: where the records are that were there before, if any were.
    ``proofs``: erasures on record there which the backup does not have, None where that could not
    be read; ``erased``: how many were erased again for them, None where nobody can tell whom."""

    aside: Path | None
    proofs: tuple[Proof, ...] | None
    erased: int | None
    seconds: float


def back_up(settings: Settings, target: Path, progress: Progress, *, replace: bool) -> BackedUp:
    """Write the records as they are now to a file; raise Unusable."""
    source = _file(settings, BY_DUMP)
    if not source.exists():
        raise Unusable("nothing is on record here yet")
    if target.is_dir() or (target.exists() and (not replace or target.samefile(source))):
        raise Unusable(f"{target} is there: name another file, or give --replace for a file")
    began = time.monotonic()
    with _plainly(str(target)):
        size = backups.take(source, target, progress)
    return BackedUp(size, round(time.monotonic() - began, 3))


def check_restorable(settings: Settings, backup: Path) -> None:
    """Look whether it could begin, before anybody is asked; raise Unusable."""
    file = _file(settings, BY_RESTORE)
    if not backup.is_file():
        raise Unusable(f"{backup} is not there, or no file")
    if file.exists() and backup.samefile(file):
        raise Unusable(f"{backup} is what would be replaced")
    with _plainly(str(file)), backups.held(file):
        """Nobody else has it open."""


async def restore(settings: Settings, backup: Path, progress: Progress) -> Restored:
    """Put a backup in the place of the records; raise Unusable or UnusableKeys, and nothing was
    changed."""
    file = _file(settings, BY_RESTORE)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    began = time.monotonic()
    with _plainly(str(file)), backups.held(file) as old, room(file.parent, ROOM) as place:
        fresh = place / file.name
        with _plainly(str(backup)):
            _made_ready(backup, fresh, file, progress)
        await _opened(settings, fresh, None)
        since = backups.erased_since(old, fresh) if old is not None else None
        erased = await _opened(settings, fresh, since)
        aside = _aside(file)
        backups.swap(fresh, file, aside, old)
    # It holds rounds as done which a backup knows nothing of.
    for end in ("", *backups.BESIDE):
        (settings.hesbot_home / f"{WORKFLOWS_FILE}{end}").unlink(missing_ok=True)
    return Restored(
        aside if aside.exists() else None,
        None if since is None else since.proofs,
        erased,
        round(time.monotonic() - began, 3),
    )


def _file(settings: Settings, otherwise: str) -> Path:
    if settings.database_file is None:
        raise Unusable(otherwise)
    return settings.database_file.absolute()


def _made_ready(backup: Path, fresh: Path, file: Path, progress: Progress) -> None:
    """A copy of the backup beside the records, whole, in the same hands as they are."""
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    backups.copy(backup, fresh, progress)
    backups.check(fresh)
    if os.geteuid() == 0:
        owner = (file if file.exists() else file.parent).stat()
        os.chown(fresh, owner.st_uid, owner.st_gid)


async def _opened(settings: Settings, fresh: Path, since: Since | None) -> int | None:
    """Bring the copy up to date with the keys in use, and erase again; how many."""
    there = settings.model_copy(update={"database_url": f"sqlite:///{fresh}"})
    try:
        async with open_records(there, new_keys=False) as records:
            if since is None or since.citizens is None:
                return None
            async with records.database.begin() as conn:
                now = clock(settings.hesbot_now)()
                return await records.registry.erase_again(conn, since, now)
    except UnusableKeys as error:
        raise Unusable(f"the keys in use do not open the backup: {error}") from None


def _aside(file: Path) -> Path:
    """A name beside the records that nobody has."""
    name = f"{file.name}.before-{wall():%Y%m%dT%H%M%S}"
    names = (name if number == 0 else f"{name}-{number}" for number in count())
    return next(each for each in map(file.with_name, names) if not each.exists())


@contextmanager
def _plainly(name: str) -> Iterator[None]:
    """What goes wrong in the block is the matter of that file."""
    try:
        yield
    except UnusableBackup as error:
        raise Unusable(f"{name}: {error}") from None
    except InUse:
        raise Unusable(
            f"{name}: a hesbot has these records open: stop every one of them first"
        ) from None
    except OSError as error:
        raise Unusable(f"{name}: {error.strerror or 'cannot be used'}") from error
    except sqlite3.Error as error:
        raise Unusable(f"{name}: {advice(error) or 'cannot be read or written'}") from error
