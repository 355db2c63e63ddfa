"""One connection to the server, and when it is let go: uvicorn's own knows no bound of either kind.

Who sends a request too slowly, or one whose head never ends, holds neither a connection nor memory
for long. It costs a request a few additions; the looking is done once a second, for all of them.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_WITHIN = 10.0
"""Seconds in which a head must have come, after the connection or the last answer."""
BODY_WITHIN = 20.0
"""Seconds in which a short body must have come."""
SLOWEST = 10_000
"""Bytes a second at which a longer one must come after that."""
LARGEST_HEAD = 64 * 1024
"""Bytes of a head, and of whatever else is no body; browsers and messengers stay below 16 kB."""
LINGER = 10.0
"""Seconds in which a closed connection must have taken the last answer."""

_WORDS = {408: "The request came too slowly.", 431: "The head of the request is too large."}
_PHRASES = {408: "Request Timeout", 431: "Request Header Fields Too Large"}


class Line(HttpToolsProtocol):
    """A connection that has to be looked at now and then, see ``look``.

    ``_since`` is when a head began to be awaited, None while a request is under way.
    """

    _since: float | None = None
    _closing_since: float | None = None
    _begun = 0.0
    _came = 0
    _body = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self._since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Something came; refused if it is head after head and never a body."""
        self._came += len(data)
        super().data_received(data)
        if self._came > LARGEST_HEAD + 2 * self._body and not self.transport.is_closing():
            self._let_go(431)

    def on_headers_complete(self) -> None:
        """The head is there."""
        super().on_headers_complete()
        self._came = self._body = 0
        self._since, self._begun = None, self.loop.time()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        """The next head is awaited, unless it has come already."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._since = self.loop.time()

    def look(self, now: float) -> None:
        """Let go whoever is too slow."""
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > LINGER:
                self.transport.abort()
        elif self._since is not None:
            if now - self._since > HEAD_WITHIN:
                self._let_go(408)
        elif self.cycle is not None and self.cycle.more_body:
            self._look_at_body(now)

    def _look_at_body(self, now: float) -> None:
        if self.flow.read_paused:
            # It is we who are slow.
            self._begun, self._body = now, 0
        elif now - self._begun > BODY_WITHIN + self._body / SLOWEST:
            self._let_go(408)

    def _let_go(self, status: int) -> None:
        """Say why, unless an answer has begun, and hang up."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            words = _WORDS[status]
            self.transport.write(
                f"HTTP/1.1 {status} {_PHRASES[status]}\r\n"
                "content-type: text/plain; charset=utf-8\r\n"
                f"content-length: {len(words)}\r\nconnection: close\r\n\r\n{words}".encode()
            )
        self.transport.close()
