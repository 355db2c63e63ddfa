"""Where a broadcast stands, and who may move it on: the register on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from conversations.broadcasts import MOVES, RIGHTS, Act, Audience, Group, Refusal, Role, Stage
from storage import Audit, Broadcast, Database, Settled, Vault, campaigns
from storage.entries import Post
from tests.storage.announcing import DAY, NOW, Newsroom, draft

Do = Callable[..., Awaitable[Any]]


@pytest.fixture
async def room(database: Database, vault: Vault) -> Newsroom:
    """Somebody of each role, and nobody to write to."""
    return await Newsroom.open(database, vault)


async def act(room: Newsroom, what: Act, broadcast: Broadcast, role: Role) -> Any:
    """Somebody of that role does that."""
    by, id = room.members[role], broadcast.id
    register = room.broadcasts
    async with room.database.begin() as conn:
        doings: dict[Act, Callable[[], Awaitable[Any]]] = {
            Act.WRITE: lambda: register.write(conn, by, id, broadcast.version, draft(), NOW),
            Act.TEST: lambda: register.test(conn, by, id, NOW, room.ledger),
            Act.SUBMIT: lambda: register.submit(conn, by, id, NOW),
            Act.GIVE_BACK: lambda: register.give_back(conn, by, id, NOW),
            Act.APPROVE: lambda: register.approve(conn, by, id, NOW),
            Act.START: lambda: register.start(conn, by, id, NOW, NOW),
            Act.PAUSE: lambda: register.pause(conn, by, id, NOW),
            Act.RESUME: lambda: register.resume(conn, by, id, NOW, NOW),
            Act.CANCEL: lambda: register.cancel(conn, by, id, NOW),
            Act.RETRY: lambda: register.retry(conn, by, id, NOW, NOW),
        }
        return await doings[what]()


async def refused(doing: Awaitable[Any]) -> str:
    with pytest.raises(Refusal) as refusal:
        await doing
    return refusal.value.code


async def at(room: Newsroom, stage: Stage) -> Broadcast:
    """A broadcast that stands there."""
    if stage is Stage.DRAFT:
        return await room.draft()
    if stage is Stage.SUBMITTED:
        return await room.submitted()
    if stage is Stage.SCHEDULED:
        made = await room.approved(starts_at=NOW + DAY)
        await act(room, Act.START, made, Role.OPERATOR)
        return await room.get(made)
    made = await room.approved()
    await room.plan(made)
    steps = {
        Stage.APPROVED: (),
        Stage.RUNNING: (Act.START,),
        Stage.PAUSED: (Act.START, Act.PAUSE),
        Stage.FINISHED: (Act.START,),
        Stage.CANCELLED: (Act.CANCEL,),
    }
    for what in steps[stage]:
        await act(room, what, made, Role.OPERATOR)
    if stage is Stage.FINISHED:
        async with room.database.begin() as conn:
            assert await room.broadcasts.finish(conn, made.id, NOW)
    return await room.get(made)


@pytest.mark.parametrize("what", Act)
async def test_each_act_wants_its_role(room: Newsroom, what: Act) -> None:
    """Who has another one is refused, whatever the stage, and nothing is changed."""
    made = await room.draft()
    for role in set(Role) - RIGHTS[what]:
        assert await refused(act(room, what, made, role)) == "role"
    assert await room.get(made) == made


@pytest.mark.parametrize("stage", Stage)
async def test_each_act_is_possible_in_its_stages_alone(room: Newsroom, stage: Stage) -> None:
    """Elsewhere it says where the broadcast stands, and leaves it there."""
    made = await at(room, stage)
    assert made.stage is stage
    for what in Act:
        if stage not in MOVES[what]:
            role = next(iter(RIGHTS[what]))
            assert await refused(act(room, what, made, role)) == "stage", what
    assert await room.get(made) == made


class TestApproval:
    """Two pairs of eyes, three for what is urgent."""

    async def test_the_author_does_not_approve(self, room: Newsroom) -> None:
        """Also not under another role that was given since."""
        made = await room.submitted()
        author = Newsroom(room.database, room.vault, room.broadcasts, dict(room.members))
        author.members[Role.APPROVER] = replace(room.author, role=Role.APPROVER)
        assert await refused(act(author, Act.APPROVE, made, Role.APPROVER)) == "own"

    async def test_one_is_enough_and_freezes_the_audience(self, room: Newsroom) -> None:
        """Who comes after it is not concerned."""
        await room.people(3)
        made = await room.approved()
        assert (made.stage, made.last_address, made.as_of) == (Stage.APPROVED, 3, NOW)
        await room.people(2, first=5000)
        assert await room.plan(made) == 3

    async def test_what_is_urgent_wants_two(self, room: Newsroom) -> None:
        """Not the same one twice."""
        made = await room.submitted(urgent=True)
        first = await act(room, Act.APPROVE, made, Role.APPROVER)
        assert (first.stage, len(first.approvals)) == (Stage.SUBMITTED, 1)
        assert await refused(act(room, Act.APPROVE, made, Role.APPROVER)) == "approved"
        room.members[Role.APPROVER] = await room.hire(Role.APPROVER, "another")
        assert (await act(room, Act.APPROVE, made, Role.APPROVER)).stage is Stage.APPROVED

    async def test_what_was_given_back_is_approved_anew(self, room: Newsroom) -> None:
        """Approvals are of a version; the next one begins without any."""
        made = await room.submitted(urgent=True)
        await act(room, Act.APPROVE, made, Role.APPROVER)
        back = await act(room, Act.GIVE_BACK, made, Role.APPROVER)
        assert (back.stage, back.approvals, back.version) == (Stage.DRAFT, (), 2)

    async def test_only_what_was_looked_at_is_approved(self, room: Newsroom) -> None:
        """A text that changed since is none of that."""
        made = await room.draft()
        async with room.database.begin() as conn:
            other = draft(texts={"tr": "Başka"})
            await room.broadcasts.write(conn, room.author, made.id, 1, other, NOW)
            await room.broadcasts.submit(conn, room.author, made.id, NOW)
        async with room.database.begin() as conn:
            late = room.broadcasts.approve(conn, room.approver, made.id, NOW, version=1)
            assert await refused(late) == "changed"


class TestStarting:
    """Now, at its time, or at another one."""

    async def test_its_own_time_is_waited_for(self, room: Newsroom) -> None:
        """And then it runs, once."""
        made = await at(room, Stage.SCHEDULED)
        async with room.database.begin() as conn:
            assert await room.broadcasts.start_due(conn, NOW + DAY - timedelta(seconds=1), NOW) == 0
            assert await room.broadcasts.start_due(conn, NOW + DAY, NOW) == 1
            assert await room.broadcasts.start_due(conn, NOW + DAY, NOW) == 0
        assert (await room.get(made)).stage is Stage.RUNNING

    async def test_one_that_is_scheduled_can_start_at_once(self, room: Newsroom) -> None:
        """Whoever starts it again does not want to wait."""
        made = await at(room, Stage.SCHEDULED)
        assert (await act(room, Act.START, made, Role.OPERATOR)).stage is Stage.RUNNING

    async def test_a_moment_that_has_passed_is_none(self, room: Newsroom) -> None:
        """It is a mistake rather than a wish."""
        made = await room.approved()
        async with room.database.begin() as conn:
            late = room.broadcasts.start(conn, room.operator, made.id, NOW, NOW, at=NOW)
            assert await refused(late) == "past"


class TestEnding:
    """Nothing is left, or nothing may go any more."""

    async def test_it_ends_once_nothing_is_left(self, room: Newsroom) -> None:
        """Not while something is on its way, nor for who comes by."""
        await room.people(2)
        await room.people(1, "web")
        made = await room.running()
        for state in ("sending", "sent"):
            await room.put(made, state, 1, rest_until=NOW, worker="w")
            async with room.database.begin() as conn:
                assert not await room.broadcasts.finish(conn, made.id, NOW)
        async with room.database.begin() as conn:
            for each in await room.rows(made):
                if each.state == "sending":
                    await room.ledger.settle(conn, [Settled(each.id, Post.SENT)], NOW)
            assert await room.broadcasts.finish(conn, made.id, NOW)
        assert (await room.get(made)).stage is Stage.FINISHED

    async def test_what_was_cancelled_is_swept_up(self, room: Newsroom) -> None:
        """What waited is dropped; what may have gone out stays unknown."""
        await room.people(5)
        made = await room.running()
        await room.put(made, "sent", 1)
        await room.put(made, "pending", 1, repeats=1)
        await act(room, Act.CANCEL, made, Role.OPERATOR)
        async with room.database.begin() as conn:
            assert await room.broadcasts.sweepable(conn) == [made.id]
            assert await campaigns.sweep(conn, made.id, NOW) == 4
            await room.broadcasts.close_cancelled(conn, made.id, NOW)
            assert await room.broadcasts.sweepable(conn) == []
        assert await room.states(made) == {"sent": 1, "dropped": 3, "unknown": 1}

    async def test_only_what_failed_goes_again(self, room: Newsroom) -> None:
        """The unknown ones only where that is wanted, and marked."""
        await room.people(4)
        made = await room.running()
        for state in ("sent", "failed", "unknown", "blocked"):
            await room.put(made, state, 1)
        async with room.database.begin() as conn:
            assert await room.broadcasts.finish(conn, made.id, NOW)
            again, count = await room.broadcasts.retry(conn, room.operator, made.id, NOW, NOW)
        assert (again.stage, count) == (Stage.RUNNING, 1)
        assert await room.states(made) == {"sent": 1, "pending": 1, "unknown": 1, "blocked": 1}
        async with room.database.begin() as conn:
            await room.broadcasts.retry(conn, room.operator, made.id, NOW, NOW, unknown=True)
        assert sorted(row.repeats for row in await room.rows(made)) == [0, 0, 0, 1]


async def test_a_test_goes_to_the_linked_account(room: Newsroom) -> None:
    """Without one it says so."""
    made = await room.draft()
    assert await refused(act(room, Act.TEST, made, Role.AUTHOR)) == "unlinked"
    (address,) = await room.people(1)
    room.members[Role.AUTHOR] = replace(room.author, address=address)
    await act(room, Act.TEST, made, Role.AUTHOR)
    async with room.database.begin() as conn:
        (parcel,) = await room.ledger.lease(conn, "telegram", 5, NOW, NOW, NOW + DAY, "w")
    assert parcel.campaign is not None
    assert (parcel.kind, parcel.campaign.texts) == ("test", made.draft.texts)


async def test_every_act_is_on_the_audit(room: Newsroom) -> None:
    """Who did what to which, in a chain that holds."""
    await at(room, Stage.FINISHED)
    audit = Audit(room.vault)
    async with room.database.read() as conn:
        entries = await audit.entries(conn)
        assert (await audit.verify(conn)).broken is None
    assert [(each.who, each.act) for each in reversed(entries)] == [
        ("author", "broadcast.create"),
        ("author", "broadcast.submit"),
        ("approver", "broadcast.approve"),
        ("operator", "broadcast.start"),
        ("hesbot", "broadcast.finish"),
    ]


async def test_a_draft_comes_back_as_it_was_written(room: Newsroom) -> None:
    """Texts, criteria, templates and all."""
    audience = Audience(Group.PASSIVE, ("telegram",), ("tr",), NOW.date(), NOW.date(), 3)
    wanted = draft(audience=audience, templates={"tr": "HX1"}, urgent=True, resend_unknown=True)
    async with room.database.begin() as conn:
        made = await room.broadcasts.create(conn, room.author, wanted, NOW)
    assert (await room.get(made)).draft == wanted
