"""Who is meant by ``--by``, and whether they may do it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from conversations.broadcasts import Role

if TYPE_CHECKING:
    from storage import Connection, Member, Staff


MACHINE = "hesbot"
"""Who did what the command did without ``--by``: whoever runs the machine."""


class Declined(Exception):
    """A staff act that cannot be done; the message says why, in one line for who ordered it."""


async def acting(conn: Connection, staff: Staff, name: str, roles: Collection[Role]) -> Member:
    """The member of this name, who has one of the roles; else raise Declined."""
    member = await staff.find(conn, name)
    if member is None:
        raise Declined(f"--by: nobody here is called {quoted(name)}")
    if member.role not in roles:
        wanted = " or ".join(role for role in Role if role in roles)
        raise Declined(f"--by: {member.name} is {member.role}, not {wanted}")
    return member


async def named(conn: Connection, staff: Staff, by: str | None, roles: Collection[Role]) -> str:
    """Whom the audit names for an act by command: the member, as for ``acting``; without ``--by``
    the command itself."""
    return MACHINE if by is None else (await acting(conn, staff, by, roles)).name


def quoted(name: str) -> str:
    """A name as it was given, fit for one line."""
    return "".join(sign if sign.isprintable() else " " for sign in name).strip() or '""'
