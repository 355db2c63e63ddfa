"""Where a file lies while it is received and taken in: in the home, for its owner alone.

There is one place for each kind of file. Whoever has it locks it, so that a process that was killed
leaves a place that the next one finds free, and clears. The lines that could not be taken stay for
a while, for they are wanted; being personal, not for long.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.feeds.values import Kind
from bot.notices.workers import locked

BAD_KEPT = timedelta(hours=12)
"""How long the lines that could not be taken are kept."""

_BAD = {Kind.RISKS: "risks.bad.jsonl", Kind.CARDS: "cards.bad.csv"}
"""What those who take files in call the file of bad lines."""


class Folder:
    """The folder of uploads in a home. ``wall`` tells the real time."""

    def __init__(self, home: Path, wall: Callable[[], datetime]) -> None:
        self._path = home / "uploads"
        self._wall = wall

    def lease(self, kind: Kind) -> Place | None:
        """The place for that kind, cleared; None if somebody has it."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = locked(self._path / f"{kind}.lock")
        if handle is None:
            return None
        place = Place(self._path / kind, self.bad_file(kind), handle)
        place.clear()
        self._remove_drafts(kind)
        return place

    def sweep(self) -> None:
        """Remove what a process that was killed left behind, and what was kept long enough."""
        if not self._path.exists():
            return
        for kind in Kind:
            place = self.lease(kind)
            if place is not None:
                place.release()
            self.forget(kind)

    def forget(self, kind: Kind) -> None:
        """Remove the lines that could not be taken, if they were kept long enough."""
        path = self.bad_file(kind)
        if path.exists() and self._age(path) >= BAD_KEPT:
            path.unlink(missing_ok=True)

    def bad_file(self, kind: Kind) -> Path:
        """Where the lines are that could not be taken, if there are any."""
        return self._path / _BAD[kind]

    def room(self) -> int:
        """Bytes that are free there."""
        return shutil.disk_usage(self._path.parent).free

    def _age(self, path: Path) -> timedelta:
        return timedelta(seconds=self._wall().timestamp() - path.stat().st_mtime)

    def _remove_drafts(self, kind: Kind) -> None:
        for draft in self._path.glob(f".{kind}.*.draft"):
            draft.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Place:
    """A place that is ours until it is released."""

    path: Path
    bad_file: Path
    handle: int

    def open(self) -> int:
        """A handle of a new file there, readable by its owner alone; older bad lines go."""
        self.bad_file.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)

    def clear(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def release(self) -> None:
        """Remove the file and let others have the place."""
        self.clear()
        os.close(self.handle)
