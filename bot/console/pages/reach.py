"""Whom a broadcast would reach now: counted when asked, stretch by stretch, in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape

from nicegui import background_tasks, ui

from bot.console import charts, telling
from bot.console.charts import Part, cell
from bot.console.pages.sheets import facts, html, nothing
from bot.console.seat import Seat
from bot.notices.forecast import done_at, seconds_left
from bot.notices.planning import Count, counted, selection_of
from conversations.replies import Word
from storage import Draft, Unavailable
from storage.campaigns import WRITTEN_TO


class Reach:
    """The button, a bar while it is counted, and what came of it. ``draft`` gives what is to be
    counted, None while there is nothing that could be."""

    def __init__(
        self, seat: Seat, draft: Callable[[], Draft | None], as_of: datetime | None = None
    ) -> None:
        self._seat = seat
        self._draft = draft
        self._as_of = as_of
        self._work: asyncio.Task[None] | None = None
        ask = seat.say(Word("console.broadcast.count"))
        self._button = ui.button(ask, icon="groups", on_click=self.begin)
        self._button.props("outline no-caps").classes("count")
        label = seat.say(Word("console.broadcast.counting"))
        self._bar = ui.linear_progress(0.0, show_value=False).props("rounded size=10px")
        self._bar.props(f'aria-label="{escape(label)}"').set_visibility(False)
        self._told = html("reach").props("role=status")
        seat.client.on_delete(self._stop)

    def forget(self) -> None:
        """What was counted is of something else by now."""
        self._stop()
        self._told.set_content("")

    async def begin(self) -> None:
        """Count; another count that is under way is broken off."""
        async with self._seat.acting():
            draft = self._draft()
            if draft is None:
                said = self._seat.say(Word("console.broadcast.count_first"))
                self._told.set_content(nothing(said))
                return
            self._stop()
            self._bar.set_value(0.0)
            self._bar.set_visibility(True)
            self._button.disable()
            self._work = background_tasks.create(self._count(draft), name="count an audience")

    async def _count(self, draft: Draft) -> None:
        office = self._seat.office
        now = office.now()
        selection = selection_of(draft, office.press.channels, now, self._as_of)
        try:
            found = await counted(office.database, selection, self._tell)
            self._told.set_content(_table(self._seat, found, draft, now))
        except Unavailable:
            self._told.set_content(nothing(self._seat.say(Word("console.busy"))))
        finally:
            # Another one may have taken its place.
            if self._work is asyncio.current_task():
                self._rest()

    def _tell(self, done: int, whole: int) -> None:
        self._bar.set_value(done / whole if whole else 1.0)

    def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._rest()

    def _rest(self) -> None:
        self._work = None
        self._bar.set_visibility(False)
        self._button.enable()


def _table(seat: Seat, found: Count, draft: Draft, now: datetime) -> str:
    """How many it reaches by channel, who is left out, and how long it would take. HTML."""
    whole = found.total + found.left_out.total()
    if not whole:
        return nothing(seat.say(Word("console.broadcast.reaches_nobody")))
    rows = [
        (telling.channel(seat, name), f"<b>{seat.number(count)}</b>")
        for name, count in found.reached.most_common()
    ]
    parts = [
        Part(seat.say(Word("console.broadcast.reached")), found.total, "", "var(--blue)"),
        Part(seat.say(Word("console.broadcast.left_out")), whole - found.total, "", "var(--stone)"),
    ]
    told = seat.say(Word("console.broadcast.reach_told", {"count": found.total, "whole": whole}))
    return (
        f'<p class="reach-total"><b>{seat.number(found.total)}</b> '
        f"<span>{escape(seat.say(Word('console.broadcast.people')))}</span></p>"
        f"{charts.stripe(parts, whole, told)}"
        f"{facts(rows)}{_left_out(seat, found)}{_end(seat, found, draft, now)}"
    )


def _left_out(seat: Seat, found: Count) -> str:
    if not found.left_out:
        return ""
    title = escape(seat.say(Word("console.broadcast.left_out")))
    many = seat.number(found.left_out.total())
    counts = {f"{channel}:{why}": count for (channel, why), count in found.left_out.items()}
    rows = left_out_rows(seat, counts)
    return f'<h3 class="reach-out">{title}: {many}</h3>{rows}'


def left_out_rows(seat: Seat, counts: dict[str, int]) -> str:
    """Who is not written to, by reason. HTML."""
    rows = [
        [f'<span class="sentence">{cell(why)}</span>', cell(channel), seat.number(count)]
        for channel, why, count in telling.left_out(seat, counts)
    ]
    heads = [
        seat.say(Word("console.broadcast.why")),
        seat.say(Word("console.broadcast.channel")),
        seat.say(Word("console.broadcast.people_count")),
    ]
    return charts.table(heads, rows, "numbers")


def _end(seat: Seat, found: Count, draft: Draft, now: datetime) -> str:
    said = would_end(seat, found.reached, now, urgent=draft.urgent)
    return f'<p class="soft">{escape(said)}</p>' if said else ""


def would_end(seat: Seat, waiting: Mapping[str, int], now: datetime, *, urgent: bool) -> str:
    """When it would be done if it started now, by how many wait on each channel; "" where that
    cannot be said."""
    limits = seat.office.press.standings.limits
    left = seconds_left({name: waiting.get(name, 0) for name in WRITTEN_TO}, {}, limits)
    if not left:
        return ""
    ends = done_at(now, left, urgent=urgent)
    span = seat.span((ends - now).total_seconds())
    return seat.say(Word("console.broadcast.would_end", {"end": seat.moment(ends), "span": span}))
