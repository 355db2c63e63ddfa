"""The staff's actions of the talk, carried out.

Whose account an action comes from, and what they may do, is looked up for every single one, in the
transaction that carries it out: nothing that was offered before counts. What is allowed is decided
in ``storage.broadcasts``; nothing here knows what is said to anybody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import Finding
from conversations.broadcasts import MOVES, RIGHTS, Act, Audience, Refusal, Stage
from conversations.newsroom import (
    BroadcastFound,
    BroadcastMoved,
    BroadcastRefused,
    BroadcastsFound,
    BroadcastView,
    CheckDraft,
    DraftAllowed,
    LinkStaff,
    ListBroadcasts,
    LookUpBroadcast,
    LookUpStaff,
    MoveBroadcast,
    NotLinked,
    NotStaff,
    Pace,
    StaffFound,
    StaffLinked,
    SubmitBroadcast,
)
from storage.asked import Asked
from storage.audit import Audit
from storage.broadcast_rows import Broadcast, Draft
from storage.broadcasts import Broadcasts
from storage.people import People
from storage.staff import Member, Staff
from storage.vault import Vault

Draw = Callable[[Mapping[str, str], Audience], Draft]
"""Texts by language and an audience → a draft; raise Refusal if they cannot be one."""

Measure = Callable[[AsyncConnection, Broadcast, datetime], Awaitable[Pace | None]]
"""How a broadcast goes at that moment, by what was counted of it; None if it has not begun."""

ACTS = (Act.APPROVE, Act.GIVE_BACK, Act.PAUSE)
"""What can be done to a broadcast from a messenger."""

LISTED = (Stage.RUNNING, Stage.PAUSED, Stage.SCHEDULED, Stage.APPROVED, Stage.SUBMITTED)
"""Stages in which a broadcast is somebody's business today."""
MOST, MOST_FINISHED = 9, 3
"""How many are listed; of those that are finished, the newest few."""
MOST_WAITING = 100


class Newsroom:
    """The staff at work in a messenger. All its functions work inside the caller's transaction.

    ``accounts`` are the messengers whose accounts can be linked.
    """

    def __init__(
        self,
        vault: Vault,
        broadcasts: Broadcasts,
        *,
        accounts: Collection[str],
        draw: Draw,
        measure: Measure,
    ) -> None:
        self._staff = Staff(vault)
        self._people = People(vault)
        self._audit = Audit(vault)
        self._broadcasts = broadcasts
        self._accounts = accounts
        self._draw = draw
        self._measure = measure

    async def perform(self, conn: AsyncConnection, asked: Sequence[Asked]) -> list[Finding]:
        """Carry out the staff's actions; one finding for each, in the same order.

        It may lock the audit until the end of the transaction, so this is best done last.
        """
        return [await self._finding(conn, each) for each in asked]

    async def _finding(self, conn: AsyncConnection, asked: Asked) -> Finding:
        try:
            # What is refused half-way leaves nothing behind.
            async with conn.begin_nested():
                if isinstance(asked.action, LinkStaff):
                    return await self._link(conn, asked, asked.action.code)
                member = await self._staff.of_address(conn, asked.address)
                if member is None:
                    return NotStaff()
                return await self._done(conn, member, asked)
        except _NobodysCode:
            return NotLinked("unknown")
        except Refusal as refusal:
            return BroadcastRefused(refusal.code, refusal.params)

    async def _done(self, conn: AsyncConnection, member: Member, asked: Asked) -> Finding:
        match asked.action:
            case LookUpStaff():
                waiting = len(await self._waiting(conn, member))
                return StaffFound(member.name, member.role, waiting)
            case ListBroadcasts(waiting=True):
                found = await self._waiting(conn, member)
                return BroadcastsFound(True, tuple(map(_view, found[:MOST])))
            case ListBroadcasts():
                return BroadcastsFound(False, await self._listed(conn))
            case LookUpBroadcast(id):
                return await self._found(conn, member, id, asked.now)
            case CheckDraft(audience, texts):
                _check_role(member, Act.SUBMIT)
                self._draw(texts, audience)
                return DraftAllowed(audience, texts)
            case SubmitBroadcast(audience, texts):
                draft = self._draw(texts, audience)
                made = await self._broadcasts.create(conn, member, draft, asked.now)
                moved = await self._broadcasts.submit(conn, member, made.id, asked.now)
                return BroadcastMoved(moved.id, Act.SUBMIT, moved.stage)
            case MoveBroadcast() as action:
                return await self._move(conn, member, action, asked.now)
        raise TypeError(f"not an action of the staff: {type(asked.action).__name__}")

    # --- accounts -----------------------------------------------------------------------------

    async def _link(self, conn: AsyncConnection, asked: Asked, code: str) -> Finding:
        if asked.address.channel not in self._accounts:
            return NotLinked("elsewhere")
        senders = await self._people.keep_senders(conn, [asked])
        member = await self._staff.link(conn, code, senders[asked.address].id, asked.now)
        if member is None:
            # Nothing is kept of an address only because a wrong code came from it.
            raise _NobodysCode
        await self._audit.add(conn, member.name, "staff.link", member.subject, asked.now)
        return StaffLinked(member.name)

    # --- looking ------------------------------------------------------------------------------

    async def _waiting(self, conn: AsyncConnection, member: Member) -> list[Broadcast]:
        """What waits for this member's approval."""
        if member.role not in RIGHTS[Act.APPROVE]:
            return []
        found = await self._broadcasts.newest(conn, [Stage.SUBMITTED], limit=MOST_WAITING)
        return [each for each in found if Act.APPROVE in _acts(member, each)]

    async def _listed(self, conn: AsyncConnection) -> tuple[BroadcastView, ...]:
        """First what runs; after all that is under way, the newest that ended well."""
        current = await self._broadcasts.newest(conn, LISTED, limit=MOST)
        current.sort(key=lambda each: LISTED.index(each.stage))
        room = min(MOST - len(current), MOST_FINISHED)
        ended = await self._broadcasts.newest(conn, [Stage.FINISHED], limit=room) if room else []
        return tuple(map(_view, (*current, *ended)))

    async def _found(
        self, conn: AsyncConnection, member: Member, id: int, now: datetime
    ) -> BroadcastFound:
        found = await self._broadcasts.get(conn, id)
        return BroadcastFound(
            _view(found),
            found.draft.texts,
            found.draft.audience,
            _acts(member, found),
            found.draft.urgent,
            found.draft.templates,
            found.draft.starts_at,
            tuple(each.name for each in found.approvals),
            await self._measure(conn, found, now),
        )

    # --- acting -------------------------------------------------------------------------------

    async def _move(
        self, conn: AsyncConnection, member: Member, action: MoveBroadcast, now: datetime
    ) -> BroadcastMoved:
        moved = await self._moved(conn, member, action, now)
        # Giving back makes a new version of what was seen; nothing else changes it.
        seen = moved.version - 1 if action.act is Act.GIVE_BACK else moved.version
        if seen != action.version:
            raise Refusal("changed")
        return BroadcastMoved(moved.id, action.act, moved.stage)

    async def _moved(
        self, conn: AsyncConnection, member: Member, action: MoveBroadcast, now: datetime
    ) -> Broadcast:
        match action.act:
            case Act.APPROVE:
                return await self._broadcasts.approve(
                    conn, member, action.id, now, version=action.version
                )
            case Act.GIVE_BACK:
                return await self._broadcasts.give_back(conn, member, action.id, now)
            case Act.PAUSE:
                return await self._broadcasts.pause(conn, member, action.id, now)
        raise TypeError(f"not an act of the talk: {action.act}")


class _NobodysCode(Exception):
    """A code that opens nothing, or nothing for this account."""


def _check_role(member: Member, act: Act) -> None:
    if member.role not in RIGHTS[act]:
        raise Refusal("role", role=str(member.role))


def _acts(member: Member, found: Broadcast) -> tuple[Act, ...]:
    """What this member may do to it now, as far as can be said beforehand."""
    is_own = found.author_id == member.id
    has_approved = any(each.name == member.name for each in found.approvals)
    return tuple(
        act
        for act in ACTS
        if member.role in RIGHTS[act]
        and found.stage in MOVES[act]
        and not (act is Act.APPROVE and (is_own or has_approved))
    )


def _view(found: Broadcast) -> BroadcastView:
    return BroadcastView(found.id, found.version, found.stage, found.draft.title, found.author)
