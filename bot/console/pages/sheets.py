"""Pieces that the broadcasts' pages are made of: cards, chips, lists of facts."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nicegui import ui

from bot.console import telling
from bot.console.seat import Seat
from conversations.broadcasts import Stage
from conversations.replies import Word


def card(title: str, kind: str = "") -> ui.element:
    """A part of a page, with its name above it."""
    section = ui.element("section").classes(f"card {kind}").props(f'aria-label="{escape(title)}"')
    with section:
        ui.html(escape(title), sanitize=False, tag="h2").classes("card-title")
    return section


def html(kind: str = "") -> ui.html:
    """A place for HTML that we make ourselves, empty at first."""
    return ui.html("", sanitize=False).classes(kind)


def chip(seat: Seat, stage: Stage) -> str:
    """A broadcast's stage. HTML."""
    return f'<span class="chip {stage}">{escape(telling.stage(seat, stage))}</span>'


def urgent_chip(seat: Seat) -> str:
    """HTML."""
    return f'<span class="chip urgent">{escape(seat.say(Word("console.broadcast.urgent")))}</span>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, one below the other. HTML; the values are HTML already."""
    lines = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in rows)
    return f'<dl class="facts">{lines}</dl>'


def nothing(text: str) -> str:
    """Why there is nothing. HTML."""
    return f'<p class="nothing">{escape(text)}</p>'
