"""Broadcasts from draft to end: where each stands, and who may move it on.

Every act is checked here, against the role of whoever does it and against the row as it is locked,
and is on the audit in the same transaction. What becomes of the deliveries is in
``storage.campaigns``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.broadcasts import (
    MOVES,
    RIGHTS,
    Act,
    Refusal,
    Stage,
    approvals_wanted,
)
from storage import audiences, campaigns, tables
from storage.audit import Audit
from storage.broadcast_rows import (
    BROADCASTS,
    Approval,
    Broadcast,
    Draft,
    broadcast_in,
    listed,
    plain,
)
from storage.entries import Entry, Post, Urgency
from storage.ledger import Ledger
from storage.staff import Member

THE_HOUSE = "hesbot"
"""Who does on the audit what nobody of the staff did."""

_row, _staff = tables.broadcasts.c, tables.staff.c
_approval = tables.approvals.c


class Broadcasts:
    """The register of broadcasts. All its functions work inside the caller's transaction."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    # --- writing ------------------------------------------------------------------------------

    async def create(
        self, conn: AsyncConnection, by: Member, draft: Draft, now: datetime
    ) -> Broadcast:
        """A new draft. Raise Refusal."""
        _check_role(by, Act.WRITE)
        values = {
            **plain(draft),
            "stage": str(Stage.DRAFT),
            "author_id": by.id,
            "version": 1,
            "starts_at": draft.starts_at,
            "created_at": now,
            "updated_at": now,
            "reached": 0,
            "planned": 0,
            "left_out": "{}",
            "pause_cause": "",
            "counted": "[]",
            "baseline": "[]",
        }
        number = await conn.scalar(tables.broadcasts.insert().values(values).returning(_row.id))
        made = await self.get(conn, int(number or 0))
        await self._note(conn, by.name, "broadcast.create", made, now)
        return made

    async def write(
        self, conn: AsyncConnection, by: Member, id: int, version: int, draft: Draft, now: datetime
    ) -> Broadcast:
        """Put another draft in the place of the one of that version. Raise Refusal."""
        found = await self._held(conn, by, Act.WRITE, id, version)
        return await self._move(
            conn, by.name, found, now, "write",
            **plain(draft), version=found.version + 1, starts_at=draft.starts_at,
        )  # fmt: skip

    # --- moving on ----------------------------------------------------------------------------

    async def submit(
        self, conn: AsyncConnection, by: Member, id: int, now: datetime, version: int | None = None
    ) -> Broadcast:
        """Ask for approval. Raise Refusal."""
        found = await self._held(conn, by, Act.SUBMIT, id, version)
        return await self._move(conn, by.name, found, now, Act.SUBMIT, stage=Stage.SUBMITTED)

    async def give_back(
        self, conn: AsyncConnection, by: Member, id: int, now: datetime, why: str = ""
    ) -> Broadcast:
        """Return it to its author; approvals given so far are void. Raise Refusal."""
        found = await self._held(conn, by, Act.GIVE_BACK, id)
        await self._forget_approvals(conn, id)
        changes: dict[str, Any] = {"stage": Stage.DRAFT, "version": found.version + 1}
        return await self._move(conn, by.name, found, now, Act.GIVE_BACK, {"why": why}, **changes)

    async def approve(
        self, conn: AsyncConnection, by: Member, id: int, now: datetime, version: int | None = None
    ) -> Broadcast:
        """Approve it; with the last approval that is wanted its audience is frozen. Raise Refusal.

        ``version`` is what was looked at; another one since is not approved.
        """
        found = await self._held(conn, by, Act.APPROVE, id, version)
        if by.id == found.author_id:
            raise Refusal("own")
        if any(each.name == by.name for each in found.approvals):
            raise Refusal("approved")
        await conn.execute(
            tables.approvals.insert().values(
                broadcast_id=id, staff_id=by.id, version=found.version, at=now
            )
        )
        told = {"fingerprint": found.fingerprint, "version": found.version}
        if len(found.approvals) + 1 < approvals_wanted(found.draft.urgent):
            return await self._move(conn, by.name, found, now, Act.APPROVE, told)
        frozen: dict[str, Any] = {
            "stage": Stage.APPROVED,
            "approved_at": now,
            "as_of": now,
            "last_address": await audiences.newest_address(conn),
        }
        return await self._move(conn, by.name, found, now, Act.APPROVE, told, **frozen)

    async def start(
        self,
        conn: AsyncConnection,
        by: Member,
        id: int,
        now: datetime,
        real: datetime,
        at: datetime | None = None,
    ) -> Broadcast:
        """Let it run: ``at`` that moment, else when its draft says, else now. Raise Refusal.

        One that is scheduled already runs at once, unless another moment is given. ``real`` is the
        real time.
        """
        found = await self._held(conn, by, Act.START, id)
        when = at or (found.draft.starts_at if found.stage is Stage.APPROVED else None)
        if at is not None and at <= now:
            raise Refusal("past")
        if when is not None and when > now:
            told = {"starts_at": when.isoformat()}
            changes: dict[str, Any] = {"stage": Stage.SCHEDULED, "starts_at": when}
            return await self._move(conn, by.name, found, now, Act.START, told, **changes)
        return await self._run(conn, by.name, found, now, real, Act.START)

    async def start_due(self, conn: AsyncConnection, now: datetime, real: datetime) -> int:
        """Let run what is scheduled for now; how many."""
        due = select(_row.id).where(_row.stage == str(Stage.SCHEDULED), _row.starts_at <= now)
        ids = list((await conn.execute(due.with_for_update(skip_locked=True))).scalars())
        for id in ids:
            await self._run(conn, THE_HOUSE, await self.get(conn, id), now, real, Act.START)
        return len(ids)

    async def pause(self, conn: AsyncConnection, by: Member, id: int, now: datetime) -> Broadcast:
        """Stop for a while, also what is queued. Raise Refusal."""
        found = await self._held(conn, by, Act.PAUSE, id)
        changes: dict[str, Any] = {"stage": Stage.PAUSED, "pause_cause": ""}
        return await self._move(conn, by.name, found, now, Act.PAUSE, **changes)

    async def pause_for(
        self, conn: AsyncConnection, id: int, cause: str, now: datetime
    ) -> Broadcast | None:
        """Stop it by ourselves, for a cause that is kept; None if it does not run any more."""
        found = await self._locked(conn, id)
        if found.stage is not Stage.RUNNING:
            return None
        changes: dict[str, Any] = {"stage": Stage.PAUSED, "pause_cause": cause}
        return await self._move(conn, THE_HOUSE, found, now, Act.PAUSE, {"cause": cause}, **changes)

    async def resume(
        self, conn: AsyncConnection, by: Member, id: int, now: datetime, real: datetime
    ) -> Broadcast:
        """Go on where it stopped. Raise Refusal."""
        found = await self._held(conn, by, Act.RESUME, id)
        return await self._run(conn, by.name, found, now, real, Act.RESUME)

    async def cancel(self, conn: AsyncConnection, by: Member, id: int, now: datetime) -> Broadcast:
        """End it for good; what is queued is dropped. Raise Refusal."""
        found = await self._held(conn, by, Act.CANCEL, id)
        ended_at = now if found.approved_at is None else None
        changes: dict[str, Any] = {"stage": Stage.CANCELLED, "ended_at": ended_at}
        return await self._move(conn, by.name, found, now, Act.CANCEL, **changes)

    async def retry(
        self,
        conn: AsyncConnection,
        by: Member,
        id: int,
        now: datetime,
        real: datetime,
        *,
        unknown: bool = False,
    ) -> tuple[Broadcast, int]:
        """Send again to those whom it failed to reach, ``unknown`` also where that is not known;
        to how many. Raise Refusal."""
        found = await self._held(conn, by, Act.RETRY, id)
        posts = [Post.FAILED, Post.HELD, *([Post.UNKNOWN] if unknown else [])]
        count = await campaigns.send_again(conn, id, posts, now)
        if not count:
            raise Refusal("nobody")
        if found.stage is Stage.FINISHED:
            return await self._run(conn, by.name, found, now, real, Act.RETRY, ended_at=None), count
        return await self._move(conn, by.name, found, now, Act.RETRY, {"count": count}), count

    async def test(
        self, conn: AsyncConnection, by: Member, id: int, now: datetime, ledger: Ledger
    ) -> None:
        """Send it to the member's own linked account, as it stands. Raise Refusal."""
        found = await self._held(conn, by, Act.TEST, id)
        if by.address is None:
            raise Refusal("unlinked")
        address = tables.addresses.c
        channel = await conn.scalar(select(address.channel).where(address.id == by.address))
        entry = Entry(
            key=f"{campaigns.TEST}:{id}:{by.id}:{now.isoformat()}",
            kind=campaigns.TEST,
            urgency=Urgency.SUSPENSION,
            address=by.address,
            channel=str(channel),
            due_at=now,
            about={"broadcast": id},
        )
        await ledger.write(conn, [entry], now)
        await self._note(conn, by.name, f"broadcast.{Act.TEST}", found, now)

    async def finish(self, conn: AsyncConnection, id: int, now: datetime) -> bool:
        """End one of which nothing is left to send; whether it was running until now."""
        found = await self._locked(conn, id)
        if found.stage is not Stage.RUNNING or found.planned_at is None:
            return False
        if await campaigns.is_open(conn, id):
            return False
        changes: dict[str, Any] = {"stage": Stage.FINISHED, "ended_at": now}
        await self._move(conn, THE_HOUSE, found, now, "finish", **changes)
        return True

    # --- keeping count ------------------------------------------------------------------------

    async def keep_count(
        self, conn: AsyncConnection, id: int, counted: campaigns.Outcomes, real: datetime
    ) -> None:
        """Write down what had become of its deliveries at that moment of real time."""
        values = {"counted": listed(counted), "counted_at": real}
        await conn.execute(update(tables.broadcasts).where(_row.id == id).values(values))

    async def close_cancelled(self, conn: AsyncConnection, id: int, now: datetime) -> None:
        """Nothing of a cancelled one is on its way any more."""
        ended = update(tables.broadcasts).where(_row.id == id)
        await conn.execute(ended.values(ended_at=func.coalesce(_row.ended_at, now)))

    # --- looking ------------------------------------------------------------------------------

    async def get(self, conn: AsyncConnection, id: int) -> Broadcast:
        """The broadcast with that number. Raise Refusal."""
        return await self._one(conn, id, lock=False)

    async def newest(
        self,
        conn: AsyncConnection,
        stages: Sequence[Stage] = tuple(Stage),
        limit: int = 50,
        before: int | None = None,
    ) -> list[Broadcast]:
        """Those in these stages, newest first; ``before`` that number."""
        wanted = BROADCASTS.where(_row.stage.in_([str(stage) for stage in stages]))
        if before is not None:
            wanted = wanted.where(_row.id < before)
        found = (await conn.execute(wanted.order_by(_row.id.desc()).limit(limit))).all()
        given = await self._approvals(conn, [each.id for each in found])
        return [broadcast_in(each, given.get(each.id, [])) for each in found]

    async def unplanned(self, conn: AsyncConnection) -> list[int]:
        """Those that are approved and whose deliveries are still to be written."""
        stages = (Stage.APPROVED, Stage.SCHEDULED, Stage.RUNNING, Stage.PAUSED)
        wanted = select(_row.id).where(
            _row.stage.in_([str(stage) for stage in stages]), _row.planned_at.is_(None)
        )
        return list((await conn.execute(wanted.order_by(_row.urgent.desc(), _row.id))).scalars())

    async def sweepable(self, conn: AsyncConnection) -> list[int]:
        """The cancelled ones of which something may still wait or be on its way."""
        wanted = select(_row.id).where(_row.stage == str(Stage.CANCELLED), _row.ended_at.is_(None))
        return list((await conn.execute(wanted)).scalars())

    # --- within -------------------------------------------------------------------------------

    async def _run(
        self,
        conn: AsyncConnection,
        who: str,
        found: Broadcast,
        now: datetime,
        real: datetime,
        act: Act,
        **changes: Any,
    ) -> Broadcast:
        """It runs from now on; what failed before is not held against it."""
        counted = await campaigns.outcomes(conn, found.id)
        started: dict[str, Any] = {
            "stage": Stage.RUNNING,
            "started_at": found.started_at or now,
            "pause_cause": "",
            "running_since": real,
            "baseline": listed(counted),
        }
        return await self._move(conn, who, found, now, act, **started, **changes)

    async def _held(
        self,
        conn: AsyncConnection,
        by: Member,
        act: Act,
        id: int,
        version: int | None = None,
    ) -> Broadcast:
        """The broadcast, locked, if that member may do that to it now."""
        _check_role(by, act)
        found = await self._locked(conn, id)
        if version is not None and version != found.version:
            raise Refusal("changed")
        if found.stage not in MOVES[act]:
            raise Refusal("stage", stage=str(found.stage))
        return found

    async def _locked(self, conn: AsyncConnection, id: int) -> Broadcast:
        return await self._one(conn, id, lock=True)

    async def _one(self, conn: AsyncConnection, id: int, *, lock: bool) -> Broadcast:
        wanted = BROADCASTS.where(_row.id == id)
        if lock:
            wanted = wanted.with_for_update(of=tables.broadcasts)
        found = (await conn.execute(wanted)).one_or_none()
        if found is None:
            raise Refusal("unknown")
        return broadcast_in(found, (await self._approvals(conn, [id])).get(id, []))

    async def _move(
        self,
        conn: AsyncConnection,
        who: str,
        found: Broadcast,
        now: datetime,
        act: str,
        told: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Broadcast:
        values = {**changes, "updated_at": now}
        await conn.execute(update(tables.broadcasts).where(_row.id == found.id).values(values))
        moved = await self.get(conn, found.id)
        await self._note(conn, who, f"broadcast.{act}", moved, now, **(told or {}))
        return moved

    async def _note(
        self, conn: AsyncConnection, who: str, act: str, of: Broadcast, now: datetime, **told: Any
    ) -> None:
        detail = {"stage": str(of.stage), "version": of.version, **told}
        await self._audit.add(conn, who, act, f"broadcast:{of.id}", now, **detail)

    async def _approvals(
        self, conn: AsyncConnection, ids: Sequence[int]
    ) -> dict[int, list[Approval]]:
        found = await conn.execute(
            select(_approval.broadcast_id, _staff.name, _approval.at)
            .join_from(tables.approvals, tables.staff, _staff.id == _approval.staff_id)
            .where(_approval.broadcast_id.in_(ids))
            .order_by(_approval.at, _approval.staff_id)
        )
        given: dict[int, list[Approval]] = {}
        for each in found:
            given.setdefault(each.broadcast_id, []).append(Approval(each.name, each.at))
        return given

    async def _forget_approvals(self, conn: AsyncConnection, id: int) -> None:
        await conn.execute(tables.approvals.delete().where(_approval.broadcast_id == id))


def _check_role(by: Member, act: Act) -> None:
    if by.role not in RIGHTS[act]:
        raise Refusal("role", role=str(by.role))
