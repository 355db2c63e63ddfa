"""What was found once stays mended; and a little is made up every time."""

from __future__ import annotations

import time

import pytest

from tests.fuzz import channels, engine, lines, parsers
from tests.fuzz.feeding import Target, fuzz, why_found

TARGETS = (channels.TARGET, engine.TARGET, lines.TARGET, parsers.TARGET)
FOUND: tuple[tuple[Target, bytes], ...] = (
    (parsers.TARGET, "a ı b 2 ".encode() + b"3 " * 230),
    (parsers.TARGET, b"5 " * 250),
    (lines.TARGET, b"2021"),
    (lines.TARGET, b"[" * 100_000),
)
"""Inputs that were found, or nearly, each with what it was fed to."""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_made_up_is_too_much(target: Target) -> None:
    """A few hundred inputs, the same ones every time."""
    runs = 150 if target is engine.TARGET else 1500
    assert fuzz(target, runs, seed=7).finds == []


@pytest.mark.parametrize(("target", "made"), FOUND)
def test_what_was_found_stays_mended(target: Target, made: bytes) -> None:
    """Neither raises nor takes long any more."""
    assert why_found(target, made) == ""


def test_a_find_is_noticed() -> None:
    """What raises, and what takes too long each time."""

    def raising(made: bytes) -> None:
        if b"x" in made:
            raise KeyError

    def slow(made: bytes) -> None:
        until = time.process_time() + (0.06 if made == b"slow" else 0)
        while time.process_time() < until:
            """Nothing is done, and that takes its time."""

    target = Target("broken", (raising, slow), (b"axb", b"slow", b"good"))
    reasons = [reason for _, reason in fuzz(target, 3, seed=1).finds]
    assert reasons[0].startswith("KeyError at ")
    assert reasons[1:] == ["slow: 4 bytes"]
