"""Who carries out which action of the talk: the register or, for the staff, the newsroom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from conversations.actions import Finding
from conversations.newsroom import StaffAction
from storage import Asked, Connection


class Room(Protocol):
    """Carries out actions inside the caller's transaction."""

    async def perform(self, conn: Connection, asked: Sequence[Asked]) -> list[Finding]:
        """One finding for each, in the same order."""
        ...


class Rooms:
    """Both rooms as one. What the staff asks comes last, for it may lock the audit."""

    def __init__(self, register: Room, newsroom: Room) -> None:
        self._register = register
        self._newsroom = newsroom

    async def perform(self, conn: Connection, asked: Sequence[Asked]) -> list[Finding]:
        """One finding for each, in the same order."""
        staffs = [each for each in asked if isinstance(each.action, StaffAction)]
        if not staffs:
            return await self._register.perform(conn, asked)
        citizens = [each for each in asked if not isinstance(each.action, StaffAction)]
        found = iter(await self._register.perform(conn, citizens)) if citizens else iter(())
        told = iter(await self._newsroom.perform(conn, staffs))
        return [next(told if isinstance(each.action, StaffAction) else found) for each in asked]
