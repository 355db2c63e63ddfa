"""The bounds of this process, put together from the settings. A part of the composition root."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.callers import Places, callers
from bot.channels.base import OURS, Answer, Channel, FrontDesk, Limits
from bot.clock import steady
from bot.pacing import Allowance, Gate, Meter
from bot.settings import Settings
from bot.wording import Wording
from conversations.replies import Reply

REFUSALS = Allowance(burst=200, rate=5.0)
"""Requests without the right key or signature, of one IP address."""


@dataclass(frozen=True, slots=True)
class Gates:
    """The way to the desk, and the bounds of visitors of the page and of who has no business."""

    desk: Gate
    visitors: Places
    strangers: Places


def gates(
    settings: Settings, desk: FrontDesk, wording: Wording, limits: Mapping[str, Limits]
) -> Gates:
    """As the settings say. ``limits``: what each channel can carry."""

    def words(channel: str, locale: str, seconds: int) -> Answer:
        return wording.answer((Reply("pace", {"seconds": seconds}),), locale, limits[channel])

    each = Allowance(settings.address_burst, settings.address_rate)
    visitors = Meter(Allowance(settings.ip_burst, settings.ip_rate), steady)
    return Gates(
        Gate(desk, each, steady, words),
        Places(callers(settings), visitors),
        strangers(settings),
    )


def carried(channels: Iterable[Channel], public_url: str | None) -> dict[str, Limits]:
    """What each channel can carry. Where the world reaches us, who will not have a messenger carry
    their data can go on at our page."""
    return {
        channel.name: channel.limits
        if channel.name in OURS
        else replace(channel.limits, page=public_url or "")
        for channel in channels
    }


def strangers(settings: Settings) -> Places:
    """The bound of what is refused of one place."""
    return Places(callers(settings), Meter(REFUSALS, steady))
