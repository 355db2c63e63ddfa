"""HTTP as cheap as it goes, so that a core is enough to keep another one busy.

``Line`` asks over one keep-alive connection, one request at a time; ``Listener`` answers. Both
understand only bodies of a known length, which is all that anybody here sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


def _whole(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The head and the body of the first message, and what comes after it; None until it is all
    there."""
    end = data.find(_END)
    if end < 0:
        return None
    head, start = data[:end], end + 4
    lower = head.lower()
    at = lower.find(_LENGTH)
    if at < 0 and b"transfer-encoding" in lower:
        raise ValueError("bodies of unknown length are not read here")
    length = int(lower[at + len(_LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
    if len(data) < start + length:
        return None
    return head, data[start : start + length], data[start + length :]


class Line(asyncio.Protocol):
    """A connection to a bot."""

    def __init__(self) -> None:
        self._read = b""
        self._asked: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def to(cls, port: int) -> Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(cls, "127.0.0.1", port)
        return line

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """The status and the body of the answer."""
        self._asked = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._asked

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport.
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._read = self._read + data if self._read else data
        found = _whole(self._read)
        if found is not None and self._asked is not None:
            head, body, self._read = found
            asked, self._asked = self._asked, None
            if not asked.done():
                asked.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(ConnectionError("the bot hung up"))


class Listener(asyncio.Protocol):
    """A connection from a bot. ``answer`` gets the path and the body and gives a JSON body."""

    def __init__(self, answer: Callable[[str, bytes], bytes]) -> None:
        self._answer = answer
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport.
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (found := _whole(self._read)) is not None:
            head, body, self._read = found
            path = head.split(b" ", 2)[1].decode()
            said = self._answer(path, body)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                + str(len(said)).encode()
                + _END
                + said
            )


def posting(path: str, port: int, media_type: str, **headers: str) -> Callable[[bytes, str], bytes]:
    """Makes requests of bodies; what is given beside a body is one more line of the head."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Type: {media_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines)

    def post(body: bytes, more: str = "") -> bytes:
        return f"{head}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return post
