"""The first page: how the pairing of the city's cards goes, and what is on its way to people.

Figures come worked out; this page only shows them, anew every few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from nicegui import ui

from bot.console import charts
from bot.console.charts import Part, cell
from bot.console.pages.funnel import funnel_table
from bot.console.seat import Seat
from bot.figures import ALL_CARDS, PERSONALISED_CARDS, Overview
from bot.funnel import Funnel
from conversations.actions import Status
from conversations.replies import Param, Word
from storage import Unavailable
from storage.entries import Post

RENEW = 5.0
"""Seconds between two looks."""
DAY = 24
"""Hours."""
LATE = timedelta(minutes=5)
"""When the oldest in a queue has waited for so long, that is marked."""

COLOURS: Mapping[Status, str] = {
    Status.ACTIVE: "var(--blue)",
    Status.SUSPENDED: "var(--red)",
    Status.PASSIVE: "var(--saffron)",
    Status.UNPAIRED: "var(--stone)",
}
DONE = {Post.SENT, Post.DELIVERED, Post.READ}
WAITING = {Post.PENDING, Post.SENDING, Post.HELD}
UNSURE = {Post.UNKNOWN, Post.DROPPED}


@dataclass(slots=True)
class Face:
    """The parts of the page that change."""

    figures: ui.html
    donut: ui.echart
    legend: ui.html
    stripes: ui.html
    hours: ui.echart
    hours_told: ui.label
    days: ui.echart
    days_told: ui.label
    funnel: ui.html
    funnel_span: ui.toggle
    notices: ui.html
    queues: ui.html
    renewed: ui.label


async def build(seat: Seat) -> None:
    """Draw the page with the present figures, and renew them while it is open."""
    face = _draw(seat)
    show(seat, face, await seat.office.figures.overview())

    async def renew() -> None:
        try:
            show(seat, face, await seat.office.figures.overview())
        except Unavailable:
            face.renewed.set_text(seat.say(Word("console.busy")))

    face.funnel_span.on_value_change(renew)
    ui.timer(RENEW, renew, immediate=False)


def _draw(seat: Seat) -> Face:
    locale = seat.look.locale
    figures = _html().classes("figures")
    with ui.element("div").classes("grid two-one"):
        with _card(seat.say(Word("console.overview.cards"))), ui.element("div").classes("cards"):
            donut = charts.donut()
            with ui.element("div").classes("cards-side"):
                legend, stripes = _html(), _html()
        with _card(seat.say(Word("console.overview.queues"))):
            queues = _html()
    with ui.element("div").classes("grid two"):
        with _card(seat.say(Word("console.overview.hours"))):
            hours_told = ui.label().classes("told")
            hours = charts.bars(locale, charts.HOURS)
        with _card(seat.say(Word("console.overview.days"))):
            days_told = ui.label().classes("told")
            days = charts.bars(locale)
    with _card(seat.say(Word("console.overview.funnel"))):
        spans = {"lately": Word("console.overview.lately"), "funnel": Word("console.overview.all")}
        choices = {name: seat.say(word) for name, word in spans.items()}
        span = ui.toggle(choices, value="lately").props("no-caps unelevated").classes("toggle")
        funnel = _html()
    with _card(seat.say(Word("console.overview.notices"))):
        notices = _html()
    renewed = ui.label().classes("renewed").props("aria-live=off")
    return Face(
        figures,
        donut,
        legend,
        stripes,
        hours,
        hours_told,
        days,
        days_told,
        funnel,
        span,
        notices,
        queues,
        renewed,
    )


def _card(title: str) -> ui.element:
    card = ui.element("section").classes("card").props(f'aria-label="{title}"')
    with card:
        ui.html(escape(title), sanitize=False, tag="h2").classes("card-title")
    return card


def _html() -> ui.html:
    return ui.html("", sanitize=False)


def show(seat: Seat, face: Face, seen: Overview) -> None:
    """Put the figures into the page."""
    face.figures.set_content(_figures(seat, seen))
    parts = _parts(seat, seen.cards)
    charts.fill_donut(face.donut, parts)
    face.legend.set_content(charts.legend(parts))
    face.stripes.set_content(_stripes(seat, seen.cards, parts))
    _show_hours(seat, face, seen)
    _show_days(seat, face, seen)
    chosen: Funnel = seen.lately if face.funnel_span.value == "lately" else seen.funnel
    face.funnel.set_content(funnel_table(seat, chosen))
    face.notices.set_content(_notices(seat, seen))
    face.queues.set_content(_queues(seat, seen))
    face.renewed.set_text(seat.say(Word("console.overview.at", {"at": seat.moment(seen.at)})))


def _figures(seat: Seat, seen: Overview) -> str:
    """The four numbers that are looked at first. HTML."""
    active = seen.cards.get(Status.ACTIVE, 0)
    *_, (_, today) = seen.days
    *_, (_, hour) = seen.hours
    lately = seen.lately
    told = (
        (Word("console.overview.active"), seat.number(active), seat.share(active, ALL_CARDS)),
        (
            Word("console.overview.today"),
            seat.number(today),
            seat.say(Word("console.overview.this_hour", {"count": hour})),
        ),
        (
            Word("console.overview.finished"),
            seat.share(lately.saved, lately.begun),
            seat.say(Word("console.overview.begun", {"count": lately.begun})),
        ),
        (
            Word("console.overview.waiting"),
            seat.number(sum(queue.due for queue in seen.queues)),
            _oldest(seat, seen),
        ),
    )
    boxes = "".join(
        f"<div><dt>{escape(seat.say(name))}</dt><dd>{cell(number, beneath)}</dd></div>"
        for name, number, beneath in told
    )
    return f"<dl>{boxes}</dl>"


def _oldest(seat: Seat, seen: Overview) -> str:
    ages = [queue.age for queue in seen.queues if queue.due]
    if not ages:
        return seat.say(Word("console.overview.nothing_waits"))
    span = seat.span(max(ages).total_seconds())
    return seat.say(Word("console.overview.oldest", {"span": span}))


def _parts(seat: Seat, cards: Mapping[Status, int]) -> list[Part]:
    known = sum(cards.values())
    return [
        Part(
            seat.say(Word(f"console.status.{status}")),
            cards.get(status, 0),
            f"{seat.number(cards.get(status, 0))} · {seat.share(cards.get(status, 0), known)}",
            colour,
        )
        for status, colour in COLOURS.items()
    ]


def _stripes(seat: Seat, cards: Mapping[Status, int], parts: Sequence[Part]) -> str:
    """What is active, of all cards there are and of those that bear a name. HTML."""
    active = cards.get(Status.ACTIVE, 0)
    lines = []
    for word, whole in (
        (Word("console.overview.of_all", {"whole": ALL_CARDS}), ALL_CARDS),
        (Word("console.overview.of_named", {"whole": PERSONALISED_CARDS}), PERSONALISED_CARDS),
    ):
        told, share = seat.say(word), seat.share(active, whole)
        lines.append(
            f'<p class="stripe-told"><span>{escape(told)}</span>'
            f"<b>{escape(share)}</b></p>" + charts.stripe(parts[:1], whole, f"{told}: {share}")
        )
    return "".join(lines)


def _show_hours(seat: Seat, face: Face, seen: Overview) -> None:
    values = [count for _, count in seen.hours]
    labels = [seat.hour(hour) for hour, _ in seen.hours]
    word = Word("console.overview.hours_none")
    if most := max(values[-DAY:]):
        busiest = labels[-DAY:][values[-DAY:].index(most)]
        params: dict[str, Param] = {"count": sum(values[-DAY:]), "hour": busiest, "most": most}
        word = Word("console.overview.hours_told", params)
    _show_bars(seat, face.hours, face.hours_told, (labels, values), word)


def _show_days(seat: Seat, face: Face, seen: Overview) -> None:
    values = [count for _, count in seen.days]
    labels = [seat.day(day) for day, _ in seen.days]
    word = Word("console.overview.days_none")
    if most := max(values):
        busiest = labels[values.index(most)]
        params: dict[str, Param] = {"count": sum(values), "day": busiest, "most": most}
        word = Word("console.overview.days_told", params)
    _show_bars(seat, face.days, face.days_told, (labels, values), word)


def _show_bars(
    seat: Seat,
    chart: ui.echart,
    label: ui.label,
    bars: tuple[Sequence[str], Sequence[int]],
    word: Word,
) -> None:
    """The chart, and its sentence above it."""
    told = seat.say(word)
    label.set_text(told)
    charts.fill_bars(chart, seat.say(Word("console.overview.registrations")), *bars, told)


def _notices(seat: Seat, seen: Overview) -> str:
    """What became of the notices, by channel. HTML."""
    if not seen.notices:
        return _nothing(seat, Word("console.overview.no_notices"))
    channels = sorted({channel for channel, _ in seen.notices})
    kinds = [post for post in Post if any(seen.notices.get((each, post)) for each in channels)]
    heads = [seat.say(Word("console.overview.outcome")), *map(_channel, channels)]
    rows = [
        [
            f'<i class="dot" style="background:{_tint(post)}"></i>'
            + cell(seat.say(Word(f"console.post.{post}"))),
            *(cell(seat.number(seen.notices.get((each, post), 0))) for each in channels),
        ]
        for post in kinds
    ]
    return charts.table(heads, rows, "numbers")


def _tint(post: Post) -> str:
    if post in DONE:
        return "var(--green)"
    if post in WAITING:
        return "var(--blue)"
    return "var(--stone)" if post in UNSURE else "var(--red)"


def _queues(seat: Seat, seen: Overview) -> str:
    """What is due and for how long. HTML."""
    if not seen.queues:
        return _nothing(seat, Word("console.overview.no_queue"))
    heads = [
        seat.say(Word("console.overview.channel")),
        seat.say(Word("console.overview.due")),
        seat.say(Word("console.overview.age")),
    ]
    rows = []
    for queue in seen.queues:
        age = cell(seat.span(queue.age.total_seconds()) if queue.due else "–")
        late = queue.due and queue.age >= LATE
        rows.append(
            [
                cell(_channel(queue.channel)),
                cell(seat.number(queue.due)),
                f'<mark class="late">{age}</mark>' if late else age,
            ]
        )
    return charts.table(heads, rows, "numbers")


def _channel(name: str) -> str:
    """A messenger's own name."""
    return {"telegram": "Telegram", "whatsapp": "WhatsApp", "web": "Web"}.get(name, name)


def _nothing(seat: Seat, word: Word) -> str:
    return f'<p class="nothing">{escape(seat.say(word))}</p>'
