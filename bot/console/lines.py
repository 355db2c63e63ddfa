"""A line over time, as a chart in the palette's colours. Knows no figure's meaning."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from nicegui import ui

from bot.console.charts import FACE, INK, LINE, SHEET, SOFT


def line(locale: str) -> ui.echart:
    """A chart without a line; see ``fill_line``."""
    text = {"color": SOFT, "fontFamily": FACE, "fontSize": 12}
    said = f"value => value.toLocaleString('{locale}', {{maximumFractionDigits: 1}})"
    options: dict[str, Any] = {
        "animation": False,
        "grid": {"left": 0, "right": 28, "top": 14, "bottom": 0, "containLabel": True},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "backgroundColor": SHEET,
            "borderColor": LINE,
            "textStyle": {"color": INK, "fontFamily": FACE, "fontSize": 13},
        },
        "xAxis": {
            "type": "category",
            "boundaryGap": False,
            "data": [],
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": LINE}},
            "axisLabel": text | {"hideOverlap": True},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "splitNumber": 3,
            "splitLine": {"lineStyle": {"color": LINE}},
            "axisLabel": text | {":formatter": said},
        },
        "series": [
            {
                "type": "line",
                "data": [],
                "showSymbol": False,
                "lineStyle": {"color": "var(--blue)", "width": 2},
                "itemStyle": {"color": "var(--blue)"},
                "areaStyle": {"color": "var(--blue)", "opacity": 0.12},
                "emphasis": {"disabled": True},
                "tooltip": {":valueFormatter": said},
            }
        ],
    }
    return ui.echart(options, renderer="svg").classes("chart").props("role=img")


def fill_line(
    chart: ui.echart,
    name: str,
    labels: Sequence[str],
    values: Sequence[float],
    told: str,
    limit: tuple[str, float] | None = None,
) -> None:
    """Give the chart its line. ``told`` says it in a sentence; ``limit`` is a line that the values
    should not pass, with its name."""
    chart.props(f'aria-label="{escape(told)}"')
    chart.options["xAxis"]["data"] = list(labels)
    chart.options["series"][0] |= {"name": name, "data": [round(each, 1) for each in values]}
    if limit is not None:
        said, height = limit
        chart.options["yAxis"]["max"] = round(max([height, *values]) * 1.15, 1)
        chart.options["series"][0]["markLine"] = {
            "silent": True,
            "symbol": "none",
            "animation": False,
            "data": [{"yAxis": height}],
            "lineStyle": {"color": "var(--saffron)", "type": "dashed"},
            "label": {"formatter": said, "position": "insideEndTop", "color": "var(--saffron)"},
        }
    chart.update()
