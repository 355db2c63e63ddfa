"""What a check found, and what to do about it. Knows no check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. ``WARN``: it works, and somebody should look at it. ``FAIL``: it does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's. Neither text holds a secret or anything of a person."""

    level: Level
    name: str
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, name, found)


def warn(name: str, found: str, advice: str) -> Finding:
    """It works for now."""
    return Finding(Level.WARN, name, found, advice)


def fail(name: str, found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, name, found, advice)
