"""What this worker is called: by a name that no other living one has, and that outlives a kill.

Under its name it finds again what it left unfinished: rounds of the timetable, leased deliveries.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def named(home: Path) -> Iterator[str]:
    """The name of this worker: that of the first file in the home that no living one has locked.

    So a restarted worker has its name again, and with it what it left unfinished.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    slots = (locked(home / f"worker-{number}.id") for number in count())
    handle = next(slot for slot in slots if slot is not None)
    try:
        yield _name_in(handle)
    finally:
        os.close(handle)


def locked(path: Path) -> int | None:
    """The file, open and locked for as long as it is; None if a living worker has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _name_in(handle: int) -> str:
    known = os.read(handle, 64).decode("ascii", "replace").strip()
    if known:
        return known
    name = secrets.token_hex(8)
    os.write(handle, name.encode())
    return name
