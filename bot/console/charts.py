"""Charts and tables for the console's pages. Colours are the palette's variables, so that a chart
follows light and dark by itself.

Takes words and numbers that are said already; knows no figure's meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from nicegui import ui

SOFT, LINE, SHEET, INK = "var(--soft-ink)", "var(--line)", "var(--sheet)", "var(--ink)"
FACE = "var(--face)"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole: its name, how large it is, how that is said, a variable of the palette."""

    name: str
    size: float
    said: str
    colour: str


HOURS = {
    ":interval": "(place, label) => /(00|06|12|18):00$/.test(label)",
    ":formatter": "label => label.endsWith('00:00') ? label.slice(0, -6) : label.slice(-5)",
}
"""For an axis of hours, named with their days: every sixth, and the day at midnight."""


def bars(locale: str, axis: Mapping[str, str] | None = None) -> ui.echart:
    """A bar chart without bars; see ``fill_bars``. ``axis``: how its labels are chosen."""
    text = {"color": SOFT, "fontFamily": FACE, "fontSize": 12}
    said = f"value => value.toLocaleString('{locale}')"
    options: dict[str, Any] = {
        "animation": False,
        "grid": {"left": 2, "right": 8, "top": 14, "bottom": 4, "containLabel": True},
        "tooltip": _tooltip() | {"trigger": "axis", "axisPointer": {"type": "none"}},
        "xAxis": {
            "type": "category",
            "data": [],
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": LINE}},
            "axisLabel": text | {"hideOverlap": True} | dict(axis or {}),
        },
        "yAxis": {
            "type": "value",
            "minInterval": 1,
            "splitNumber": 3,
            "splitLine": {"lineStyle": {"color": LINE}},
            "axisLabel": text | {":formatter": said},
        },
        "series": [
            {
                "type": "bar",
                "data": [],
                "barCategoryGap": "28%",
                "itemStyle": {"color": "var(--blue)", "borderRadius": [3, 3, 0, 0]},
                "emphasis": {"disabled": True},
                "tooltip": {":valueFormatter": said},
            }
        ],
    }
    return ui.echart(options, renderer="svg").classes("chart").props("role=img")


def fill_bars(
    chart: ui.echart, name: str, labels: Sequence[str], values: Sequence[int], told: str
) -> None:
    """Give the chart its bars; the last one is not complete yet. ``told`` says it in a sentence."""
    chart.props(f'aria-label="{escape(told)}"')
    *whole, last = values
    growing = {"value": last, "itemStyle": {"color": "var(--blue)", "opacity": 0.45}}
    chart.options["xAxis"]["data"] = list(labels)
    chart.options["series"][0] |= {"name": name, "data": [*whole, growing]}
    chart.update()


def donut() -> ui.echart:
    """A ring without parts; see ``fill_donut``."""
    options: dict[str, Any] = {
        "animation": False,
        "tooltip": _tooltip() | {"trigger": "item", ":formatter": "item => item.data.said"},
        "series": [
            {
                "type": "pie",
                "radius": ["66%", "96%"],
                "label": {"show": False},
                "itemStyle": {"borderColor": SHEET, "borderWidth": 2},
                "emphasis": {"disabled": True},
                "emptyCircleStyle": {"color": "var(--sunk)"},
                "data": [],
            }
        ],
    }
    return ui.echart(options, renderer="svg").classes("donut").props("role=img aria-hidden=true")


def fill_donut(chart: ui.echart, parts: Iterable[Part]) -> None:
    """Give the ring its parts; what is not there leaves no gap."""
    chart.options["series"][0]["data"] = [
        {
            "name": part.name,
            "value": part.size,
            "said": f"{escape(part.name)}: {escape(part.said)}",
            "itemStyle": {"color": part.colour},
        }
        for part in parts
        if part.size
    ]
    chart.update()


def _tooltip() -> dict[str, Any]:
    return {
        "confine": True,
        "backgroundColor": SHEET,
        "borderColor": LINE,
        "textStyle": {"color": INK, "fontFamily": FACE, "fontSize": 13},
    }


def stripe(parts: Iterable[Part], whole: float, told: str) -> str:
    """A line as long as the whole, filled by its parts in order. HTML."""
    pieces = "".join(
        f'<i style="width:{_width(part.size, whole)};background:{part.colour}"></i>'
        for part in parts
        if part.size
    )
    return f'<div class="stripe" role="img" aria-label="{escape(told)}">{pieces}</div>'


def legend(parts: Iterable[Part]) -> str:
    """The parts with their colours and sizes. HTML."""
    rows = "".join(
        f'<li><i style="background:{part.colour}"></i><span>{escape(part.name)}</span>'
        f"<b>{escape(part.said)}</b></li>"
        for part in parts
    )
    return f'<ul class="legend">{rows}</ul>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table of HTML cells; the first of each row is its head. What is not markup is escaped by
    whoever gives it, see ``cell``. On narrow screens each cell stands below the other, named."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(_row(heads, row) for row in rows)
    return (
        f'<table class="table {kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _row(heads: Sequence[str], row: Sequence[str]) -> str:
    first, *rest = row
    cells = "".join(
        f'<td data-head="{escape(head)}"><div>{each}</div></td>' if each else "<td></td>"
        for head, each in zip(heads[1:], rest, strict=True)
    )
    return f'<tr><th scope="row">{first}</th>{cells}</tr>'


def cell(text: str, beneath: str = "") -> str:
    """A cell's text, with a smaller line beneath it. HTML."""
    return escape(text) + (f"<small>{escape(beneath)}</small>" if beneath else "")


def meter(size: float, whole: float, colour: str = "var(--blue)") -> str:
    """A thin line for a cell, as long as the share. HTML; what it says is said beside it."""
    line = f'<i style="width:{_width(size, whole)};background:{colour}"></i>'
    return f'<div class="meter" aria-hidden="true">{line}</div>'


def _width(size: float, whole: float) -> str:
    """At least a sliver, so that something is seen of what is there."""
    share = min(size / whole, 1.0) if whole else 0.0
    return f"max({share * 100:.3f}%, 2px)" if size else "0"
