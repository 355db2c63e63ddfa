"""The page of one broadcast: where it stands, what can be done, how it goes, whom it is for."""

from __future__ import annotations

from html import escape

from nicegui import ui

from bot.console import telling
from bot.console.pages.broadcast_acts import Acts
from bot.console.pages.broadcast_live import Live
from bot.console.pages.bubbles import Phone
from bot.console.pages.reach import Reach, left_out_rows
from bot.console.pages.sheets import card, chip, facts, html, nothing, urgent_chip
from bot.console.seat import Seat
from bot.console.telling import SHORT
from bot.standings import Standing
from conversations.broadcasts import RIGHTS, Act, Refusal, Stage, approvals_wanted
from conversations.replies import Param, Word
from storage import Broadcast, Unavailable

RENEW = 1.0
"""Seconds between two looks; those who look together are shown the same one."""

GIVEN_BACK = f"broadcast.{Act.GIVE_BACK}"
"""What the audit calls it."""

STEPS = (
    Stage.DRAFT,
    Stage.SUBMITTED,
    Stage.APPROVED,
    Stage.SCHEDULED,
    Stage.RUNNING,
    Stage.FINISHED,
)
"""A broadcast's way. ``PAUSED`` stands where ``RUNNING`` does, ``CANCELLED`` at the end."""


async def build(seat: Seat) -> None:
    """The broadcast whose number is in the path."""
    number = int(seat.client.request.path_params["id"])
    try:
        standing = await seat.office.press.standings.of(number)
    except Refusal as refusal:
        html().set_content(nothing(seat.say(refusal.word)))
        return
    board = Board(seat, standing)
    await board.renew()
    ui.timer(RENEW, board.renew, immediate=False)


class Board:
    """The parts of the page, and what they show."""

    def __init__(self, seat: Seat, standing: Standing) -> None:
        self._seat = seat
        self._found = found = standing.broadcast
        self._shown: object = None
        self._returned = ""
        say = seat.say
        with ui.element("section").classes("card head"):
            self._head = html("head-told")
            self._acts = Acts(seat, standing, self.renew)
            self._way = html("way")
            self._notes = html("notes").props("role=status aria-live=polite")
        self._live = Live(seat)
        with ui.element("div").classes("grid two-one text-last"):
            with card(say(Word("console.broadcast.preview"))):
                self._phone = Phone(seat)
            with ui.element("div").classes("stack"):
                with card(say(Word("console.broadcast.audience"))):
                    self._audience = html()
                    with ui.element("div") as self._reach_place:
                        self._reach = Reach(seat, lambda: self._found.draft, found.as_of)
                with card(say(Word("console.broadcast.facts"))):
                    self._facts = html()
        self._renewed = ui.label().classes("renewed").props("aria-live=off")

    async def renew(self) -> None:
        """Show how it stands now."""
        seat = self._seat
        try:
            standing = await seat.office.press.standings.of(self._found.id)
            await self._look_back(standing.broadcast)
            self.show(standing)
        except Unavailable:
            self._renewed.set_text(seat.say(Word("console.busy")))

    def show(self, standing: Standing) -> None:
        """Put it into the page; what does not change by itself only when it was changed."""
        found, before = standing.broadcast, self._found
        self._found = found
        if self._shown != _mark(found):
            self._shown = _mark(found)
            self._head.set_content(_head(self._seat, found))
            self._way.set_content(_way(self._seat, found))
            self._phone.show(found.draft)
            if found.draft != before.draft:
                self._reach.forget()
        self._acts.show(standing)
        self._notes.set_content(self._told(found))
        self._audience.set_content(_audience(self._seat, found))
        self._reach_place.set_visibility(found.planned_at is None)
        self._facts.set_content(_facts(self._seat, found))
        self._live.show(standing)
        said = Word("console.broadcast.counted_at", {"at": telling.second(standing.counted_at)})
        self._renewed.set_text(self._seat.say(said))

    async def _look_back(self, found: Broadcast) -> None:
        """Why a draft was given back, as the audit has it."""
        if found.stage is not Stage.DRAFT or found.version == 1:
            self._returned = ""
            return
        if self._shown == _mark(found):
            return
        office = self._seat.office
        async with office.database.read() as conn:
            entries = await office.audit.entries(conn, subject=f"broadcast:{found.id}")
        back = next((each for each in entries if each.act == GIVEN_BACK), None)
        if back is not None and back.detail is not None:
            told: dict[str, Param] = {
                "name": back.who,
                "at": self._seat.moment(back.at),
                "why": str(back.detail.get("why", "")),
            }
            self._returned = self._seat.say(Word("console.broadcast.returned", told))

    def _told(self, found: Broadcast) -> str:
        """What whoever looks should know first. HTML."""
        seat = self._seat
        notes: list[tuple[str, str]] = []
        if self._returned:
            notes.append(("wait", self._returned))
        if night := telling.night(seat, found, seat.office.now()):
            notes.append(("night", night))
        if found.stage is Stage.PAUSED:
            notes.append(("pause", telling.pause(seat, found)))
        if found.stage is Stage.SUBMITTED:
            notes.append(("wait", self._approval(found)))
        if found.stage in (Stage.APPROVED, Stage.RUNNING) and found.planned_at is None:
            said = Word("console.broadcast.planning", {"count": found.planned})
            notes.append(("wait", seat.say(said)))
        if found.stage is Stage.SCHEDULED and found.draft.starts_at is not None:
            said = Word("console.broadcast.starts", {"at": seat.moment(found.draft.starts_at)})
            notes.append(("wait", seat.say(said)))
        return "".join(f'<p class="note {kind}">{escape(text)}</p>' for kind, text in notes)

    def _approval(self, found: Broadcast) -> str:
        """Whose approval it waits for."""
        seat, member = self._seat, self._seat.member
        if self._acts.may(Act.APPROVE):
            return seat.say(Word("console.broadcast.waits_for_you"))
        if member.id == found.author_id and member.role in RIGHTS[Act.APPROVE]:
            return seat.say(Refusal("own").word)
        if any(each.name == member.name for each in found.approvals):
            return seat.say(Refusal("approved").word)
        left = approvals_wanted(found.draft.urgent) - len(found.approvals)
        return seat.say(Word("console.broadcast.waits_for_others", {"count": left}))


def _mark(found: Broadcast) -> object:
    """Differs after everything that is done to it."""
    return found.stage, found.updated_at, found.version


# --- HTML ---------------------------------------------------------------------------------------


def _head(seat: Seat, found: Broadcast) -> str:
    """Its name and where it stands."""
    urgent = urgent_chip(seat) if found.draft.urgent else ""
    author = seat.say(Word("console.broadcast.by", {"name": found.author}))
    return (
        f'<p class="head-chips">{chip(seat, found.stage)}{urgent}'
        f'<span class="soft">#{seat.number(found.id)}</span></p>'
        f'<h2 class="head-title">{escape(found.draft.title)}</h2>'
        f'<p class="soft">{escape(author)} · {escape(seat.moment(found.created_at))}</p>'
    )


def _way(seat: Seat, found: Broadcast) -> str:
    """Its stages one after the other, with the one it has come to."""
    standing = found.stage
    steps: list[Stage] = list(STEPS)
    if standing is Stage.PAUSED:
        steps[steps.index(Stage.RUNNING)] = Stage.PAUSED
    if standing is Stage.CANCELLED:
        steps = [each for each in STEPS if _has_been(found, each)] + [Stage.CANCELLED]
    elif standing is not Stage.SCHEDULED and not _has_been(found, Stage.SCHEDULED):
        steps.remove(Stage.SCHEDULED)
    here = steps.index(standing)
    items = []
    for place, each in enumerate(steps):
        state = "here" if place == here else "done" if place < here else "ahead"
        current = ' aria-current="step"' if place == here else ""
        over = state == "done" or standing is Stage.FINISHED
        mark = "×" if each is Stage.CANCELLED else "✓" if over else str(place + 1)
        when = _when(seat, found, each) if place <= here else ""
        items.append(
            f'<li class="{state} {each}"{current}><i aria-hidden="true">{mark}</i>'
            f"<span>{escape(telling.stage(seat, each))}<small>{escape(when)}</small></span></li>"
        )
    label = escape(seat.say(Word("console.broadcast.way")))
    return f'<ol aria-label="{label}">{"".join(items)}</ol>'


def _has_been(found: Broadcast, stage: Stage) -> bool:
    """Whether it has been there on its way, as far as is kept."""
    if stage is Stage.SCHEDULED:
        return found.draft.starts_at is not None and found.approved_at is not None
    known = {
        Stage.SUBMITTED: bool(found.approvals) or found.approved_at is not None,
        Stage.APPROVED: found.approved_at is not None,
        Stage.RUNNING: found.started_at is not None,
        Stage.FINISHED: False,
    }
    return known.get(stage, True)


def _when(seat: Seat, found: Broadcast, stage: Stage) -> str:
    """Since when it was there."""
    moments = {
        Stage.DRAFT: found.created_at,
        Stage.APPROVED: found.approved_at,
        Stage.SCHEDULED: found.draft.starts_at,
        Stage.RUNNING: found.started_at,
        Stage.PAUSED: found.updated_at,
        Stage.FINISHED: found.ended_at,
        Stage.CANCELLED: found.ended_at or found.updated_at,
    }
    at = moments.get(stage)
    return "" if at is None else seat.hour(at)


def _audience(seat: Seat, found: Broadcast) -> str:
    """Whom it is for, how many that are, and who is left out."""
    rows = [(name, escape(value)) for name, value in telling.criteria(seat, found.draft.audience)]
    if found.planned or found.planned_at is not None:
        rows.append((seat.say(Word("console.broadcast.recipients")), seat.number(found.planned)))
    told = facts(rows)
    if found.left_out:
        many = seat.number(sum(found.left_out.values()))
        title = escape(seat.say(Word("console.broadcast.left_out")))
        told += f'<h3 class="reach-out">{title}: {many}</h3>'
        told += left_out_rows(seat, dict(found.left_out))
    return told


def _facts(seat: Seat, found: Broadcast) -> str:
    """Who answers for it, and what was decided."""
    say, draft = seat.say, found.draft
    rows = [(say(Word("console.broadcast.author")), escape(found.author))]
    wanted = approvals_wanted(draft.urgent)
    given = "<br>".join(
        f'{escape(each.name)} <span class="soft">{escape(seat.moment(each.at))}</span>'
        for each in found.approvals
    )
    so_far = say(
        Word("console.broadcast.approvals_told", {"count": len(found.approvals), "wanted": wanted})
    )
    rows.append((say(Word("console.broadcast.approvals")), given or escape(so_far)))
    rows.append((say(Word("console.broadcast.version")), seat.number(found.version)))
    mark = f'<code title="{found.fingerprint}">{found.fingerprint[:SHORT]}</code>'
    rows.append((say(Word("console.broadcast.fingerprint")), mark))
    kind = Word("console.broadcast.is_urgent") if draft.urgent else Word("console.broadcast.usual")
    rows.append((say(Word("console.broadcast.kind")), escape(say(kind))))
    if draft.starts_at is not None:
        rows.append(
            (say(Word("console.broadcast.starts_at")), escape(seat.moment(draft.starts_at)))
        )
    resend = Word("console.broadcast.unknown_resend")
    leave = Word("console.broadcast.unknown_leave")
    unknown = say(resend if draft.resend_unknown else leave)
    rows.append((say(Word("console.broadcast.unknown")), escape(unknown)))
    limit = seat.share(draft.failure_limit, 1.0)
    rows.append((say(Word("console.broadcast.failure_limit")), escape(limit)))
    for locale, sid in draft.templates.items():
        name = f"WhatsApp · {telling.language(seat, locale)}"
        rows.append((name, f"<code>{escape(sid)}</code>"))
    return facts(rows)
