"""How the console looks to one person: its language, light or dark. Kept in two cookies.

Nothing here is secret and nothing decides what anybody may do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

LANGUAGE, THEME = "hesbot_dil", "hesbot_renk"
"""The names of the cookies."""
AGE = 365 * 24 * 3600
"""Seconds they are kept."""


class Theme(StrEnum):
    """``SYSTEM`` goes by what the device is set to."""

    SYSTEM = "sistem"
    LIGHT = "acik"
    DARK = "koyu"

    @property
    def dark(self) -> bool | None:
        """None: as the device says."""
        return None if self is Theme.SYSTEM else self is Theme.DARK


@dataclass(frozen=True, slots=True)
class Look:
    """A language that we speak, and a theme."""

    locale: str
    theme: Theme = Theme.SYSTEM


def look(cookies: Mapping[str, str], locales: Sequence[str]) -> Look:
    """What the cookies say, as far as it can be had; the first language stands in."""
    locale = cookies.get(LANGUAGE, "")
    return Look(locale if locale in locales else locales[0], theme(cookies.get(THEME, "")))


def theme(name: str) -> Theme:
    """The theme of that name, or the device's."""
    return Theme(name) if name in Theme._value2member_map_ else Theme.SYSTEM
