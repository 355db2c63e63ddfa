"""The desk says which of its answers may have reached the person before."""

from __future__ import annotations

import asyncio
from pathlib import Path

from conversations.actions import CodeChecked, Errand, Verdict
from tests.bot.office import SCRIPT, office


async def test_an_answer_says_whether_it_was_given_before(tmp_path: Path) -> None:
    """The same answer, marked from the second time on; what is kept is not marked."""
    async with office(tmp_path) as desk:
        first, *more = [await desk.say("merhaba", message="m") for _ in range(3)]
        assert more == [first, first]
        assert [answer.repeated for answer in (first, *more)] == [False, True, True]
        assert not (await desk.say("evet")).repeated


async def test_of_copies_in_one_batch_one_is_the_first(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        copies = await asyncio.gather(*(desk.say("merhaba", message="m") for _ in range(3)))
        assert [answer.repeated for answer in copies] == [False, True, True]


async def test_copies_that_wait_for_a_finding_are_marked_too(tmp_path: Path) -> None:
    """Who came second is told the same finding, as a repeat."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def check(errand: Errand) -> CodeChecked:
        asked.set()
        await answered.wait()
        return CodeChecked(errand.links, Verdict.VALID)

    async with office(tmp_path, errand=check) as desk:
        await desk.talk(*SCRIPT[:-1])
        first = asyncio.create_task(desk.say(SCRIPT[-1], message="last"))
        await asked.wait()
        second = asyncio.create_task(desk.say(SCRIPT[-1], message="last"))
        await asyncio.sleep(0)
        answered.set()
        given = [await first, await second]
        assert given[0] == given[1]
        assert [answer.repeated for answer in given] == [False, True]
        assert (await desk.say(SCRIPT[-1], message="last")).repeated
