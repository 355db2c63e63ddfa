"""Makes inputs up out of good ones, feeds them, and keeps what was found.

An input is found if feeding it raises anything, or takes longer than LONGEST each of several times.
With ``--guided``, and atheris installed, inputs are made by what they reach in the code instead.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType

LONGEST = 0.05
"""Seconds of the processor that an answer may take: a busy machine is nobody's fault."""
TRIES = 4
"""How often a slow one is tried again: garbage is collected now and then."""
MOST = 4096
"""Bytes of an input; now and then it is much longer."""

Feed = Callable[[bytes], None]

ODD = (
    *(
        "\x00",
        "\u200f",
        "\u0307",
        "\ufeff",
        "\u2028",
        "\xad",
        "\u200d",
        "İ",
        "ı",
        "ß",
        "ﬁ",
        "Ⅷ",
        "🇹🇷",
    ),
    *("٣", "۴", "५", "𝟗", "①", "½", "０", "Σ", "ǆ", "\ud800", "\U0010ffff", "e\u0301" * 9, "ﷺ"),
    *("\r\n", "\t", "\\", '"', "'", "{", "}", "%s", "{card}", "[[", "&", "=", ";", ",", "+", "%00"),
    *("%F0", "-0", "1e999", "NaN", "null", "true", "9" * 400, "(" * 200, " " * 300, "a@" * 50),
)
"""Pieces that go wrong easily."""


@dataclass(frozen=True)
class Target:
    """Each of the ``feeds`` takes an input apart; ``seeds`` are good ones."""

    name: str
    feeds: Sequence[Feed]
    seeds: Sequence[bytes]


@dataclass
class Found:
    """How many inputs were fed, the slowest in seconds, and what was found with its reason."""

    inputs: int = 0
    slowest: float = 0.0
    finds: list[tuple[bytes, str]] = field(default_factory=list)


def fuzz(target: Target, runs: int, seed: int) -> Found:
    """Feed so many inputs."""
    found = Found()
    feed_all(target, runs, seed, found)
    return found


def feed_all(target: Target, runs: int, seed: int, found: Found) -> None:
    """The same, noted as it goes."""
    chance = random.Random(seed)
    known: set[str] = set()
    for number in range(runs):
        made = target.seeds[number] if number < len(target.seeds) else make(target, chance)
        reason = why_found(target, made, found)
        found.inputs += 1
        if reason and reason not in known:
            known.add(reason)
            found.finds.append((made, reason))


def why_found(target: Target, made: bytes, found: Found | None = None) -> str:
    """Why the input is one to keep; nothing if it is none."""
    reasons = (_reason(feed, made, found) for feed in target.feeds)
    return next(filter(None, reasons), "")


def _reason(feed: Feed, made: bytes, found: Found | None) -> str:
    shortest = float("inf")
    for _ in range(TRIES):
        began = time.process_time()
        try:
            feed(made)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} at {place.filename}:{place.lineno}"
        shortest = min(shortest, time.process_time() - began)
        if shortest <= LONGEST:
            break
    if found is not None:
        found.slowest = max(found.slowest, shortest)
    return f"slow: {len(made)} bytes" if shortest > LONGEST else ""


def make(target: Target, chance: random.Random) -> bytes:
    """A good input with a few things done to it."""
    made = bytearray(chance.choice(target.seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 5, 9))):
        chance.choice(_DEEDS)(made, chance, target.seeds)
    return bytes(made[: MOST if chance.random() < 0.99 else 40 * MOST])


def _insert_odd(made: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = chance.randint(0, len(made))
    made[at:at] = chance.choice(ODD).encode("utf-8", "surrogatepass")


def _insert_byte(made: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    made.insert(chance.randint(0, len(made)), chance.randrange(256))


def _change(made: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    if made:
        made[chance.randrange(len(made))] = chance.randrange(256)


def _drop(made: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = chance.randint(0, len(made))
    del made[at : at + chance.choice((1, 1, 2, 8, 64))]


def _repeat(made: bytearray, chance: random.Random, _: Sequence[bytes]) -> None:
    at = chance.randint(0, len(made))
    piece = made[at : at + chance.choice((1, 2, 4, 16, 64))]
    made[at:at] = piece * chance.choice((1, 2, 10, 200))


def _join(made: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    other = chance.choice(seeds)
    at = chance.randint(0, len(made))
    begin = chance.randint(0, len(other))
    made[at:] = chance.choice((b"", b" ", b"\n")) + other[begin:]


_DEEDS = (_insert_odd, _insert_odd, _insert_byte, _change, _drop, _repeat, _join)


# --- by hand --------------------------------------------------------------------------------


def main(target: Target) -> None:
    """Feed as the command line says; exit 1 if anything was found."""
    parser = argparse.ArgumentParser(description=f"Feed made-up input to: {target.name}")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", action="store_true", help="by atheris, by what it reaches")
    given = parser.parse_args()
    if given.guided:
        _guided(target, given.runs, given.seed)
        return
    began = time.monotonic()
    found = Found()
    # Whoever breaks it off is told what came of it so far.
    with suppress(KeyboardInterrupt):
        feed_all(target, given.runs, given.seed, found)
    for made, reason in found.finds:
        print(f"FOUND {reason}\n  {made[:300]!r}")
    seconds = time.monotonic() - began
    print(
        f"{target.name}: {found.inputs} inputs in {seconds:.0f} s, slowest"
        f" {found.slowest * 1000:.1f} ms, found {len(found.finds)}"
    )
    sys.exit(1 if found.finds else 0)


def _ours() -> Iterator[FunctionType]:
    """The product's own functions, as far as they are loaded."""
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and str(found.__module__).startswith(
            ("bot.", "conversations.")
        ):
            yield found


def _guided(target: Target, runs: int, seed: int) -> None:
    import atheris

    def feed(made: bytes) -> None:
        if reason := why_found(target, made):
            raise AssertionError(reason)

    for function in _ours():
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as folder:
        for number, good in enumerate(target.seeds):
            (Path(folder) / str(number)).write_bytes(good)
        words = [f"-runs={runs}", f"-seed={seed}", f"-max_len={MOST}", folder]
        atheris.Setup([sys.argv[0], *words], feed)
        atheris.Fuzz()
