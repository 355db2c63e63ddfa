"""The texts that WhatsApp keeps for us, by their names there.

What a text is for and what stands in it is the caller's affair. Nothing here is personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables
from storage.statements import upsert

_content = tables.contents.c


@dataclass(frozen=True, slots=True)
class Content:
    """A text at Twilio: its ContentSid, and the last word on its approval that was heard.

    ``approval`` is Twilio's own word (ApprovalRequests, status); empty where none is needed.
    """

    sid: str
    approval: str = ""


class Contents:
    """Which texts were made, and which of them are approved."""

    async def all(self, conn: AsyncConnection) -> dict[str, Content]:
        """Every text by its name. There are a few dozen."""
        found = await conn.execute(select(_content.name, _content.sid, _content.approval))
        return {row.name: Content(row.sid, row.approval) for row in found}

    async def keep(
        self, conn: AsyncConnection, contents: Mapping[str, Content], now: datetime
    ) -> None:
        """Write down what is known of these; others stay as they are."""
        if not contents:
            return
        write = upsert(conn, tables.contents)
        new = write.excluded
        await conn.execute(
            write.on_conflict_do_update(
                index_elements=["name"],
                set_={"sid": new.sid, "approval": new.approval, "updated_at": new.updated_at},
            ),
            [
                {"name": name, "sid": kept.sid, "approval": kept.approval, "updated_at": now}
                for name, kept in contents.items()
            ],
        )
