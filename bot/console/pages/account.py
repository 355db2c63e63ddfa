"""Somebody's own affairs: their Telegram account, and when they signed in."""

from __future__ import annotations

from bot.console.seat import Seat


async def build(seat: Seat) -> None:
    """TODO"""
