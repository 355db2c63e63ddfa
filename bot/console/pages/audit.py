"""What the staff did and looked at, and whether the chain of it holds. For auditors."""

from __future__ import annotations

from bot.console.seat import Seat


async def build(seat: Seat) -> None:
    """The newest first."""
