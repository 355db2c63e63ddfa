"""Workers that read and seal parts of a list of cards.

Processes, since sealing keeps Python's lock; for a short list, a thread.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context, parent_process
from typing import ClassVar

from bot.services.card_lines import BadLine, read_lines
from bot.services.card_spool import Packed, pack
from storage import KeyRing, Registry, Vault
from storage.card_files import seal_all
from storage.cards import Cards

MOST_WORKERS = 4
GENTLENESS = 10
"""How far workers stand back for others, see nice(2)."""
SMALL = 2 * 1024 * 1024
"""Bytes of a list for which it does not pay to start processes."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The cards of a part of a list, and its bad lines."""

    cards: Packed
    bad: list[BadLine]


@contextmanager
def sealers(
    ring: KeyRing, deadline: datetime, size: int, *, gentle: bool = False
) -> Iterator[Executor]:
    """Workers to run ``seal`` for a list of that size, in bytes.

    ``gentle`` ones leave a processor to others, and give way to them on the rest.
    """
    keys = (ring, deadline)
    pool: Executor
    if size <= SMALL:
        pool = ThreadPoolExecutor(1, initializer=_start, initargs=keys)
    else:
        count = max(1, min(MOST_WORKERS, (os.cpu_count() or 1) - gentle))
        # Never by fork: whoever asks may run threads, whose locks a copy would keep for ever.
        context = get_context("spawn")
        start = (*keys, GENTLENESS if gentle else 0)
        pool = ProcessPoolExecutor(count, context, initializer=_start_process, initargs=start)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """What a worker keeps from one part to the next."""

    cards: ClassVar[Cards]


def seal(content: bytes, first: int) -> Sealed:
    """Read whole lines, of which the first has that number, and seal their cards. In a worker."""
    found = read_lines(content, first)
    cards = seal_all(_Worker.cards, found.numbers, found.personalised)
    return Sealed(pack(cards), found.bad)


def _start(ring: KeyRing, deadline: datetime) -> None:
    _Worker.cards = Registry(Vault(ring), deadline=deadline).cards


def _start_process(ring: KeyRing, deadline: datetime, gentleness: int) -> None:
    os.nice(gentleness)
    # Ctrl-C is for the parent, which then tells its workers to go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _start(ring, deadline)
    # Sealing makes no garbage that has to be looked for.
    gc.disable()


def _leave_with_parent() -> None:
    """A parent that is killed tells nobody, and its workers would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
