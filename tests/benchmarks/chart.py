"""Bars as an SVG picture, drawn by hand: no library draws it, and any browser shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, BAR, GAP, TOP = 860, 300, 22, 12, 64
ROOM = WIDTH - LEFT - 200
"""Pixels of the longest bar; the words beside it need the rest."""
OURS, THEIRS = "#0b6e99", "#9aa5ab"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2a30}.title{font-size:16px;font-weight:600}"
    ".small{fill:#5a6870}@media(prefers-color-scheme:dark){text{fill:#e6ecef}.small{fill:#a9b6bd}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    name: str
    value: float
    words: str
    ours: bool


def bars(title: str, subtitle: str, wanted: Sequence[Bar]) -> str:
    """One bar under another, as long as its value says."""
    longest = max((bar.value for bar in wanted), default=1.0) or 1.0
    height = TOP + len(wanted) * (BAR + GAP) + GAP
    lines = [
        _opening(height, title),
        f"<style>{STYLE}</style>",
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
        f'<text class="small" x="16" y="46">{escape(subtitle)}</text>',
        *(_bar(place, bar, longest) for place, bar in enumerate(wanted)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _opening(height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">'
    )


def _bar(place: int, bar: Bar, longest: float) -> str:
    top = TOP + place * (BAR + GAP)
    length = max(2.0, ROOM * bar.value / longest)
    middle, colour = top + BAR * 0.7, OURS if bar.ours else THEIRS
    return (
        f'<text x="{LEFT - 10}" y="{middle:.0f}" text-anchor="end">{escape(bar.name)}</text>'
        f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" rx="3" fill="{colour}"/>'
        f'<text class="small" x="{LEFT + length + 8:.1f}" y="{middle:.0f}">'
        f"{escape(bar.words)}</text>"
    )
