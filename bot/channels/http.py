"""What every channel that is reached over HTTP needs: a body of bounded size."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from bot.channels.base import MAX_BODY


async def read_body(request: Request) -> bytes | None:
    """The request's body; None if it is over ``MAX_BODY`` or the sender went away."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
