"""The funnel of the form as a table: who came to each question, who was lost, and over what."""

from __future__ import annotations

from html import escape

from bot.console import charts
from bot.console.charts import cell
from bot.console.seat import Seat
from bot.funnel import Funnel, Step
from conversations.replies import Word

MUCH = 0.1
"""A question that loses a larger share than this is marked."""


def funnel_table(seat: Seat, funnel: Funnel) -> str:
    """HTML; a sentence if nobody began."""
    if not funnel.begun:
        return f'<p class="nothing">{escape(seat.say(Word("console.funnel.nobody")))}</p>'
    heads = [
        seat.say(Word("console.funnel.question")),
        seat.say(Word("console.funnel.answered")),
        seat.say(Word("console.funnel.lost")),
        seat.say(Word("console.funnel.refusal")),
    ]
    rows = [_step(seat, place, step, funnel) for place, step in enumerate(funnel.steps, 1)]
    rows += [
        _end(seat, Word("console.funnel.reviewed"), funnel.reviewed, funnel),
        _end(seat, Word("console.funnel.saved"), funnel.saved, funnel),
    ]
    return charts.table(heads, rows, "funnel")


def _step(seat: Seat, place: int, step: Step, funnel: Funnel) -> list[str]:
    title = seat.say(Word(f"title.{step.field}"))
    lost = cell(seat.share(step.lost, 1.0))
    return [
        f'<span class="place">{place}</span>{cell(title)}',
        _bar(seat, step.answered, funnel),
        f'<mark class="late">{lost}</mark>' if step.lost > MUCH else lost,
        _refusal(seat, step),
    ]


def _end(seat: Seat, word: Word, count: int, funnel: Funnel) -> list[str]:
    return [
        f'<span class="place">✓</span>{cell(seat.say(word))}',
        _bar(seat, count, funnel),
        "",
        "",
    ]


def _bar(seat: Seat, count: int, funnel: Funnel) -> str:
    number = f"{seat.number(count)}<small>{seat.share(count, funnel.begun)}</small>"
    return f'<div class="bar">{charts.meter(count, funnel.begun)}<span>{number}</span></div>'


def _refusal(seat: Seat, step: Step) -> str:
    """The commonest reason, and how often."""
    if not step.refusals:
        return '<span class="soft">–</span>'
    first = step.refusals[0]
    why = seat.say(Word(f"console.refusal.{first.code.rpartition('.')[2]}"))
    return cell(why, seat.say(Word("console.funnel.times", {"count": first.count})))
