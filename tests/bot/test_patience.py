"""Waiting for a database server that is starting."""

from __future__ import annotations

import pytest

from bot.patience import patiently
from storage import Unavailable


class Starting:
    """A server that cannot be had for so many tries."""

    def __init__(self, tries: int) -> None:
        self.left = tries
        self.tried = 0

    async def open(self) -> str:
        self.tried += 1
        if self.tried <= self.left:
            raise Unavailable("starting")
        return "open"


async def test_it_is_tried_until_it_is_there() -> None:
    """And then what was wanted is given."""
    server = Starting(3)
    assert await patiently(server.open, 10, pause=0.001) == "open"
    assert server.tried == 4


async def test_it_is_not_waited_for_for_ever() -> None:
    """The reason is the last try's."""
    with pytest.raises(Unavailable, match="starting"):
        await patiently(Starting(10**9).open, 0.02, pause=0.001)


async def test_who_has_no_patience_tries_once() -> None:
    """A command is told at once."""
    server = Starting(1)
    with pytest.raises(Unavailable):
        await patiently(server.open, 0.0)
    assert server.tried == 1
