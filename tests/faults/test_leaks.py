"""Nothing a person typed stands readable in a file, a log line or a metric."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from conversations.events import Address
from conversations.masks import display_hes
from conversations.state import Place, State, to_plain
from conversations.turkish import fold, lower, upper
from storage import KeyRing, Vault
from storage.conversations import address_key
from storage.vault import row
from tests.fakes.hes import HesService
from tests.faults.processes import Served, hesbot, served

FIRST, LAST = "Şükufe Zeynep", "Karabıyıkoğlu"
IDENTITY = "17291716060"
CARD = "7301987654321098"
PHONE = "5320000021"
EMAIL = "sukufe.karabiyik@example.com"
VISITOR = "visitor-with-a-token-0001"

MISTAKES = (
    "yardım",
    f"{IDENTITY[:-1]}",
    f"{IDENTITY[:-1]}1",
    f"{CARD[:-1]}",
    f"benim adım {FIRST} {LAST}, numaram {PHONE}",
    f"/{FIRST}",
    f"{EMAIL} {CARD}",
    "\x00\ud800" + IDENTITY,
    "x" * 600 + CARD,
)
"""What is typed at the wrong place or wrongly."""


def script(code: str) -> list[str]:
    """A registration with a slip before each answer."""
    answers = [FIRST, LAST, IDENTITY, "5.6.1987", EMAIL, CARD, f"0{PHONE}", code]
    slips = [slip for slip in MISTAKES if "\x00" not in slip]
    lines = ["merhaba", "evet"]
    for place, answer in enumerate(answers):
        lines += [slips[place % len(slips)], answer.lower() if place < 2 else answer]
    # The doubt that a slip may have raised is declined by the answer that follows.
    return [*lines, "evet", "kabul ediyorum", "durum", "bilgilerim"]


def spellings(code: str) -> Iterator[str]:
    """Every way in which one of the values could be written down."""
    for name in (*FIRST.split(), LAST):
        yield from {name, lower(name), upper(name), fold(name), name.lower(), name.upper()}
    yield from (IDENTITY, f"{IDENTITY[:3]} {IDENTITY[3:6]} {IDENTITY[6:9]} {IDENTITY[9:]}")
    for between in ("", " ", "-"):
        yield between.join(CARD[start : start + 4] for start in range(0, 16, 4))
    yield from (PHONE, "532 000 00 21", "532-000-00-21", "(532) 000 00 21", "532 000 0021")
    yield from (EMAIL, EMAIL.partition("@")[0])
    for spelt in (code, display_hes(code), display_hes(code).replace("-", " ")):
        yield from (spelt, spelt.lower())


def leaks(content: bytes, code: str) -> set[str]:
    """The spellings that stand in it, in any of the encodings a program would use."""
    return {
        spelling
        for spelling in spellings(code)
        for encoded in (
            spelling.encode(),
            spelling.encode("utf-16-le"),
            spelling.encode("utf-16-be"),
            spelling.encode("unicode_escape"),
        )
        if encoded in content
    }


def files(*places: Path) -> dict[str, bytes]:
    """Everything under the places, by name."""
    found = [file for place in places for file in (place, *place.rglob("*")) if file.is_file()]
    return {file.name: file.read_bytes() for file in found}


async def hear(server: Served, number: int, text: str) -> str:
    """One message; an answer with a fault status is as good as any here."""
    try:
        return "\n".join(await server.say(VISITOR, f"message-number-{number:06d}", text))
    except aiohttp.ClientResponseError as error:
        return str(error.status)


def break_state(home: Path, state: State | None) -> None:
    """Put a state there that our own code stumbles over; without one, bytes that do not open."""
    vault = Vault(KeyRing.load(home / "keys.json"))
    key = address_key(vault, Address("web", VISITOR))
    sealed = b"\x01" + b"x" * 60
    if state is not None:
        import msgspec

        plain = msgspec.json.encode(to_plain(state))
        sealed = vault.seal(plain, row("conversations", key))
    with closing(sqlite3.connect(home / "hesbot.sqlite3", timeout=10)) as database, database:
        changed = database.execute(
            "UPDATE conversations SET state = ? WHERE address_key = ?", (sealed, key)
        )
        assert changed.rowcount == 1


BROKEN = State(
    place=Place.ASKING,
    form="registration",
    version=1,
    field="no such field",
    answers={"first_name": FIRST, "identity_number": IDENTITY},
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_the_search_would_find_a_leak(encoding: str) -> None:
    """A guard that cannot find anything guards nothing."""
    for value in (lower(LAST), IDENTITY, CARD, "A1B2-3456-78", EMAIL, "532 000 00 21"):
        assert leaks(f"önce {value} sonra".encode(encoding), "A1B2345678")


@pytest.mark.sqlite("another holds the file's lock")
async def test_the_server_writes_nothing_down_readably(tmp_path: Path) -> None:
    """Slips, help, faults of the Ministry and of our own, then every file, log and metric."""
    home = tmp_path / "home"
    async with HesService() as ministry:
        code = ministry.give(IDENTITY, FIRST, LAST, datetime(2031, 6, 1, tzinfo=UTC))
        ministry.fail(500)
        settings = {
            "HES_SERVICE_URL": ministry.base_url,
            "HES_SERVICE_USER": ministry.user,
            "HES_SERVICE_PASSWORD": ministry.password,
        }
        async with served(home, **settings) as server:
            said = [await hear(server, place, line) for place, line in enumerate(script(code))]
            assert any("Kaydedildi" in answer for answer in said), said
            for place, line in enumerate(MISTAKES[:-2], 100):
                await hear(server, place, line)
            for place, state in enumerate((None, BROKEN), 200):
                break_state(home, state)
                await hear(server, place, f"{FIRST} {IDENTITY} {code}")
            with closing(sqlite3.connect(home / "hesbot.sqlite3", timeout=10)) as other:
                other.execute("BEGIN IMMEDIATE")
                assert await hear(server, 300, f"{FIRST} {IDENTITY}") == "503"
                other.rollback()
            written = files(home, server.stdout, server.stderr)
            written["metrics"] = await server.get("/metrics")
            written["page"] = await server.get("/")
        written |= {f"{name} at the end": each for name, each in files(tmp_path).items()}
    log = server.stderr.read_text()
    assert "batch failed" in log
    assert "step failed" in log
    assert {"hesbot.sqlite3", "hesbot.sqlite3-wal", "keys.json"} <= set(written)
    assert {name: found for name, each in written.items() if (found := leaks(each, code))} == {}


@pytest.mark.sqlite("looks at the file")
async def test_the_terminal_writes_nothing_down_readably(tmp_path: Path) -> None:
    """What it prints is the person's own; what stays behind is sealed."""
    home, code = tmp_path / "home", "K5L6789012"
    out, err = await hesbot(home, "chat", lines="\n".join(script(code)))
    assert "Kaydedildi" in out
    written = files(home) | {"stderr": err.encode()}
    assert "hesbot.sqlite3" in written
    assert {name: found for name, each in written.items() if (found := leaks(each, code))} == {}
