"""All broadcasts, newest first: where each stands and how far it is, renewed while it is open."""

from __future__ import annotations

from html import escape

from nicegui import ui

from bot.console import charts, telling
from bot.console.charts import Part, cell
from bot.console.pages.broadcast_live import Pushed
from bot.console.pages.sheets import chip, html, nothing, urgent_chip
from bot.console.places import roles_of
from bot.console.seat import Seat
from bot.console.telling import ALL, FILTERS
from bot.console.visits import PATH
from bot.standings import Standing
from conversations.broadcasts import RIGHTS, Act, Stage
from conversations.replies import Word
from storage import Broadcast, Unavailable

RENEW = 2.0
"""Seconds between two looks."""
ROWS = 50
"""Rows on a page."""
PLACE = "/duyurular"


async def build(seat: Seat) -> None:
    """The filter, the way to a new one, and the rows."""
    listing = Listing(seat)
    await listing.renew()
    ui.timer(RENEW, listing.renew, immediate=False)


class Listing:
    """Which rows are looked at, and where they are shown."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._before: list[int | None] = [None]
        self._last: int | None = None
        say = seat.say
        with ui.element("section").classes("card"):
            with ui.element("div").classes("list-top"):
                choices = {name: say(Word(f"console.broadcast.filter.{name}")) for name in FILTERS}
                self._kind = ui.toggle(choices, value=ALL, on_change=self._begin)
                self._kind.props("no-caps unelevated").classes("toggle")
                self._kind.props(f'aria-label="{say(Word("console.broadcast.stage"))}"')
                if seat.member.role in roles_of("broadcast_new"):
                    new = ui.button(say(Word("console.broadcast.new")), icon="add")
                    new.props("unelevated no-caps").classes("new-act")
                    new.on_click(lambda: ui.navigate.to(f"{PLACE}/yeni"))
            self._rows = html()
            with ui.element("div").classes("pager") as self._pager:
                newer, older = Word("console.audit.newer"), Word("console.audit.older")
                self._newer = ui.button(say(newer), on_click=self._go_back)
                self._older = ui.button(say(older), on_click=self._go_on)
                self._newer.props("flat no-caps icon=chevron_left")
                self._older.props("flat no-caps icon-right=chevron_right")
        self._renewed = ui.label().classes("renewed").props("aria-live=off")

    async def _begin(self) -> None:
        self._before = [None]
        await self.renew()

    async def _go_on(self) -> None:
        self._before.append(self._last)
        await self.renew()

    async def _go_back(self) -> None:
        self._before = self._before[:-1] or [None]
        await self.renew()

    async def renew(self) -> None:
        """Show how they stand now."""
        seat, press = self._seat, self._seat.office.press
        stages = FILTERS[self._kind.value or ALL]
        try:
            async with seat.office.database.read() as conn:
                found = await press.broadcasts.newest(conn, stages, ROWS + 1, self._before[-1])
            shown = found[:ROWS]
            running = [each.id for each in shown if each.stage is Stage.RUNNING]
            standings = {id: await press.standings.of(id) for id in running}
        except Unavailable:
            self._renewed.set_text(seat.say(Word("console.busy")))
            return
        self._last = shown[-1].id if shown else None
        self._rows.set_content(_table(seat, shown, standings))
        self._pager.set_visibility(len(self._before) > 1 or len(found) > ROWS)
        self._newer.set_enabled(len(self._before) > 1)
        self._older.set_enabled(len(found) > ROWS)
        self._renewed.set_text("")


# --- HTML ---------------------------------------------------------------------------------------


def _table(seat: Seat, found: list[Broadcast], standings: dict[int, Standing]) -> str:
    if not found:
        return nothing(seat.say(Word("console.broadcast.none")))
    heads = (
        Word("console.broadcast.broadcast"),
        Word("console.broadcast.stage"),
        Word("console.broadcast.audience"),
        Word("console.broadcast.author"),
        Word("console.broadcast.progress"),
    )
    rows = (_row(seat, each, standings.get(each.id)) for each in found)
    return charts.table([seat.say(each) for each in heads], rows, "stacked listing")


def _row(seat: Seat, found: Broadcast, standing: Standing | None) -> list[str]:
    link = f"{PATH}{PLACE}/{found.id}"
    title = f'<a href="{link}">{escape(found.draft.title)}</a>'
    made = f"#{seat.number(found.id)} · {seat.moment(found.created_at)}"
    audience = telling.audience(seat, found.draft.audience)
    return [
        f"{title}<small>{escape(made)}</small>",
        f'<span class="chips">{_chips(seat, found)}</span>',
        f'<span class="audience">{escape(audience)}</span>',
        cell(found.author),
        _progress(seat, found, standing),
    ]


def _chips(seat: Seat, found: Broadcast) -> str:
    chips = chip(seat, found.stage)
    if found.draft.urgent:
        chips += urgent_chip(seat)
    if waits_for(seat, found):
        said = escape(seat.say(Word("console.broadcast.for_you")))
        chips += f'<span class="chip for-you">{said}</span>'
    return chips


def waits_for(seat: Seat, found: Broadcast) -> bool:
    """Whether it waits for the reader's approval."""
    member = seat.member
    return (
        found.stage is Stage.SUBMITTED
        and member.role in RIGHTS[Act.APPROVE]
        and member.id != found.author_id
        and all(each.name != member.name for each in found.approvals)
    )


def _progress(seat: Seat, found: Broadcast, standing: Standing | None) -> str:
    """How far it is, and when it ends."""
    if found.approved_at is None:
        return ""
    outcomes = {(c, p, w): n for c, p, w, n in found.counted}
    pushed = Pushed.of(standing.outcomes if standing else outcomes)
    if not pushed.total:
        said = Word("console.broadcast.planned", {"count": found.planned})
        return cell(seat.say(said))
    sent = Part("", pushed.settled, "", _tint(found))
    told = f"{seat.number(pushed.settled)} / {seat.number(pushed.total)}"
    beneath = ""
    if standing and standing.progress.ends_at is not None:
        at = f"{telling.day(seat, standing.progress.ends_at)} "
        at += telling.clock(standing.progress.ends_at)
        beneath = seat.say(Word("console.broadcast.ends", {"at": at}))
    elif found.ended_at is not None:
        beneath = seat.say(Word("console.broadcast.ended", {"at": seat.hour(found.ended_at)}))
    return charts.meter(sent.size, pushed.total, sent.colour) + cell(told, beneath)


def _tint(found: Broadcast) -> str:
    tints = {Stage.PAUSED: "var(--saffron)", Stage.CANCELLED: "var(--stone)"}
    return tints.get(found.stage, "var(--green)")
