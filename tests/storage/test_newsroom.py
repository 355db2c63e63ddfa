"""The staff's actions from a messenger, carried out on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from conversations.actions import Action, Finding
from conversations.broadcasts import Act, Audience, Refusal, Role, Stage
from conversations.events import Address
from conversations.newsroom import (
    BroadcastFound,
    BroadcastMoved,
    BroadcastRefused,
    BroadcastsFound,
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
from storage import (
    Asked,
    Audit,
    Broadcast,
    Connection,
    Database,
    Draft,
    Member,
    Newsroom,
    Staff,
    Vault,
    tables,
)
from tests.storage import announcing
from tests.storage.announcing import NOW, TEXT

CODE = "abcd-efg2"
TEXTS = {"tr": TEXT}
ACTIONS: tuple[Action, ...] = (
    LookUpStaff(),
    ListBroadcasts(waiting=True),
    ListBroadcasts(waiting=False),
    LookUpBroadcast(1),
    CheckDraft(Audience(), TEXTS),
    SubmitBroadcast(Audience(), TEXTS),
    *(MoveBroadcast(act, 1, 1) for act in (Act.APPROVE, Act.GIVE_BACK, Act.PAUSE)),
)
"""All that a member can ask for once their account is linked."""


def draw(texts: Mapping[str, str], audience: Audience) -> Draft:
    """A draft of what was typed; an empty text is none."""
    if not texts["tr"]:
        raise Refusal("unsound", what="text")
    return Draft("Son hafta", texts, audience, {})


async def measure(_conn: Connection, broadcast: Broadcast, _now: datetime) -> Pace | None:
    return Pace(10, 7, 6, 1) if broadcast.started_at else None


class Talks:
    """Members who write from Telegram, each from an account of their own."""

    def __init__(self, room: announcing.Newsroom) -> None:
        self.room = room
        self.newsroom = Newsroom(
            room.vault, room.broadcasts, accounts={"telegram"}, draw=draw, measure=measure
        )

    async def ask(self, who: str, action: Action, channel: str = "telegram") -> Finding:
        asked = Asked(Address(channel, who), action, NOW, "tr")
        async with self.room.database.begin() as conn:
            (found,) = await self.newsroom.perform(conn, [asked])
        return found

    async def offer(self, member: Member, code: str = CODE, minutes: int = 10) -> None:
        async with self.room.database.begin() as conn:
            until = NOW + timedelta(minutes=minutes)
            await Staff(self.room.vault).offer_link(conn, member, code, until)

    async def link(self, role: Role) -> str:
        """Link somebody of that role; their account."""
        await self.offer(self.room.members[role])
        who = f"4{list(Role).index(role)}"
        assert await self.ask(who, LinkStaff(CODE)) == StaffLinked(role)
        return who

    async def acts(self) -> list[str]:
        """What is on the audit, oldest first."""
        async with self.room.database.read() as conn:
            return [each.act for each in await Audit(self.room.vault).entries(conn)][::-1]

    async def rows(self, table: str) -> int:
        async with self.room.database.read() as conn:
            count = select(func.count()).select_from(getattr(tables, table))
            return int(await conn.scalar(count) or 0)


@pytest.fixture
async def talks(database: Database, vault: Vault) -> Talks:
    return Talks(await announcing.Newsroom.open(database, vault))


# --- linking --------------------------------------------------------------------------------


async def test_a_code_links_an_account_once(talks: Talks) -> None:
    """It is on the audit; the same code opens nothing more, for anybody."""
    author = await talks.link(Role.AUTHOR)
    assert await talks.ask(author, LookUpStaff()) == StaffFound("author", Role.AUTHOR)
    assert await talks.ask("99", LinkStaff(CODE)) == NotLinked("unknown")
    assert await talks.acts() == ["staff.link"]


@pytest.mark.parametrize("minutes", [-1, 0])
async def test_a_code_ends(talks: Talks, minutes: int) -> None:
    await talks.offer(talks.room.author, minutes=minutes)
    assert await talks.ask("41", LinkStaff(CODE)) == NotLinked("unknown")


async def test_a_wrong_code_leaves_nothing_behind(talks: Talks) -> None:
    """Not even the address it came from."""
    assert await talks.ask("41", LinkStaff("zzzz-zzzz")) == NotLinked("unknown")
    assert (await talks.rows("addresses"), await talks.acts()) == (0, [])


async def test_an_account_is_one_members(talks: Talks) -> None:
    """Nobody takes over a colleague's account with a code of their own."""
    author = await talks.link(Role.AUTHOR)
    await talks.offer(talks.room.approver)
    assert await talks.ask(author, LinkStaff(CODE)) == NotLinked("unknown")
    assert await talks.ask(author, LookUpStaff()) == StaffFound("author", Role.AUTHOR)


async def test_only_some_messengers_accounts_can_be_linked(talks: Talks) -> None:
    """Elsewhere the code stays good."""
    await talks.offer(talks.room.author)
    assert await talks.ask("41", LinkStaff(CODE), "web") == NotLinked("elsewhere")
    assert await talks.ask("41", LinkStaff(CODE)) == StaffLinked("author")


# --- who may --------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
async def test_a_citizen_gets_nothing(talks: Talks, action: Action) -> None:
    """Whatever they manage to ask."""
    made = await talks.room.submitted()
    before = await talks.acts()
    assert await talks.ask("99", action) == NotStaff()
    assert (await talks.room.get(made), await talks.acts()) == (made, before)
    assert await talks.rows("broadcasts") == 1


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
async def test_who_has_left_gets_nothing(talks: Talks, action: Action) -> None:
    """From the moment they left, from whatever old button."""
    made = await talks.room.submitted()
    approver = await talks.link(Role.APPROVER)
    async with talks.room.database.begin() as conn:
        await Staff(talks.room.vault).dismiss(conn, talks.room.approver, NOW)
    assert await talks.ask(approver, action) == NotStaff()
    assert await talks.room.get(made) == made


@pytest.mark.parametrize(
    ("role", "action"),
    [
        (Role.APPROVER, CheckDraft(Audience(), TEXTS)),
        (Role.OPERATOR, SubmitBroadcast(Audience(), TEXTS)),
        (Role.AUDITOR, SubmitBroadcast(Audience(), TEXTS)),
        (Role.AUTHOR, MoveBroadcast(Act.APPROVE, 1, 1)),
        (Role.OPERATOR, MoveBroadcast(Act.APPROVE, 1, 1)),
        (Role.AUTHOR, MoveBroadcast(Act.GIVE_BACK, 1, 1)),
        (Role.AUDITOR, MoveBroadcast(Act.PAUSE, 1, 1)),
    ],
)
async def test_each_act_wants_its_role(talks: Talks, role: Role, action: Action) -> None:
    made = await talks.room.submitted()
    found = await talks.ask(await talks.link(role), action)
    assert isinstance(found, BroadcastRefused)
    assert found.code == "role"
    assert await talks.room.get(made) == made
    assert await talks.rows("broadcasts") == 1


async def test_another_role_counts_at_once(talks: Talks) -> None:
    """Who may not approve any more cannot by the button they still see."""
    await talks.room.submitted()
    approver = await talks.link(Role.APPROVER)
    async with talks.room.database.begin() as conn:
        await Staff(talks.room.vault).change_role(conn, talks.room.approver, Role.AUDITOR)
    found = await talks.ask(approver, MoveBroadcast(Act.APPROVE, 1, 1))
    assert found == BroadcastRefused("role", {"role": "auditor"})


# --- writing --------------------------------------------------------------------------------


async def test_a_draft_is_kept_and_submitted_in_one(talks: Talks) -> None:
    author = await talks.link(Role.AUTHOR)
    assert await talks.ask(author, CheckDraft(Audience(), TEXTS)) == DraftAllowed(Audience(), TEXTS)
    found = await talks.ask(author, SubmitBroadcast(Audience(), TEXTS))
    assert found == BroadcastMoved(1, Act.SUBMIT, Stage.SUBMITTED)
    async with talks.room.database.read() as conn:
        made = await talks.room.broadcasts.get(conn, 1)
    assert (made.author, made.draft.texts, made.stage) == ("author", TEXTS, Stage.SUBMITTED)
    assert await talks.acts() == ["staff.link", "broadcast.create", "broadcast.submit"]


async def test_what_cannot_be_a_draft_is_none(talks: Talks) -> None:
    author = await talks.link(Role.AUTHOR)
    for action in (CheckDraft(Audience(), {"tr": ""}), SubmitBroadcast(Audience(), {"tr": ""})):
        assert await talks.ask(author, action) == BroadcastRefused("unsound", {"what": "text"})
    assert await talks.rows("broadcasts") == 0


# --- approving and stopping -----------------------------------------------------------------


async def test_what_was_seen_is_approved(talks: Talks) -> None:
    made = await talks.room.submitted()
    approver = await talks.link(Role.APPROVER)
    assert await talks.ask(approver, LookUpStaff()) == StaffFound("approver", Role.APPROVER, 1)
    listed = await talks.ask(approver, ListBroadcasts(waiting=True))
    assert isinstance(listed, BroadcastsFound)
    (view,) = listed.views
    seen = await talks.ask(approver, LookUpBroadcast(view.id))
    assert isinstance(seen, BroadcastFound)
    assert (seen.view, seen.acts, seen.pace) == (view, (Act.APPROVE, Act.GIVE_BACK), None)
    found = await talks.ask(approver, MoveBroadcast(Act.APPROVE, view.id, view.version))
    assert found == BroadcastMoved(made.id, Act.APPROVE, Stage.APPROVED)
    assert await talks.ask(approver, LookUpStaff()) == StaffFound("approver", Role.APPROVER)


@pytest.mark.parametrize("act", [Act.APPROVE, Act.GIVE_BACK])
async def test_what_changed_since_it_was_seen_is_not_judged(talks: Talks, act: Act) -> None:
    """It stays as it is, and nothing of the try is on the audit."""
    made = await talks.room.submitted()
    approver = await talks.link(Role.APPROVER)
    before = await talks.acts()
    found = await talks.ask(approver, MoveBroadcast(act, made.id, made.version + 1))
    assert found == BroadcastRefused("changed", {})
    assert (await talks.room.get(made), await talks.acts()) == (made, before)


async def test_it_goes_back_to_its_author(talks: Talks) -> None:
    made = await talks.room.submitted()
    found = await talks.ask(
        await talks.link(Role.APPROVER), MoveBroadcast(Act.GIVE_BACK, made.id, made.version)
    )
    assert found == BroadcastMoved(made.id, Act.GIVE_BACK, Stage.DRAFT)


async def test_the_author_does_not_approve(talks: Talks) -> None:
    """Also not with a role that was given since; it is not even offered."""
    made = await talks.room.submitted()
    author = await talks.link(Role.AUTHOR)
    async with talks.room.database.begin() as conn:
        await Staff(talks.room.vault).change_role(conn, talks.room.author, Role.APPROVER)
    assert await talks.ask(author, ListBroadcasts(waiting=True)) == BroadcastsFound(True, ())
    seen = await talks.ask(author, LookUpBroadcast(made.id))
    assert isinstance(seen, BroadcastFound)
    assert Act.APPROVE not in seen.acts
    found = await talks.ask(author, MoveBroadcast(Act.APPROVE, made.id, made.version))
    assert found == BroadcastRefused("own", {})


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.APPROVER, Role.OPERATOR])
async def test_what_runs_is_stopped(talks: Talks, role: Role) -> None:
    """By whoever sees it go wrong; how it goes is shown to all."""
    made = await talks.room.running()
    who = await talks.link(role)
    seen = await talks.ask(who, LookUpBroadcast(made.id))
    assert isinstance(seen, BroadcastFound)
    assert (seen.acts, seen.pace) == ((Act.PAUSE,), Pace(10, 7, 6, 1))
    pause = MoveBroadcast(Act.PAUSE, made.id, made.version)
    assert await talks.ask(who, pause) == BroadcastMoved(made.id, Act.PAUSE, Stage.PAUSED)
    assert await talks.ask(who, pause) == BroadcastRefused("stage", {"stage": "paused"})


async def test_an_auditor_may_look(talks: Talks) -> None:
    made = await talks.room.running()
    seen = await talks.ask(await talks.link(Role.AUDITOR), LookUpBroadcast(made.id))
    assert isinstance(seen, BroadcastFound)
    assert seen.acts == ()


async def test_what_there_is_comes_in_the_order_of_its_urgency(talks: Talks) -> None:
    """What runs first, drafts never, what has ended at the end."""
    running = await talks.room.running()
    await talks.room.draft()
    submitted = await talks.room.submitted()
    ended = await talks.room.running()
    async with talks.room.database.begin() as conn:
        assert await talks.room.broadcasts.finish(conn, ended.id, NOW)
    found = await talks.ask(await talks.link(Role.OPERATOR), ListBroadcasts(waiting=False))
    assert isinstance(found, BroadcastsFound)
    assert [view.id for view in found.views] == [running.id, submitted.id, ended.id]


async def test_one_that_is_not_there_is_unknown(talks: Talks) -> None:
    found = await talks.ask(await talks.link(Role.OPERATOR), LookUpBroadcast(404))
    assert found == BroadcastRefused("unknown", {})


async def test_findings_come_in_the_order_asked(talks: Talks) -> None:
    """A refusal in between undoes nothing of its neighbours."""
    author = await talks.link(Role.AUTHOR)
    submit = SubmitBroadcast(Audience(), TEXTS)
    actions = (submit, MoveBroadcast(Act.APPROVE, 1, 1), LookUpStaff())
    asked = [Asked(Address("telegram", author), each, NOW, "tr") for each in actions]
    async with talks.room.database.begin() as conn:
        found = await talks.newsroom.perform(conn, asked)
    assert [type(each) for each in found] == [BroadcastMoved, BroadcastRefused, StaffFound]
    assert await talks.rows("broadcasts") == 1
