"""Somebody's own affairs: their Telegram account, and when somebody signed in under their name."""

from __future__ import annotations

from html import escape

from nicegui import ui

from bot.clock import wall
from bot.console import charts
from bot.console.charts import cell
from bot.console.seat import Seat
from bot.staff.personnel import LINK_LASTS, Personnel
from conversations.replies import Word

SIGNING = ("sign_in", "sign_in_refused", "lock_out", "sign_out")
"""The acts that are listed."""
LOOKED_THROUGH, LISTED = 200, 12
"""How many of somebody's acts are looked through for them, and how many are shown."""
MINUTE = 60


async def build(seat: Seat) -> None:
    """The account's two parts."""
    with ui.element("div").classes("grid two"):
        _draw_link(seat)
        await _draw_visits(seat)


def _draw_link(seat: Seat) -> None:
    linked = seat.member.address is not None
    with ui.element("section").classes("card"):
        title = escape(seat.say(Word("console.account.telegram")))
        ui.html(title, sanitize=False, tag="h2").classes("card-title")
        state = Word("console.account.linked") if linked else Word("console.account.unlinked")
        ui.label(seat.say(state)).classes("lead")
        again = Word("console.account.new_code") if linked else Word("console.account.code")
        button = ui.button(seat.say(again), icon="link").props("unelevated no-caps")
        told = ui.html("", sanitize=False).classes("code-told").props("role=status")

    async def offer() -> None:
        async with seat.acting() as member:
            office = seat.office
            async with office.database.begin() as conn:
                act = Personnel(office.staff, office.audit, member.name, office.now())
                code = await act.offer_link(conn, member, wall())
            told.set_content(_code(seat, code))

    button.on_click(offer)


def _code(seat: Seat, code: str) -> str:
    """What to write to the bot. HTML."""
    minutes = round(LINK_LASTS.total_seconds() / MINUTE)
    before = escape(seat.say(Word("console.account.write")))
    after = escape(seat.say(Word("console.account.lasts", {"minutes": minutes})))
    return f'<p>{before}</p><p class="code">/duyuru {escape(code)}</p><p class="soft">{after}</p>'


async def _draw_visits(seat: Seat) -> None:
    async with seat.office.database.read() as conn:
        acts = await seat.office.audit.entries(conn, who=seat.member.name, limit=LOOKED_THROUGH)
    visits = [each for each in acts if each.act in SIGNING][:LISTED]
    rows = [
        [cell(seat.moment(each.at)), cell(seat.say(Word(f"console.act.{each.act}")))]
        for each in visits
    ]
    heads = [seat.say(Word("console.audit.at")), seat.say(Word("console.audit.act"))]
    with ui.element("section").classes("card"):
        title = escape(seat.say(Word("console.account.visits")))
        ui.html(title, sanitize=False, tag="h2").classes("card-title")
        ui.label(seat.say(Word("console.account.visits_lead"))).classes("lead")
        ui.html(charts.table(heads, rows), sanitize=False)
