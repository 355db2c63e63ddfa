"""Small files for their owner's eyes only, written whole or not at all. Knows nothing of what is in
them."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class OpenToOthers(Exception):
    """Somebody else than its owner may read the file."""


class InOtherHands(Exception):
    """Another process is changing the file."""


def read(path: Path) -> str:
    """What is in the file; raise OpenToOthers, OSError or UnicodeDecodeError."""
    with path.open(encoding="utf-8") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise OpenToOthers
        return file.read()


def publish(path: Path, text: str) -> bool:
    """Write the whole file under its name in one step, or leave the one that came first; whether it
    is ours."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path, text) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


def replace(path: Path, text: str) -> None:
    """Put the whole file in the place of the one that is there, in one step; its owner stays."""
    owner = path.stat()
    with _draft(path, text) as draft:
        if os.geteuid() == 0:
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)
    sync_folder(path.parent)


@contextmanager
def in_hand(path: Path) -> Iterator[None]:
    """Only one process at a time is in such a block for that file; raise InOtherHands for another.

    What is locked is the folder: the file itself is another one after it was replaced.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InOtherHands from None
        yield
    finally:
        os.close(folder)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(draft, text)
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Keep a new name over a power cut."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
