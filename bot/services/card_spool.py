"""Sealed cards put in the order of their keys, by way of files without a name.

An index over random keys takes a million cards in their order many times faster than as they come.
The files go with the process, however it ends. Knows no list and no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from storage.card_files import Listed
from storage.vault import INDEX_BYTES

HEAPS = 128
"""By the beginning of the key; 34 million cards make heaps of 17 MB."""

_BUFFER = 64 * 1024
_FLAGS: tuple[bool | None, ...] = (None, False, True)


@dataclass(frozen=True, slots=True)
class Packed:
    """Cards as bytes, all of one width, in heaps by the beginning of their keys."""

    heaps: list[bytes] = field(repr=False)
    width: int
    count: int


def pack(cards: Sequence[Listed]) -> Packed:
    """Pack sealed cards; those with one key stay in their order."""
    heaps: list[list[bytes]] = [[] for _ in range(HEAPS)]
    for key, number, personalised in cards:
        heaps[key[0] * HEAPS >> 8].append(key + _MARKS[personalised] + number)
    width = INDEX_BYTES + 1 + len(cards[0][1]) if cards else 0
    return Packed([b"".join(heap) for heap in heaps], width, len(cards))


_MARKS = {flag: bytes([place]) for place, flag in enumerate(_FLAGS)}


class Spool:
    """Takes packed cards in and gives them back in the order of their keys.

    Raise OSError if the folder cannot take them.
    """

    def __init__(self, folder: Path) -> None:
        self._heaps = [
            TemporaryFile(dir=folder, buffering=_BUFFER)  # noqa: SIM115
            for _ in range(HEAPS)
        ]
        self._width = 0
        self.count = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._heaps:
            file.close()

    def add(self, packed: Packed) -> None:
        """Lay the cards on their heaps."""
        self._width = packed.width or self._width
        self.count += packed.count
        for file, heap in zip(self._heaps, packed.heaps, strict=True):
            file.write(heap)

    def flush(self) -> None:
        """Bring all of them to the disk, or raise OSError if they do not fit."""
        for file in self._heaps:
            file.flush()

    def sorted(self, start: int, size: int) -> Iterator[list[Listed]]:
        """The cards from the one with that place on, in parts of that size."""
        cards = islice(chain.from_iterable(map(self._cards, self._heaps)), start, None)
        while part := [_listed(card) for card in islice(cards, size)]:
            yield part

    def _cards(self, file: IO[bytes]) -> list[bytes]:
        file.seek(0)
        heap, width = file.read(), self._width
        cards = [heap[place : place + width] for place in range(0, len(heap), width or 1)]
        return sorted(cards, key=itemgetter(slice(INDEX_BYTES)))


def _listed(card: bytes) -> Listed:
    return card[:INDEX_BYTES], card[INDEX_BYTES + 1 :], _FLAGS[card[INDEX_BYTES]]
