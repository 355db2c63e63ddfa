"""A broadcast under way: how far it is, how fast it goes, when it ends, what became of whom.

Shows a standing that is worked out already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Self

from nicegui import ui

from bot.console import charts, lines, telling
from bot.console.charts import Part, cell
from bot.console.pages.sheets import card, html, nothing
from bot.console.seat import Seat
from bot.console.visits import PATH
from bot.notices.progress import FAILED, OPEN, Progress
from bot.standings import Standing
from conversations.broadcasts import Stage
from conversations.replies import Param, Word
from storage import Broadcast
from storage.campaigns import WRITTEN_TO, Outcomes
from storage.entries import Post

COLOURS: Mapping[Post, str] = {
    Post.READ: "var(--green)",
    Post.DELIVERED: "var(--green)",
    Post.SENT: "var(--green)",
    Post.SENDING: "var(--blue)",
    Post.PENDING: "var(--sunk)",
    Post.OPTED_OUT: "var(--stone)",
    Post.DROPPED: "var(--stone)",
    Post.UNKNOWN: "var(--saffron)",
    Post.HELD: "var(--saffron)",
    Post.BLOCKED: "var(--red)",
    Post.UNREACHABLE: "var(--red)",
    Post.FAILED: "var(--red)",
}
"""In the order in which outcomes are told."""
LONG = timedelta(minutes=10)
"""From then on seconds do not matter on a line."""
MOST_CAUSES = 12
"""Rows of causes that are shown; rarer ones are left out."""


class Live:
    """The parts of the page that show a broadcast's deliveries."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        say = seat.say
        with ui.element("div").classes("live") as self._all:
            with card(say(Word("console.broadcast.progress")), "progress-card"):
                self._bar = html("progress")
                self._figures = html("live-figures")
                self._waiting = html()
            with ui.element("div").classes("grid two"):
                with (
                    card(say(Word("console.broadcast.outcomes"))),
                    ui.element("div").classes("outcomes"),
                ):
                    self._donut = charts.donut()
                    self._outcomes = html("outcomes-table")
                with card(say(Word("console.broadcast.rate_over_time"))):
                    self._line_told = ui.label().classes("told")
                    self._line = lines.line(seat.look.locale)
            with card(say(Word("console.broadcast.failures"))):
                self._failures = html()
                self._export = html("export")

    def show(self, standing: Standing) -> None:
        """Put the numbers into the page; nothing is shown of what has not begun."""
        found, progress = standing.broadcast, standing.progress
        began = bool(progress.total) and found.started_at is not None
        self._all.set_visibility(began)
        if not began:
            return
        pushed = Pushed.of(standing.outcomes)
        self._bar.set_content(bar(self._seat, pushed, found))
        self._figures.set_content(self._numbers(found, progress, pushed))
        self._waiting.set_content(self._come_by(pushed))
        charts.fill_donut(self._donut, _parts(self._seat, progress.states))
        self._outcomes.set_content(self._by_channel(standing))
        self._failures.set_content(self._causes(progress))
        self._export.set_content(self._file(found))
        self._show_line(standing)

    def _file(self, found: Broadcast) -> str:
        """The way to the list of recipients. HTML."""
        say = self._seat.say
        name = escape(say(Word("console.broadcast.export")))
        hint = escape(say(Word("console.broadcast.export_hint")))
        link = f"{PATH}/duyurular/{found.id}/alicilar.csv"
        return f'<a href="{link}" download>{name}</a><span class="soft">{hint}</span>'

    def _numbers(self, found: Broadcast, progress: Progress, pushed: Pushed) -> str:
        """Four figures. HTML."""
        say, seat = self._seat.say, self._seat
        failed = sum(progress.states.get(post, 0) for post in FAILED)
        settled: dict[str, Param] = {"share": seat.share(failed, progress.settled)}
        told = (
            (
                Word("console.broadcast.sent"),
                seat.number(progress.sent),
                say(Word("console.broadcast.failed_share", settled)),
            ),
            (
                Word("console.broadcast.left"),
                seat.number(pushed.total - pushed.settled),
                say(Word("console.broadcast.of_total", {"count": pushed.total})),
            ),
            (Word("console.broadcast.rate"), *self._rate(found, progress)),
            (Word("console.broadcast.end"), *self._end(found, progress)),
        )
        boxes = "".join(
            f"<div><dt>{escape(say(name))}</dt><dd>{cell(number, beneath)}</dd></div>"
            for name, number, beneath in told
        )
        return f"<dl>{boxes}</dl>"

    def _come_by(self, pushed: Pushed) -> str:
        """Who will read it when they come by, for whom nothing waits. HTML."""
        if not pushed.come_by:
            return ""
        said = self._seat.say(Word("console.broadcast.come_by", {"count": pushed.come_by}))
        return f'<p class="soft come-by">{escape(said)}</p>'

    def _rate(self, found: Broadcast, progress: Progress) -> tuple[str, str]:
        """How fast it goes, and how much of what is allowed that is."""
        seat = self._seat
        running = {name: lane for name, lane in progress.lanes.items() if lane.rate is not None}
        if found.stage is not Stage.RUNNING or not running:
            return "–", ""
        rate = sum(lane.rate or 0.0 for lane in running.values())
        number = seat.say(Word("console.broadcast.per_second", {"rate": telling.rate(seat, rate)}))
        limited = [lane for lane in running.values() if lane.limit]
        limit = sum(lane.limit or 0.0 for lane in limited)
        if not limit:
            return number, ""
        used = sum(lane.rate or 0.0 for lane in limited)
        told: dict[str, Param] = {
            "limit": telling.rate(seat, limit),
            "share": seat.share(round(used / limit, 3), 1.0),
        }
        return number, seat.say(Word("console.broadcast.of_limit", told))

    def _end(self, found: Broadcast, progress: Progress) -> tuple[str, str]:
        """When it will be done, or was."""
        seat = self._seat
        if found.ended_at is not None:
            began = found.started_at
            beneath = "" if began is None else seat.span((found.ended_at - began).total_seconds())
            return telling.clock(found.ended_at), beneath
        if progress.ends_at is None or progress.seconds_left is None:
            return "–", ""
        left = (progress.ends_at - seat.office.now()).total_seconds()
        span = seat.say(Word("console.broadcast.in_span", {"span": seat.span(max(left, 0))}))
        day = telling.day(seat, progress.ends_at)
        return telling.clock(progress.ends_at), f"{day} · {span}"

    def _by_channel(self, standing: Standing) -> str:
        """What became of them, by channel. HTML."""
        seat, progress = self._seat, standing.progress
        channels = list(progress.lanes)
        outcomes: Counter[tuple[str, Post]] = Counter()
        for (channel, post, _), count in standing.outcomes.items():
            outcomes[channel, post] += count
        heads = [
            seat.say(Word("console.broadcast.outcome")),
            *(telling.channel(seat, each) for each in channels),
        ]
        if len(channels) > 1:
            heads.append(seat.say(Word("console.broadcast.total")))
        rows = []
        for post, colour in COLOURS.items():
            if not progress.states.get(post):
                continue
            counts = [outcomes[each, post] for each in channels]
            if len(channels) > 1:
                counts.append(sum(counts))
            dot = f'<i class="dot" style="background:{colour}"></i>'
            name = f"{dot}{cell(telling.post(seat, post))}"
            rows.append([name, *(seat.number(each) if each else "–" for each in counts)])
        return charts.table(heads, rows, "numbers")

    def _causes(self, progress: Progress) -> str:
        """Why it did not reach some, the commonest first. HTML."""
        seat = self._seat
        if not progress.failures:
            return nothing(seat.say(Word("console.broadcast.no_failures")))
        heads = [
            seat.say(Word("console.broadcast.why")),
            seat.say(Word("console.broadcast.channel")),
            seat.say(Word("console.broadcast.people_count")),
        ]
        rows = []
        for channel, post, cause, count in progress.failures[:MOST_CAUSES]:
            said = telling.cause(seat, cause)
            code = f"<code>{escape(cause)}</code>" if cause else ""
            why = cell(said or telling.post(seat, post))
            beneath = cell(telling.post(seat, post)) if said else ""
            name = f"{why}<small>{' · '.join(filter(None, (beneath, code)))}</small>"
            share = seat.share(count, progress.settled)
            number = f"{seat.number(count)}<small>{escape(share)}</small>"
            rows.append([name, cell(telling.channel(seat, channel)), number])
        return charts.table(heads, rows, "numbers causes")

    def _show_line(self, standing: Standing) -> None:
        seat, points = self._seat, standing.line
        name = seat.say(Word("console.broadcast.rate"))
        if not points:
            self._line.set_visibility(False)
            self._line_told.set_text(seat.say(Word("console.broadcast.no_rate")))
            return
        self._line.set_visibility(True)
        long = points[-1][0] - points[0][0] > LONG
        labels = [telling.clock(at) if long else telling.second(at) for at, _ in points]
        values = [rate for _, rate in points]
        most = max(values)
        told = seat.say(Word("console.broadcast.rate_told", {"rate": telling.rate(seat, most)}))
        self._line_told.set_text(told)
        limit = _limit(standing.progress)
        said = seat.say(Word("console.broadcast.limit"))
        lines.fill_line(self._line, name, labels, values, told, (said, limit) if limit else None)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What goes out by itself, and ends: deliveries by state. ``come_by``: how many of the others
    wait for somebody to come by."""

    states: Mapping[Post, int]
    come_by: int

    @classmethod
    def of(cls, outcomes: Outcomes) -> Self:
        """Of everything, if nothing of it goes out by itself."""
        states: Counter[Post] = Counter()
        others: Counter[Post] = Counter()
        for (channel, post, _), count in outcomes.items():
            (states if channel in WRITTEN_TO else others)[post] += count
        return cls(states, others[Post.PENDING]) if states else cls(others, 0)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.states.values())

    @property
    def settled(self) -> int:
        """Those that are dealt with."""
        return sum(count for post, count in self.states.items() if post not in OPEN)


def bar(seat: Seat, pushed: Pushed, found: Broadcast) -> str:
    """How much of it is done: a wide bar in the outcomes' colours with its share. HTML."""
    parts = [part for part in _parts(seat, pushed.states) if part.colour != COLOURS[Post.PENDING]]
    # What was dropped when it was cancelled is not what was done.
    dropped = pushed.states.get(Post.DROPPED, 0) if found.stage is Stage.CANCELLED else 0
    done = pushed.settled - dropped
    share = seat.share(_floor(done, pushed.total), 1.0)
    counts: dict[str, Param] = {"count": done, "total": pushed.total}
    told = seat.say(Word("console.broadcast.settled_told", counts))
    now = int(100 * _floor(done, pushed.total))
    stripe = charts.stripe(parts, pushed.total, told)
    return (
        f'<p class="progress-told"><b>{escape(share)}</b><span>{escape(told)}</span></p>'
        f'<div role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{now}"'
        f' aria-label="{escape(told)}" class="wide-bar {found.stage}">{stripe}</div>'
    )


def _floor(part: int, whole: int) -> float:
    """A share in thousandths that is not called the whole before it is."""
    return int(1000 * part / whole) / 1000 if whole else 0.0


def _parts(seat: Seat, states: Mapping[Post, int]) -> list[Part]:
    """Outcomes of one colour together, in the order in which they are told."""
    sizes: Counter[str] = Counter()
    names: dict[str, list[str]] = {colour: [] for colour in COLOURS.values()}
    for post, colour in COLOURS.items():
        if count := states.get(post, 0):
            sizes[colour] += count
            names[colour].append(telling.post(seat, post))
    return [
        Part(", ".join(said), sizes[colour], seat.number(sizes[colour]), colour)
        for colour, said in names.items()
    ]


def _limit(progress: Progress) -> float:
    return sum(lane.limit or 0.0 for lane in progress.lanes.values())
