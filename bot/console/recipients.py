"""To whom a broadcast went, as a file for a spreadsheet: masked, and on record before it is given.

What stands in it is decided by ``bot.notices.exporting``; it is made while it is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bot.console import frame
from bot.console.office import Office
from bot.console.visits import signed_in
from bot.notices.exporting import pieces
from conversations.broadcasts import Refusal
from storage import Unavailable

PLACE = "/duyurular/{id:int}/alicilar.csv"


def offer(app: FastAPI, office: Office) -> None:
    """Make the file known to NiceGUI's server."""

    async def give(request: Request) -> Response:
        inside = signed_in(request.scope)
        if inside is None:
            raise RuntimeError("a file without the guard")
        id = int(request.path_params["id"])
        try:
            await _note(office, inside.member.name, id)
        except Refusal:
            return frame.note(office, request, 404)
        except Unavailable:
            return frame.note(office, request, 503)
        headers = {
            "Content-Disposition": f'attachment; filename="duyuru-{id}.csv"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(_text(office, id), media_type="text/csv", headers=headers)

    app.add_route(PLACE, give, methods=["GET"])


async def _note(office: Office, who: str, id: int) -> None:
    """That it was asked for is on the audit before."""
    async with office.database.begin() as conn:
        found = await office.press.broadcasts.get(conn, id)
        detail = {"stage": str(found.stage), "version": found.version}
        subject = f"broadcast:{id}"
        await office.audit.add(conn, who, "broadcast.export", subject, office.now(), **detail)


async def _text(office: Office, id: int) -> AsyncIterator[str]:
    async for piece in pieces(office.database, office.press.vault, id):
        yield piece.text
