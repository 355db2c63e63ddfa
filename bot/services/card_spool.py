"""Sealed cards put in the order of their keys, by way of files without a name.

An index over random keys takes a million cards in their order many times faster than as they come.
The files go with the process, however it ends. Knows no list and no database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile

from storage.card_files import Listed
from storage.vault import INDEX_BYTES

HEAPS = 128
"""By the beginning of the key; 34 million cards make heaps of 17 MB."""

_BUFFER = 64 * 1024
_KEY: Callable[[bytes], bytes] = itemgetter(slice(INDEX_BYTES))
_FLAGS: tuple[bool | None, ...] = (None, False, True)


@dataclass(frozen=True, slots=True)
class Packed:
    """Cards as bytes, all of one width, in heaps by the beginning of their keys."""

    heaps: list[bytes] = field(repr=False)
    width: int


def pack(cards: Sequence[Listed]) -> Packed:
    """Pack sealed cards; those with one key stay in their order."""
    heaps: list[list[bytes]] = [[] for _ in range(HEAPS)]
    for key, number, personalised in cards:
        heaps[key[0] * HEAPS >> 8].append(key + _MARKS[personalised] + number)
    width = INDEX_BYTES + 1 + len(cards[0][1]) if cards else 0
    return Packed([b"".join(heap) for heap in heaps], width)


_MARKS = {flag: bytes([place]) for place, flag in enumerate(_FLAGS)}


class Spool:
    """Takes packed cards in and gives them back heap by heap, in the order of the heaps.

    ``width`` is that of a card in bytes, ``counts`` how many cards are on each heap. Raise OSError
    if the folder cannot take them.
    """

    def __init__(self, folder: Path) -> None:
        self._heaps = [
            TemporaryFile(dir=folder, buffering=_BUFFER)  # noqa: SIM115
            for _ in range(HEAPS)
        ]
        self.width = 0
        self.counts = [0] * HEAPS

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._heaps:
            file.close()

    def add(self, packed: Packed) -> None:
        """Lay the cards on their heaps."""
        self.width = packed.width or self.width
        for place, heap in enumerate(packed.heaps):
            self._heaps[place].write(heap)
            self.counts[place] += len(heap) // (packed.width or 1)

    def flush(self) -> None:
        """Bring all of them to the disk, or raise OSError if they do not fit."""
        for file in self._heaps:
            file.flush()

    def heap(self, place: int) -> bytes:
        """The cards of a heap, as they came."""
        file = self._heaps[place]
        file.seek(0)
        heap: bytes = file.read()
        return heap


def in_order(heap: bytes, width: int) -> bytes:
    """The cards of a heap in the order of their keys; those with one key as they came.

    It keeps Python's lock all the while: the longest heap takes half a second.
    """
    cards = [heap[place : place + width] for place in range(0, len(heap), width)]
    cards.sort(key=_KEY)
    return b"".join(cards)


def unpack(cards: bytes, width: int) -> list[Listed]:
    """The cards that are in these bytes."""
    return [_listed(cards[place : place + width]) for place in range(0, len(cards), width)]


def _listed(card: bytes) -> Listed:
    return card[:INDEX_BYTES], card[INDEX_BYTES + 1 :], _FLAGS[card[INDEX_BYTES]]
