"""Doing something to a broadcast from its page: once, in one transaction, as who one is now.

While an act is under way, and for a moment after it, nothing else is taken: the second half of a
double click must not press the button that has come to stand where the first one was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from nicegui.events import GenericEventArguments

from bot.console.seat import Declined, Seat
from bot.standings import Standing
from conversations.broadcasts import MOVES, RIGHTS, Act, Refusal
from conversations.replies import Word
from storage import Broadcast, Connection, Member
from storage.entries import Post

SETTLE = 0.7
"""Seconds after an act in which another click is taken for a part of the first."""

Work = Callable[[Connection, Member], Awaitable[Word]]
"""Does the act; what is said of it when it is done."""

RETRIED = (Post.FAILED, Post.HELD)
"""What is sent again; what is unknown as well, if that is wanted."""


class Doing:
    """What can be done to one broadcast. ``renew`` shows the page as it stands after an act."""

    def __init__(
        self, seat: Seat, standing: Standing, renew: Callable[[], Awaitable[None]]
    ) -> None:
        self.seat = seat
        self.standing = standing
        self._renew = renew
        self._free_at = 0.0
        self._is_busy = False

    @property
    def found(self) -> Broadcast:
        """The broadcast as the page shows it."""
        return self.standing.broadcast

    @property
    def counts(self) -> Mapping[Post, int]:
        """What became of its deliveries."""
        return self.standing.progress.states

    @property
    def can_retry(self) -> bool:
        """Whether there is something to send again."""
        return any(self.counts.get(post) for post in (*RETRIED, Post.UNKNOWN))

    def may(self, act: Act) -> bool:
        """Whether the reader could do that now, as far as can be seen."""
        member, found = self.seat.member, self.found
        if member.role not in RIGHTS[act] or found.stage not in MOVES[act]:
            return False
        if act is Act.APPROVE:
            approved = any(each.name == member.name for each in found.approvals)
            return member.id != found.author_id and not approved
        if act is Act.RETRY:
            return self.can_retry
        return True

    def once(
        self, act: Callable[[], Awaitable[None]]
    ) -> Callable[[GenericEventArguments], Awaitable[None]]:
        """The handler of a click that is to do that."""

        async def handle(_event: GenericEventArguments) -> None:
            if self._is_busy or asyncio.get_running_loop().time() < self._free_at:
                return
            self._is_busy = True
            try:
                with self.seat.client:
                    await act()
            finally:
                self._is_busy = False

        return handle

    async def do(self, act: Act, work: Work) -> bool:
        """Do it in one transaction and say so; whether it is done."""
        seat, done = self.seat, False
        async with seat.acting(RIGHTS[act]) as member:
            try:
                async with seat.office.database.begin() as conn:
                    told = await work(conn, member)
            except Refusal as refusal:
                raise Declined(refusal.word) from refusal
            done = True
            seat.tell(seat.say(told))
        # Also where it was refused: somebody else may have been quicker.
        seat.office.press.standings.moved(self.found.id)
        await self._renew()
        self._free_at = asyncio.get_running_loop().time() + SETTLE
        return done
