"""The terminal: a message per line in, plain replies out, and a way to leave."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.channels.base import Answer, Inbound, Message, Unavailable
from bot.channels.terminal import Terminal, show
from conversations.events import Address, Command, Event, Opened, Said

TROUBLE = Answer((Message("yarın"),))


class Recorder:
    """A desk that repeats what it hears, or cannot."""

    def __init__(self, *, down: bool = False) -> None:
        self.heard: list[Inbound] = []
        self.down = down

    async def receive(self, inbound: Inbound) -> Answer:
        if self.down:
            raise Unavailable
        self.heard.append(inbound)
        return Answer((Message("bir"), Message("iki")))

    async def look(self, address: Address, through: str = "") -> Answer:
        raise AssertionError("a terminal opens, it does not look")


def terminal(desk: Recorder, typed: str, target: io.StringIO) -> Terminal:
    return Terminal(desk, "ayşe", TROUBLE, source=io.StringIO(typed), target=target)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("merhaba", Said("merhaba")),
        ("  12 mart  ", Said("  12 mart  ")),
        ("/yardim", Command("yardim")),
        ("/start kod", Command("start", "kod")),
        ("/", Said("/")),
        ("son satır", Said("son satır")),
    ],
)
async def test_a_line_is_a_message(line: str, event: Event) -> None:
    """With or without a newline at its end."""
    for ending in ("\n", "\r\n", ""):
        desk = Recorder()
        await terminal(desk, line + ending, io.StringIO()).run()
        assert [inbound.event for inbound in desk.heard] == [event]


async def test_empty_lines_say_nothing() -> None:
    """Pressing Enter is no wrong try."""
    desk = Recorder()
    await terminal(desk, "\n   \nmerhaba\n\n", io.StringIO()).run()
    assert len(desk.heard) == 1


async def test_every_line_is_a_message_of_its_own() -> None:
    """The same text twice is said twice; the person is the same."""
    desk = Recorder()
    await terminal(desk, "1\n1\n", io.StringIO()).run()
    first, second = desk.heard
    assert first.message != second.message
    assert first.address == second.address == Address("terminal", "ayşe")


async def test_replies_are_plain_and_parted_by_empty_lines() -> None:
    """A program can read them."""
    target = io.StringIO()
    await terminal(Recorder(), "merhaba\n", target).run()
    assert target.getvalue() == "bir\n\niki\n\n"


async def test_trouble_is_told_kindly() -> None:
    """When nothing can be recorded the talk goes on."""
    desk, target = Recorder(down=True), io.StringIO()
    await terminal(desk, "merhaba\ndevam\n", target).run()
    assert target.getvalue() == "yarın\n\nyarın\n\n"


async def test_coming_in_is_an_event() -> None:
    """The bot speaks first."""
    desk = Recorder()
    answer = await terminal(desk, "", io.StringIO()).open()
    assert isinstance(desk.heard[0].event, Opened)
    assert answer.messages[0].text == "bir"


def test_nothing_is_said_of_an_empty_answer() -> None:
    target = io.StringIO()
    show(Answer(), target)
    assert target.getvalue() == ""


def test_ctrl_c_ends_a_talk_that_awaits_a_line(tmp_path: Path) -> None:
    """At once, quietly, and with what was said kept."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "chat"],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "HESBOT_HOME": str(tmp_path / "home")},
        start_new_session=True,
        # A shell that runs the tests in the background has taught its children to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.write(leader, b"kabul ediyorum\n")
    assert process.stdout is not None
    while "1/8" not in (line := process.stdout.readline()).decode():
        assert line
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    os.close(leader)
    os.close(follower)
    assert (process.returncode, errors) == (130, b"")
