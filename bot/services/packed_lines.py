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
    """More bytes came than may."""


class PackedLines:
    """Cuts lines. ``most`` is how many bytes they may have together, unpacked."""

    def __init__(self, most: int | None = None) -> None:
        self._room = most
        self._head: bytes | None = b""
        self._unpacker: _Unpacker | None = None
        self._rest = bytearray()
        self._number = 0

    def read(self, piece: bytes) -> Iterator[Line]:
        """The lines that this piece completes. Raise TooLarge."""
        if self._head is not None:
            piece = self._head + piece
            if len(piece) < len(_GZIP):
                self._head = piece
                return
            self._begin(piece)
        yield from self._cut_all(piece)

    def end(self) -> Iterator[Line]:
        """The last line, if nothing ended it; in packed bytes that break off it is no use."""
        if self._head:
            yield from self._cut_all(self._head)
        if self._unpacker is not None and not self._unpacker.whole:
            yield Line(self._number + 1, bytes(self._rest[:LONGEST_LINE]), "gzip")
        elif self._rest:
            yield from self._ended(b"")

    def _begin(self, piece: bytes) -> None:
        self._head = None
        if piece.startswith(_GZIP):
            self._unpacker = _Unpacker()

    def _cut_all(self, piece: bytes) -> Iterator[Line]:
        if self._unpacker is None:
            yield from self._cut(piece)
            return
        for plain in self._unpacker.unpack(piece):
            yield from self._cut(plain)

    def _cut(self, plain: bytes) -> Iterator[Line]:
        if self._room is not None:
            self._room -= len(plain)
            if self._room < 0:
                raise TooLarge
        *ended, rest = plain.split(b"\n")
        for part in ended:
            yield from self._ended(part)
        self._hold(rest)

    def _hold(self, part: bytes) -> None:
        self._rest += part[: LONGEST_LINE + 1 - len(self._rest)]

    def _ended(self, part: bytes) -> Iterator[Line]:
        self._hold(part)
        self._number += 1
        text = bytes(self._rest)
        self._rest.clear()
        if self._number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        if len(text) > LONGEST_LINE:
            yield Line(self._number, text[:LONGEST_LINE], "too_long")
        elif text := text.strip():
            yield Line(self._number, text)


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
