"""Who is meant by ``--by``, and whether they may do it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from conversations.broadcasts import Role

if TYPE_CHECKING:
    from storage import Connection, Member, Staff


class NotTheirs(Exception):
    """Nobody has the name, or whoever has it has another role; the message says it in one line."""


async def acting(conn: Connection, staff: Staff, name: str, roles: Collection[Role]) -> Member:
    """The member of this name, who has one of the roles; raise NotTheirs."""
    member = await staff.find(conn, name)
    if member is None:
        raise NotTheirs(f"--by: nobody here is called {' '.join(name.split()) or '(nothing)'}")
    if member.role not in roles:
        wanted = " or ".join(role for role in Role if role in roles)
        raise NotTheirs(f"--by: {member.name} is {member.role}, not {wanted}")
    return member
