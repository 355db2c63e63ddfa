"""The parts of the page of feeds, as HTML: where a file is handed in, and what came of files.

Only draws what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from bot.console import charts, uploads
from bot.console.charts import cell
from bot.console.desk_words import COUNTS, FORM, REFUSALS
from bot.console.seat import Seat
from bot.feeds.folder import BAD_KEPT
from bot.feeds.intakes import TOLD
from bot.feeds.values import LARGEST, Bad, End, Kind, Past, Run
from conversations.replies import Param, Word
from storage.feeds import ListState, RiskState, Source

ACCEPTED = {
    Kind.RISKS: ".jsonl,.ndjson,.json,.txt,.gz",
    Kind.CARDS: ".csv,.txt,.gz",
}
_UNITS = ((1024**3, "GB"), (1024**2, "MB"), (1024, "KB"))


# --- handing in -----------------------------------------------------------------------------


def form(seat: Seat, kind: Kind) -> str:
    """Where a file is chosen or dropped; ``style/upload.js`` sends it."""
    words = {code: seat.say(Word(f"console.feeds.error.{code}")) for code in uploads.ERRORS}
    words |= {
        "taken": seat.say(Word("console.feeds.received")),
        "wait": seat.say(Word("console.feeds.wait")),
    }
    say = {name: escape(seat.say(Word(f"console.feeds.{name}"))) for name in FORM}
    limit = escape(seat.say(Word("console.feeds.most", {"size": size(seat, LARGEST[kind])})))
    return (
        f'<form class="upload" data-upload="{uploads.address(kind)}" data-most="{LARGEST[kind]}"'
        f' data-words="{escape(json.dumps(words))}">'
        f'<label class="drop"><i class="material-icons" aria-hidden="true">upload_file</i>'
        f"<b>{say['choose']}</b><span>{say['drop']}</span><small>{limit}</small>"
        f'<input type="file" accept="{ACCEPTED[kind]}"></label>'
        f'<div class="sent"><p><span>{say["sending"]}</span><span class="sent-name"></span>'
        f'<span class="sent-share"></span></p>'
        f'<progress max="1" value="0" aria-label="{say["sending"]}"></progress>'
        f'<button type="button">{say["stop"]}</button></div>'
        f'<p role="status"></p></form>'
    )


def running(seat: Seat, run: Run) -> str:
    """How far it is."""
    what = seat.say(Word("console.feeds.running", {"who": run.who, "size": size(seat, run.size)}))
    stays = seat.say(Word("console.feeds.goes_on"))
    return (
        f'<p><span class="running-what">{escape(what)}</span>'
        f'<span class="sent-share">{escape(seat.share(round(run.share, 2), 1.0))}</span></p>'
        f'<progress max="1" value="{run.share:.3f}" aria-label="{escape(what)}"></progress>'
        f'<p class="soft">{escape(stays)}</p>'
    )


def size(seat: Seat, count: int) -> str:
    """Bytes, as people say them."""
    unit, name = next(((unit, name) for unit, name in _UNITS if count >= unit), (1, "B"))
    return f"{seat.number(round(count / unit))} {name}"


# --- what came of the last ------------------------------------------------------------------


def came(
    seat: Seat, kind: Kind, last: Past | None, bad: Sequence[Bad], left: ListState | None
) -> str:
    """What became of the newest file of a kind, and the lines of it that could not be taken.

    ``left`` is a list of cards that was broken off.
    """
    if last is None and left is None:
        return ""
    found = "" if last is None else _last(seat, last)
    if left is not None:
        found += f"<p>{escape(_unfinished(seat, left))}</p>"
    return found + (_bad(seat, kind, bad) if bad else "")


def _last(seat: Seat, last: Past) -> str:
    title = escape(seat.say(Word("console.feeds.last")))
    about = escape(f"{last.who} · {seat.moment(last.began_at)}")
    head = (
        f'<div class="came-head"><h3>{title}</h3>{ending(seat, last)}<small>{about}</small></div>'
    )
    return head + _why(seat, last) + _counts(seat, last)


def ending(seat: Seat, past: Past) -> str:
    """How it ended, marked."""
    said = escape(seat.say(Word(f"console.feeds.end.{past.end}")))
    return f'<span class="end {past.end}">{said}</span>'


def _was_known(past: Past) -> bool:
    """A list of cards that had been taken in before; its counts are of that time."""
    return past.kind is Kind.CARDS and bool(past.counts.get("repeated"))


def _why(seat: Seat, past: Past) -> str:
    if _was_known(past):
        return f"<p>{escape(seat.say(Word('console.feeds.known_list')))}</p>"
    if past.why not in REFUSALS:
        return ""
    return f"<p>{escape(seat.say(Word(f'console.feeds.refused.{past.why}')))}</p>"


def _counts(seat: Seat, past: Past) -> str:
    if past.end is not End.DONE or _was_known(past):
        return ""
    told = "".join(
        f"<div{' class=marked' if name == 'bad' and past.counts.get(name) else ''}>"
        f"<dt>{escape(seat.say(Word(f'console.feeds.count.{past.kind}.{name}')))}</dt>"
        f"<dd>{seat.number(past.counts.get(name, 0))}</dd></div>"
        for name in COUNTS[past.kind]
    )
    return f'<dl class="counts">{told}</dl>'


def _unfinished(seat: Seat, left: ListState) -> str:
    params: dict[str, Param] = {"count": left.position, "at": seat.moment(left.updated_at)}
    return seat.say(Word("console.feeds.unfinished", params))


def _bad(seat: Seat, kind: Kind, bad: Sequence[Bad]) -> str:
    heads = [seat.say(Word("console.feeds.line")), seat.say(Word("console.feeds.why"))]
    rows = [
        [cell(seat.number(each.line)), cell(seat.say(Word(f"console.feeds.why.{each.why}")))]
        for each in bad
    ]
    title = escape(seat.say(Word("console.feeds.bad")))
    first = seat.say(Word("console.feeds.first", {"count": TOLD})) if len(bad) == TOLD else ""
    fetch, kept = seat.say(Word("console.feeds.fetch")), _kept(seat)
    return (
        f"<h3>{title}</h3>"
        f'<div class="bad-lines" tabindex="0" role="region" aria-label="{title}">'
        f"{charts.table(heads, rows)}</div>"
        + (f'<p class="kept">{escape(first)}</p>' if first else "")
        + f'<p><a class="fetch" href="{uploads.bad_lines_address(kind)}" download>'
        f'<i class="material-icons" aria-hidden="true">download</i>'
        f"<span>{escape(fetch)}</span></a></p>"
        f'<p class="kept">{escape(kept)}</p>'
    )


def _kept(seat: Seat) -> str:
    hours = round(BAD_KEPT.total_seconds() / 3600)
    return seat.say(Word("console.feeds.kept", {"hours": hours}))


# --- the records ----------------------------------------------------------------------------


def figures(seat: Seat, risks: RiskState, lists: Sequence[ListState], files: Sequence[Past]) -> str:
    """What is known at first glance."""
    never = seat.say(Word("console.feeds.never"))
    received = never if risks.received_at is None else seat.moment(risks.received_at)
    newest = next((each for each in lists if each.finished), None)
    taken = never if newest is None else seat.moment(newest.updated_at)
    last = next((each for each in files if each.kind is Kind.RISKS), None)
    by = "" if last is None else seat.say(Word("console.feeds.by_file", {"who": last.who}))
    came_to = ""
    if newest is not None:
        params: dict[str, Param] = {"added": newest.added, "known": newest.known}
        came_to = seat.say(Word("console.feeds.came_to", params))
    told = (
        (
            Word("console.feeds.risky"),
            cell(seat.number(risks.risky), seat.say(Word("console.feeds.now"))),
            "",
        ),
        (Word("console.feeds.received_at"), cell(received, by), "words"),
        (Word("console.feeds.list_at"), cell(taken, came_to), "words"),
    )
    boxes = "".join(
        f'<div><dt>{escape(seat.say(name))}</dt><dd class="{kind}">{what}</dd></div>'
        for name, what, kind in told
    )
    return f"<dl>{boxes}</dl>"


def past(seat: Seat, files: Sequence[Past]) -> str:
    """The files that were handed in, newest first."""
    if not files:
        return _nothing(seat, Word("console.feeds.nothing"))
    heads = [
        seat.say(Word("console.audit.at")),
        seat.say(Word("console.audit.who")),
        seat.say(Word("console.feeds.what")),
        seat.say(Word("console.feeds.outcome")),
        seat.say(Word("console.feeds.counts")),
    ]
    return charts.table(heads, [_file(seat, each) for each in files], "stacked past")


def _file(seat: Seat, file: Past) -> list[str]:
    what = seat.say(
        Word("console.feeds.risks" if file.kind is Kind.RISKS else "console.feeds.cards")
    )
    return [
        cell(seat.moment(file.began_at), _lasted(seat, file)),
        cell(file.who),
        cell(what, size(seat, file.size)),
        ending(seat, file),
        _said(seat, file),
    ]


def _lasted(seat: Seat, file: Past) -> str:
    """How long it took, if that is worth a word."""
    seconds = (file.ended_at - file.began_at).total_seconds() if file.ended_at else 0.0
    if seconds < 1:
        return ""
    return seat.say(Word("console.feeds.lasted", {"span": seat.span(seconds)}))


def _said(seat: Seat, file: Past) -> str:
    if file.why in REFUSALS:
        return cell(seat.say(Word(f"console.feeds.refused.{file.why}")))
    if file.end is not End.DONE:
        return '<span class="soft">–</span>'
    if _was_known(file):
        return cell(seat.say(Word("console.feeds.known_list")))
    names = ("taken", "cards", "bad") if file.kind is Kind.RISKS else ("added", "changed", "bad")
    return cell(
        " · ".join(
            f"{seat.say(Word(f'console.feeds.count.{file.kind}.{name}'))}: "
            f"{seat.number(file.counts.get(name, 0))}"
            for name in names
        )
    )


def sources(seat: Seat, found: Sequence[Source]) -> str:
    """The systems that send records by themselves."""
    if not found:
        return _nothing(seat, Word("console.feeds.no_source"))
    heads = [
        seat.say(Word("console.feeds.source")),
        seat.say(Word("console.feeds.last_hour")),
        seat.say(Word("console.feeds.sendings")),
    ]
    rows = [
        [cell(each.name), cell(seat.hour(each.hour)), cell(seat.number(each.count))]
        for each in found
    ]
    return charts.table(heads, rows, "numbers")


def _nothing(seat: Seat, word: Word) -> str:
    return f'<p class="nothing">{escape(seat.say(word))}</p>'
