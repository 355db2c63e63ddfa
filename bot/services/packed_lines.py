"""Lines of bytes, plain or gzip, cut from pieces as they arrive; memory stays flat whatever comes.

Knows nothing of what a line says.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

LONGEST_LINE = 16 * 1024
"""Bytes; of a longer line no more is kept."""
PIECE = 64 * 1024
"""Bytes unpacked at once, so that no input, however well packed, fills the memory."""

FREE = 16 * 1024 * 1024
"""Bytes that may come out of packed ones, whatever went in."""
RATIO = 200
"""How many times as large more than that may be: JSON packs to a tenth, a bomb to a thousandth."""

_GZIP = b"\x1f\x8b"
"""How gzip begins (RFC 1952, 2.3.1)."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not empty, by its place in the whole, from 1.

    ``why`` it cannot be used: too_long, or gzip (the packed bytes break off here); else "".
    """

    number: int
    text: bytes
    why: str = ""


class TooLarge(Exception):
    """More bytes came than may, or far more came out of packed ones than any lines do."""


class PackedLines:
    """Cuts lines. ``most`` is how many bytes they may have together, unpacked.

    Lines come in lots, one for each PIECE, also where a lot is empty: whoever reads them can let
    others have a turn between two, however many blank lines come.
    """

    def __init__(self, most: int | None = None) -> None:
        self._room = most
        self._packed = self._plain = 0
        self._head: bytes | None = b""
        self._unpacker: _Unpacker | None = None
        self._rest = bytearray()
        self._number = 0

    def read(self, piece: bytes) -> Iterator[list[Line]]:
        """The lines that this piece completes, in lots. Raise TooLarge."""
        if self._head is not None:
            piece = self._head + piece
            if len(piece) < len(_GZIP):
                self._head = piece
                return
            self._begin(piece)
        yield from self._cut_all(piece)

    def end(self) -> Iterator[list[Line]]:
        """The last line, if nothing ended it; in packed bytes that break off it is no use."""
        if self._head:
            yield from self._cut_all(self._head)
        if self._unpacker is not None and not self._unpacker.whole:
            yield [Line(self._number + 1, bytes(self._rest[:LONGEST_LINE]), "gzip")]
        elif self._rest:
            yield self._ended([b""])

    def _begin(self, piece: bytes) -> None:
        self._head = None
        if piece.startswith(_GZIP):
            self._unpacker = _Unpacker()

    def _cut_all(self, piece: bytes) -> Iterator[list[Line]]:
        self._packed += len(piece)
        if self._unpacker is None:
            for start in range(0, len(piece), PIECE):
                yield self._cut(piece[start : start + PIECE])
            return
        for plain in self._unpacker.unpack(piece):
            yield self._cut(plain)

    def _cut(self, plain: bytes) -> list[Line]:
        self._plain += len(plain)
        if self._room is not None and self._plain > self._room:
            raise TooLarge
        if self._plain > max(FREE, self._packed * RATIO):
            raise TooLarge
        *ended, rest = plain.split(b"\n")
        lines = self._ended(ended)
        self._hold(rest)
        return lines

    def _hold(self, part: bytes) -> None:
        self._rest += part[: LONGEST_LINE + 1 - len(self._rest)]

    def _ended(self, parts: list[bytes]) -> list[Line]:
        """The lines that these parts end; what was held begins the first."""
        if not parts:
            return []
        self._hold(parts[0])
        parts[0] = bytes(self._rest)
        self._rest.clear()
        if self._number == 0:
            parts[0] = parts[0].removeprefix(_BYTE_ORDER_MARK)
        numbered = enumerate(parts, self._number + 1)
        self._number += len(parts)
        # Blank ones, of which a bomb is full, must not cost a call of ours each.
        return [
            _line(number, part)
            for number, part in numbered
            if part and (len(part) > LONGEST_LINE or not part.isspace())
        ]


def _line(number: int, text: bytes) -> Line:
    if len(text) > LONGEST_LINE:
        return Line(number, text[:LONGEST_LINE], "too_long")
    return Line(number, text.strip())


class _Unpacker:
    """Unpacks gzip, also of several members, which ``cat`` and parallel packers make."""

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None
        self._broken = False

    @property
    def whole(self) -> bool:
        """Whether the bytes so far end where gzip may end."""
        return not self._broken and self._member is None

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """The bytes in this piece, a little at a time; nothing more after a fault."""
        while packed and not self._broken:
            if self._member is None:
                # Tapes and block devices are filled up with zeros.
                packed = packed.lstrip(b"\0")
                self._member = zlib.decompressobj(_GZIP_WINDOW) if packed else None
            try:
                packed = yield from self._unpack_member(packed)
            except zlib.error:
                self._broken = True

    def _unpack_member(self, packed: bytes) -> Generator[bytes, None, bytes]:
        """As much of the open member as there is; gives back what comes after it."""
        if self._member is None:
            return b""
        plain = self._member.decompress(packed, PIECE)
        # A full piece may have left something inside that needs no further input.
        while plain:
            yield plain
            more = self._member.unconsumed_tail
            plain = self._member.decompress(more, PIECE) if not self._member.eof else b""
        if not self._member.eof:
            return b""
        after = self._member.unused_data
        self._member = None
        return after
