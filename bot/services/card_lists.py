"""A list of cards as a file: what it must be to be taken in, its parts, and the file of bad lines.

Knows what a line is, not what it says of a card, and no record.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO, cast

from bot.services.card_lines import LONGEST, BadLine, read_lines
from bot.services.targets import obstacle

BLOCK = 384 * 1024
"""Bytes of a part: some twenty thousand lines."""

_PIECE = 1024 * 1024
_GZIP = b"\x1f\x8b"
"""RFC 1952, 2.3.1."""
_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
"""What no text has; 0x1A ends files of DOS."""
_HEADING = b"line,reason,content\n"


class UnusableFile(Exception):
    """A file cannot be taken in. The message is its name and why, never a line of it.

    ``why`` is the same as a code: busy, changed, damaged, disk, empty, no_card, not_text,
    too_large, unfit (its place or kind), utf_16.
    """

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines: the number of the first and of the last, and where they end, in bytes."""

    content: bytes = field(repr=False)
    first: int
    last: int
    end: int


@dataclass(frozen=True, slots=True)
class CardList:
    """A file that was read once to its end. Hash and size are of what is in it, unpacked.

    So the same list is known again under another name, and packed or not.
    """

    path: Path
    sha256: str
    size: int
    stamp: tuple[int, int, int]

    @property
    def bad_path(self) -> Path:
        """Where its bad lines are written."""
        return self.path.with_name(f"{self.path.name}.bad.csv")

    def blocks(self) -> Iterator[Block]:
        """What is in it, part by part.

        Raise UnusableFile, also if somebody has changed the file since it was examined.
        """
        with plain_faults(self.path), self.path.open("rb") as file:
            for block in _blocks(_unpacked(file)):
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise UnusableFile(
                        f"{self.path}: was changed meanwhile; give it again", "changed"
                    )
                yield block


def examine(path: Path, most: int | None = None) -> CardList:
    """Read the file to its end; raise UnusableFile if it is no list of anything, or holds more than
    ``most`` bytes, unpacked."""
    with plain_faults(path):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnusableFile(f"{path}: is not a file", "unfit")
        with path.open("rb") as file:
            digest, size = _digest(path, _unpacked(file), most)
    return CardList(path, digest, size, _stamp(found))


def _blocks(text: BinaryIO) -> Iterator[Block]:
    """Of a line that is too long for any card the end may be left out."""
    position = line = 0
    while content := text.read(BLOCK):
        position += len(content)
        if not content.endswith(b"\n"):
            rest = text.readline(LONGEST)
            content, position = content + rest, position + len(rest)
            while rest and not rest.endswith(b"\n"):
                rest = text.readline(_PIECE)
                position += len(rest)
        last = line + content.count(b"\n") + (not content.endswith(b"\n"))
        yield Block(content, line + 1, last, position)
        line = last


class BadLines:
    """The file of the lines that could not be understood, open and nobody else's meanwhile."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file

    @property
    def empty(self) -> bool:
        """Whether there is no line in it."""
        self._file.flush()
        return os.fstat(self._file.fileno()).st_size == 0

    def clear(self) -> None:
        """Throw away what an earlier attempt wrote."""
        with plain_faults(self.path):
            os.fchmod(self._file.fileno(), 0o600)
            self._file.seek(0)
            self._file.truncate()

    def add(self, lines: Iterable[BadLine]) -> None:
        """Write down lines with their numbers, why, and as they were."""
        with plain_faults(self.path):
            for bad in lines:
                if self._file.tell() == 0:
                    self._file.write(_HEADING)
                content = bad.content.rstrip(b"\r").replace(b'"', b'""')
                self._file.write(b'%d,%s,"%s"\n' % (bad.line, bad.reason.encode(), content))

    def keep(self) -> None:
        """Bring it to the disk."""
        with plain_faults(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())


@contextmanager
def bad_lines(path: Path) -> Iterator[BadLines]:
    """Open the file of bad lines, and remove it if there are none in the end.

    Raise UnusableFile if it cannot be written or somebody else is at it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with plain_faults(path):
        # An empty file is taken away in the end; a device must not be.
        if why := obstacle(path):
            raise UnusableFile(f"{path}: {why}", "unfit")
        file = os.fdopen(os.open(path, flags, 0o600), "r+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            why = f"{path}: the list is being taken in by another process"
            raise UnusableFile(why, "busy") from None
        bad = BadLines(path, cast("BinaryIO", file))
        try:
            yield bad
        finally:
            if bad.empty:
                path.unlink(missing_ok=True)


@contextmanager
def plain_faults(path: Path) -> Iterator[None]:
    """What the system refuses to do with the file, as UnusableFile."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnusableFile(f"{path}: is packed, and damaged or cut off", "damaged") from None
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or 'cannot be used'}", "disk") from None


def _unpacked(file: IO[bytes]) -> BinaryIO:
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return cast("BinaryIO", gzip.GzipFile(fileobj=file) if packed else file)


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _digest(path: Path, text: BinaryIO, most: int | None) -> tuple[str, int]:
    sha256, size = hashlib.sha256(), 0
    piece = text.read(_PIECE)
    _check_beginning(path, piece)
    while piece:
        sha256.update(piece)
        size += len(piece)
        if most is not None and size > most:
            raise UnusableFile(f"{path}: holds more than a list of cards can", "too_large")
        piece = text.read(_PIECE)
    return sha256.hexdigest(), size


def _check_beginning(path: Path, piece: bytes) -> None:
    if not piece.removeprefix(_UTF_8_MARK).strip():
        raise UnusableFile(f"{path}: is empty", "empty")
    if piece.startswith(_UTF_16_MARKS):
        raise UnusableFile(f"{path}: is UTF-16; save it as CSV in UTF-8", "utf_16")
    if _CONTROLS.search(piece):
        raise UnusableFile(f"{path}: is not a text; a CSV file is needed", "not_text")
    # Half a line at the end says nothing.
    if not read_lines(piece[: piece.rfind(b"\n") + 1] or piece, 1).numbers:
        raise UnusableFile(f"{path}: no card number can be read there", "no_card")
