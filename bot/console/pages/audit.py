"""What the staff did and looked at, newest first, and whether the chain of it holds."""

from __future__ import annotations

from html import escape

from nicegui import ui

from bot.console import charts
from bot.console.charts import cell
from bot.console.places import ACTS, roles_of
from bot.console.seat import Declined, Seat
from bot.staff.acting import MACHINE
from conversations.replies import Param, Word
from storage import AuditEntry, Chain, Head

ROWS = 50
"""Rows on a page."""


class Reading:
    """Which rows are looked at, and the parts of the page that show them."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._before: list[int | None] = [None]
        """Where each page so far begins; the last is the one that is shown."""
        self._last: int | None = None

    async def draw(self) -> None:
        """The filters, the rows and the way on."""
        seat = self._seat
        with ui.element("section").classes("card"):
            with ui.element("div").classes("filters"):
                await self._draw_filters()
            self._rows = ui.html("", sanitize=False)
            with ui.element("div").classes("pager"):
                newer, older = Word("console.audit.newer"), Word("console.audit.older")
                self._newer = ui.button(seat.say(newer), on_click=self._go_back)
                self._older = ui.button(seat.say(older), on_click=self._go_on)
                self._newer.props("flat no-caps icon=chevron_left")
                self._older.props("flat no-caps icon-right=chevron_right")
        self._show(await self._read())

    async def _draw_filters(self) -> None:
        seat = self._seat
        async with seat.office.database.read() as conn:
            everybody = await seat.office.staff.everybody(conn)
        names = [*(each.member.name for each in everybody), MACHINE]
        label = seat.say(Word("console.audit.who"))
        self._who = ui.select(names, label=label, clearable=True, on_change=self._begin)
        self._who.props("outlined dense options-dense").classes("field")
        label = seat.say(Word("console.audit.subject"))
        self._subject = ui.input(label, placeholder="broadcast:7")
        self._subject.props("outlined dense clearable debounce=400").classes("field")
        self._subject.on_value_change(self._begin)

    async def _begin(self) -> None:
        """Other rows are wanted: the newest of them."""
        await self._turn([None])

    async def _go_on(self) -> None:
        await self._turn([*self._before, self._last])

    async def _go_back(self) -> None:
        await self._turn(self._before[:-1] or [None])

    async def _turn(self, before: list[int | None]) -> None:
        async with self._seat.acting(roles_of("audit")):
            self._before = before
            self._show(await self._read())

    async def _read(self) -> list[AuditEntry]:
        office = self._seat.office
        async with office.database.read() as conn:
            return await office.audit.entries(
                conn,
                before=self._before[-1],
                limit=ROWS + 1,
                subject=(self._subject.value or "").strip() or None,
                who=self._who.value,
            )

    def _show(self, found: list[AuditEntry]) -> None:
        shown = found[:ROWS]
        self._last = shown[-1].id if shown else None
        self._rows.set_content(_table(self._seat, shown))
        self._newer.set_enabled(len(self._before) > 1)
        self._older.set_enabled(len(found) > ROWS)


async def build(seat: Seat) -> None:
    """The rows, and above them whether they can be trusted."""
    _draw_verdict(seat)
    await Reading(seat).draw()


# --- rows -----------------------------------------------------------------------------------


def _table(seat: Seat, entries: list[AuditEntry]) -> str:
    if not entries:
        return f'<p class="nothing">{escape(seat.say(Word("console.audit.nothing")))}</p>'
    heads = (
        Word("console.audit.at"),
        Word("console.audit.who"),
        Word("console.audit.act"),
        Word("console.audit.subject"),
        Word("console.audit.detail"),
    )
    rows = (_row(seat, each) for each in entries)
    return charts.table([seat.say(each) for each in heads], rows, "stacked")


def _row(seat: Seat, entry: AuditEntry) -> list[str]:
    act = seat.say(Word(f"console.act.{entry.act}")) if entry.act in ACTS else entry.act
    return [
        cell(seat.moment(entry.at), f"#{seat.number(entry.id)}"),
        cell(entry.who),
        cell(act),
        f"<code>{escape(entry.subject)}</code>",
        _detail(seat, entry),
    ]


def _detail(seat: Seat, entry: AuditEntry) -> str:
    if entry.detail is None:
        return f'<mark class="late">{escape(seat.say(Word("console.audit.sealed")))}</mark>'
    return "<br>".join(
        f"<code>{escape(name)}</code> {escape(str(value))}" for name, value in entry.detail.items()
    )


# --- the chain ------------------------------------------------------------------------------


def _draw_verdict(seat: Seat) -> None:
    with ui.element("section").classes("card verify"):
        with ui.element("div").classes("verify-form"):
            noted = ui.input(seat.say(Word("console.audit.noted")), placeholder="1234:9f8e…")
            noted.props("outlined dense clearable").classes("field wide")
            button = ui.button(seat.say(Word("console.audit.verify")), icon="verified")
            button.props("unelevated no-caps")
        verdict = ui.html("", sanitize=False).classes("verdict").props("role=status")

    async def verify() -> None:
        async with seat.acting(roles_of("audit")):
            head = _head(noted.value)
            button.props("loading")
            try:
                async with seat.office.database.read() as conn:
                    chain = await seat.office.audit.verify(conn, head)
            finally:
                button.props(remove="loading")
            verdict.set_content(_verdict(seat, chain))

    button.on_click(verify)


def _head(text: str | None) -> Head | None:
    if not text or not text.strip():
        return None
    try:
        return Head.parse(text)
    except ValueError:
        raise Declined(Word("console.audit.no_head")) from None


def _verdict(seat: Seat, chain: Chain) -> str:
    """What was found, and the head to keep elsewhere. HTML."""
    head = f"<code>{escape(str(chain.head))}</code>"
    rows: dict[str, Param] = {"rows": chain.head.rows}
    if chain.broken is None:
        told = seat.say(Word("console.audit.holds", rows))
        keep = seat.say(Word("console.audit.keep"))
        return f'<p class="good">{escape(told)}</p><p>{head}</p><p class="soft">{escape(keep)}</p>'
    flaw = Word(f"console.audit.flaw.{chain.broken.flaw}", {"row": chain.broken.id})
    until = seat.say(Word("console.audit.holds_until", rows))
    return f'<p class="bad">{escape(seat.say(flaw))}</p><p>{escape(until)} {head}</p>'
