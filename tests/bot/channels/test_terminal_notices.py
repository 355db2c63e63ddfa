"""The terminal: notices are printed on coming in, before the next answer, and above the prompt."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from bot.app import House, open_house, working
from bot.channels.base import Answer, Collected, Message, Unavailable
from bot.channels.terminal import Terminal, show
from conversations.events import Address
from tests import homes
from tests.bot.channels.posting import REMINDER, TODAY, Post, mailbox_of
from tests.bot.channels.recording import RecordingDesk

ANNOUNCED = Collected((Message("haber"),), (7,))


@dataclass
class Box:
    """A mailbox with something in it, until it is confirmed."""

    found: Collected = ANNOUNCED
    down: bool = False
    confirmed: list[int] = field(default_factory=list)

    async def collect(self, address: Address, shown: Collection[int] = ()) -> Collected:
        if self.down:
            raise Unavailable
        return Collected() if self.confirmed else self.found

    async def confirm(self, address: Address, shown: Collection[int]) -> None:
        self.confirmed += shown


def terminal(box: Box, typed: str, target: io.StringIO) -> Terminal:
    source = io.StringIO(typed)
    return Terminal(
        RecordingDesk(lambda _: Answer((Message("yanıt"),))),
        "ayşe",
        Answer(),
        mailbox=box,
        source=source,
        target=target,
    )


async def test_a_notice_stands_before_the_greeting() -> None:
    """It is printed, and so it is confirmed."""
    target, box = io.StringIO(), Box()
    show(await terminal(box, "", target).open(), target)
    assert (target.getvalue(), box.confirmed) == ("haber\n\nyanıt\n\n", [7])


async def test_a_notice_stands_before_the_answer() -> None:
    """With piped input there is no prompt to print above."""
    target, box = io.StringIO(), Box()
    await terminal(box, "merhaba\ndurum\n", target).run()
    assert (target.getvalue(), box.confirmed) == ("haber\n\nyanıt\n\nyanıt\n\n", [7])


async def test_without_notices_nothing_is_printed() -> None:
    target, box = io.StringIO(), Box(Collected())
    await terminal(box, "merhaba\n", target).run()
    assert (target.getvalue(), box.confirmed) == ("yanıt\n\n", [])


async def test_trouble_with_notices_costs_no_answer() -> None:
    """They come the next time."""
    target, box = io.StringIO(), Box(down=True)
    await terminal(box, "merhaba\n", target).run()
    assert (target.getvalue(), box.confirmed) == ("yanıt\n\n", [])


async def test_the_ledger_is_read_and_settled(tmp_path: Path) -> None:
    """A whole house: the person is known, the notice is on record, and it is shown once."""
    settings = homes.settings_in(tmp_path, hesbot_now=TODAY)
    async with open_house(settings) as house, working(house, ()):
        house.limits["terminal"] = Terminal.limits
        assert REMINDER not in await said(house, "merhaba\nkabul ediyorum\n")
        post = Post("", house)
        await post.write("ayşe", "terminal")
        told = await said(house, "Ayşe\n")
        assert told.index(REMINDER) < told.index("2/8")
        assert await post.states() == {"delivered": 1}
        assert REMINDER not in await said(house, "Yılmaz\n")


async def said(house: House, typed: str) -> str:
    """Everything that is printed to somebody who types this."""
    target = io.StringIO()
    source = io.StringIO(typed)
    box = mailbox_of(house)
    await Terminal(house.desk, "ayşe", Answer(), mailbox=box, source=source, target=target).run()
    return target.getvalue()


AT_THE_KEYBOARD = """
import asyncio, sys
from bot.channels.base import Answer, Collected, Message
from bot.channels.terminal import Terminal
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.test_terminal_notices import Box

desk = RecordingDesk(lambda inbound: Answer((Message(f"yanıt: {inbound.event.text}"),)))
asyncio.run(Terminal(desk, "ayşe", Answer(), mailbox=Box(), every=0.05).run())
"""


def test_a_notice_comes_while_somebody_types(tmp_path: Path) -> None:
    """Above a new prompt; what was typed so far is neither lost nor sent."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_THE_KEYBOARD],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    os.close(follower)
    try:
        os.write(leader, b"mer")
        seen = read_until(leader, "haber\r\n\r\n› ")
        os.write(leader, b"haba\n")
        seen += read_until(leader, "yanıt: merhaba")
        assert seen.count("haber") == 1
        assert "yanıt: mer\r" not in seen
        os.write(leader, b"\x04")
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(leader)


def read_until(terminal: int, wanted: str) -> str:
    """What the terminal shows until this; the test's own time limit ends a vain wait."""
    seen = b""
    while wanted.encode() not in seen:
        seen += os.read(terminal, 1024)
    return seen.decode()
