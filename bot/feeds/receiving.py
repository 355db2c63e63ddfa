"""A file as it arrives: written down piece by piece, hashed, and never longer than it may be."""

from __future__ import annotations

import asyncio
import hashlib
import os

from bot.feeds.folder import Place
from bot.feeds.values import Kind, Refused

HELD = 1024 * 1024
"""Bytes that are held before they are written."""


class Upload:
    """One file that is being received. ``size`` is what has come so far, in bytes."""

    def __init__(self, kind: Kind, place: Place, most: int) -> None:
        self.kind = kind
        self.place = place
        self.size = 0
        self.taken = False
        self._most = most
        self._sha256 = hashlib.sha256()
        self._held = bytearray()
        self._file = os.fdopen(place.open(), "wb", buffering=0)

    @property
    def sha256(self) -> str:
        """Of what was received, in hexadecimal."""
        return self._sha256.hexdigest()

    async def add(self, piece: bytes) -> None:
        """Take the next piece. Raise Refused if it is too much, OSError if the disk takes none."""
        self.size += len(piece)
        if self.size > self._most:
            raise Refused("too_large")
        self._held += piece
        if len(self._held) >= HELD:
            await self._write()

    async def end(self) -> None:
        """All of it has come. Raise Refused if that is nothing."""
        await self._write()
        self._file.close()
        if not self.size:
            raise Refused("empty")

    async def _write(self) -> None:
        held, self._held = bytes(self._held), bytearray()
        await asyncio.to_thread(self._keep, held)

    def _keep(self, held: bytes) -> None:
        self._sha256.update(held)
        rest = memoryview(held)
        while rest:
            rest = rest[self._file.write(rest) :]

    def drop(self) -> None:
        """Nobody takes it in: it goes, unless somebody has."""
        self._file.close()
        if not self.taken:
            self.place.release()
