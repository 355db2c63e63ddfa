"""The page's end of a chat, at a server that is killed in the midst of an answer."""

from __future__ import annotations

import asyncio
import random

import pytest

from conversations.events import Address
from tests.benchmarks.citizens import Citizen
from tests.faults.chats import WebChat

BODY = b'{"messages": [{"text": "Merhaba"}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@pytest.mark.parametrize("cut", [b"", HEAD[:12], HEAD, HEAD + BODY[:9]])
async def test_an_answer_that_was_cut_is_asked_for_again(cut: bytes) -> None:
    answers = [cut, HEAD + BODY]
    told: list[tuple[Address, str, str]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answers.pop(0))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        chat = WebChat(Citizen(1), lambda: port, lambda *said: told.append(said), random.Random(1))
        await chat.say("merhaba")
    assert chat.news() == ["Merhaba"]
    assert [(address.channel, token) for address, token, _ in told] == [
        ("web", "message-on-the-page-0001")
    ]
