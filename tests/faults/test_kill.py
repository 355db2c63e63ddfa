"""kill -9 at any moment loses nothing that was answered and doubles nothing that was sent again."""

from __future__ import annotations

import asyncio
import random
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp

from tests import homes
from tests.faults.born import Wish, start
from tests.faults.processes import Served, card_on_record, hesbot, served, surroundings

CARD = "7301000011112222"
VISITOR = "visitor-with-a-token-0001"
SCRIPT = (
    "merhaba",
    "evet",
    "ayşe",
    "yıldızoğlu",
    "10000000146",
    "1.2.1990",
    "ayse@example.com",
    "geri",
    "aynı kalsın",
    CARD,
    "0532 000 00 21",
    "A1B2345678",
    "evet",
    "kabul ediyorum",
    "durum",
)
SEED = 20210115
KILLS = 8
LONGEST_MOMENT = 0.02
"""Seconds from sending a message to the kill: before, in and after its transaction."""
TABLES = ("inbox", "conversations", "citizens", "addresses", "cards", "links", "card_history")


def name_of(place: int) -> str:
    return f"message-number-{place:04d}"


def rows(home: Path) -> dict[str, int]:
    """How many rows each table has."""
    found = homes.rows(home)
    return {table: found[table] for table in (*TABLES, "consents")}


async def send(server: Served, place: int) -> list[str]:
    """Send a message until it is answered, as every messenger does."""
    while True:
        try:
            return await server.say(VISITOR, name_of(place), SCRIPT[place])
        except (aiohttp.ClientError, TimeoutError):
            await server.kill()
            await server.start()


async def send_and_kill(server: Served, place: int, moment: float) -> list[str] | None:
    """Kill the server that long after the message went out; the answer, if it came before."""
    sending = asyncio.create_task(server.say(VISITOR, name_of(place), SCRIPT[place]))
    await asyncio.wait({sending}, timeout=moment)
    await server.kill()
    answer = (await asyncio.gather(sending, return_exceptions=True))[0]
    await server.start()
    return answer if isinstance(answer, list) else None


async def undisturbed(home: Path) -> list[list[str]]:
    async with served(home) as server:
        return [await send(server, place) for place in range(len(SCRIPT))]


async def disturbed(home: Path) -> list[list[str]]:
    """The same messages; at random ones, and at a random moment of each, the server is killed."""
    chance = random.Random(SEED)
    fatal = set(chance.sample(range(len(SCRIPT)), KILLS))
    answers: list[list[str]] = []
    async with served(home) as server:
        for place in range(len(SCRIPT)):
            before = None
            if place in fatal:
                moment = chance.uniform(0, LONGEST_MOMENT)
                before = await send_and_kill(server, place, moment)
            after = await send(server, place)
            assert before in (None, after)
            answers.append(after)
        assert [await send(server, place) for place in range(len(SCRIPT))] == answers
    return answers


async def test_a_server_killed_at_any_moment_ends_where_an_undisturbed_one_does(
    tmp_path: Path,
) -> None:
    """Every answer, every row count and the card itself are the same."""
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    expected, got = await asyncio.gather(undisturbed(calm), disturbed(rough))
    assert got == expected
    assert any("Kaydedildi" in text for text in expected[-2])
    assert rows(rough) == rows(calm)
    assert await card_on_record(rough, CARD) == await card_on_record(calm, CARD)


async def chat_until(home: Path, lines: list[str], marker: str) -> None:
    """Type the lines; when the marker has been printed, kill the terminal."""
    process = await start(Wish(["chat"], surroundings(home)), PIPE, PIPE, PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    said = b""
    while marker.encode() not in said:
        chunk = await process.stdout.read(4096)
        assert chunk, said.decode()
        said += chunk
    process.kill()
    await process.communicate()


async def test_a_terminal_killed_between_turns_is_taken_up_again(tmp_path: Path) -> None:
    """What was asked before the kill is asked again after it, and the records end alike."""
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    lines = [*SCRIPT]
    await hesbot(calm, "chat", lines="\n".join(lines))
    await chat_until(rough, lines[:3], "Soyadınız nedir")
    await chat_until(rough, lines[3:6], "E-posta adresiniz nedir")
    await chat_until(rough, lines[6:12], "Bilgileriniz doğru mu")
    out, _ = await hesbot(rough, "chat", lines="\n".join(lines[12:]))
    assert "Bilgileriniz doğru mu" in out.partition("Kaydedildi")[0]
    assert await card_on_record(rough, CARD) == await card_on_record(calm, CARD)
    without_openings = {table: count for table, count in rows(rough).items() if table != "inbox"}
    assert without_openings.items() <= rows(calm).items()
