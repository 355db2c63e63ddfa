"""The first page: how the pairing of the city's cards goes."""

from __future__ import annotations

from nicegui import ui

from bot.console.seat import Seat


async def build(seat: Seat) -> None:
    """TODO"""
    with ui.element("section").classes("card"):
        ui.label(seat.number(34260087)).classes("figure")
