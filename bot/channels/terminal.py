"""The conversation in a terminal: ``hesbot chat``.

At a keyboard it prompts; with piped input it reads a message per line and prints plain replies.
Notices are printed when one comes in, before the next answer, and above the prompt while one types.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from io import TextIOWrapper
from threading import Thread
from typing import TextIO
from uuid import uuid4

from bot.channels.base import (
    Answer,
    FrontDesk,
    Inbound,
    Limits,
    Mailbox,
    Unavailable,
    heard,
    written,
)
from conversations.events import Address, Event, Opened

NAME = "terminal"
LIMITS = Limits(text=100_000)
PROMPT = "› "
LOOK_EVERY = 3.0
"""Seconds between two looks for notices while somebody sits at the keyboard."""


class Terminal:
    """One person at one terminal. ``trouble`` is what is said when nothing can be recorded;
    ``every`` is in seconds, between two looks into the mailbox."""

    name = NAME
    limits = LIMITS

    def __init__(
        self,
        desk: FrontDesk,
        person: str,
        trouble: Answer,
        *,
        mailbox: Mailbox | None = None,
        every: float = LOOK_EVERY,
        source: TextIO | None = None,
        target: TextIO | None = None,
        token: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._desk = desk
        self._address = Address(NAME, person)
        self._trouble = trouble
        self._mailbox = mailbox
        self._every = every
        self._source = source or sys.stdin
        self._target = target or sys.stdout
        self._token = token

    def routes(self) -> tuple[()]:
        return ()

    async def open(self) -> Answer:
        """What the person is told on coming in. Notices are printed before that."""
        await self._notify()
        return await self._hear(Opened())

    async def run(self) -> None:
        """Talk until the input ends."""
        if isinstance(self._source, TextIOWrapper):
            # Bytes that are no text are shown as such, and refused like any other answer.
            self._source.reconfigure(errors="replace")
        async for line in self._lines():
            if line.strip():
                answer = await self._hear(written(line))
                await self._notify()
                show(answer, self._target)

    async def _notify(self, *, prompted: bool = False) -> None:
        """Print what the person should know. Printed is shown.

        ``prompted``: a prompt stands there, perhaps with half a line that the terminal keeps.
        """
        if self._mailbox is None:
            return
        # What cannot be collected now comes the next time; what is not confirmed comes again.
        with suppress(Unavailable):
            found = await self._mailbox.collect(self._address)
            if found.messages:
                self._print("\n" if prompted else "")
                show(Answer(found.messages), self._target)
                self._print(PROMPT if prompted else "")
                await self._mailbox.confirm(self._address, found.ids)

    def _print(self, text: str) -> None:
        self._target.write(_writable(text, self._target))
        self._target.flush()

    async def _hear(self, event: Event) -> Answer:
        try:
            inbound = Inbound(self._address, self._token(), event)
            heard(inbound)
            return await self._desk.receive(inbound)
        except Unavailable:
            return self._trouble

    async def _lines(self) -> AsyncIterator[str]:
        while line := await self._next_line():
            yield line.rstrip("\r\n")

    async def _next_line(self) -> str:
        # A thread of its own that nothing waits for: Ctrl-C must end a talk that awaits a line.
        loop = asyncio.get_running_loop()
        line: asyncio.Future[str] = loop.create_future()

        def give(text: str) -> None:
            if not line.cancelled():
                line.set_result(text)

        def read() -> None:
            text = self._read()
            # The loop may be gone by the time somebody presses Enter.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(give, text)

        Thread(target=read, daemon=True).start()
        while self._at_keyboard and self._mailbox is not None:
            done, _ = await asyncio.wait({line}, timeout=self._every)
            if done:
                break
            await self._notify(prompted=True)
        return await line

    @property
    def _at_keyboard(self) -> bool:
        return self._source is sys.stdin and self._source.isatty()

    def _read(self) -> str:
        """One line, or nothing at the end of the input."""
        if not self._at_keyboard:
            return self._source.readline()
        try:
            return input(PROMPT) + "\n"
        except EOFError:
            return ""


def show(answer: Answer, target: TextIO | None = None) -> None:
    """Print what is said, an empty line after each message."""
    out = target or sys.stdout
    for message in answer.messages:
        out.write(_writable(f"{message.text}\n\n", out))
    out.flush()


def _writable(text: str, target: TextIO) -> str:
    """The text without what the terminal's encoding lacks."""
    encoding = getattr(target, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
