"""The ``hesbot`` command as its operator meets it: mistakes are one line and change nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from tests.bot.channels.cases_whatsapp import post
from tests.bot.notices.town import until
from tests.fakes.telegram import BotApi
from tests.faults.born import Child, Wish, run, start
from tests.faults.processes import (
    HESBOT,
    PATIENCE,
    free_port,
    hesbot,
    served,
    surroundings,
)
from tests.storage.conftest import postgresql

__all__ = ["postgresql"]

CARD = "7301000011112222"
SECURE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def command(home: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command, run to its end with nothing typed."""
    return run(Wish(words, surroundings(home, **settings)))


def refusal(home: Path, *words: str, **settings: str) -> str:
    """The one line of a command that could not be carried out."""
    done = command(home, *words, **settings)
    line, *more = done.stderr.splitlines()
    assert (done.returncode, more, done.stdout) == (2, [], "")
    assert line.startswith("hesbot: ")
    return line


def files(place: Path) -> dict[str, bytes]:
    """Everything under the place, by path."""
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@asynccontextmanager
async def started(
    home: Path, word: str, *, from_nothing: bool = False, **settings: str
) -> AsyncIterator[tuple[Child | Process, str]]:
    """A server that is ready, and its first line; on a port that the system chooses."""
    environment = surroundings(home, **{"PORT": "0", **settings})
    if from_nothing:
        process: Child | Process = await asyncio.create_subprocess_exec(
            *(*HESBOT, word), env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
    else:
        process = await start(Wish([word], environment), DEVNULL, PIPE, PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            yield process, (await process.stdout.readline()).decode()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def stopped(process: Child | Process) -> str:
    """Tell the server to stop; what it wrote to its log."""
    process.terminate()
    _, log = await process.communicate()
    assert process.returncode == 0, log
    return log.decode()


def address_in(line: str) -> str:
    """The address that the first line says to open."""
    return line.partition("Open ")[2].split()[0]


# --- mistakes that a person can mend ----------------------------------------------------------


@pytest.mark.parametrize("word", ["run", "web", "chat"])
def test_a_wrong_token_is_one_line_and_changes_nothing(tmp_path: Path, word: str) -> None:
    """The setting is named, its value is not printed."""
    line = refusal(tmp_path / "home", word, TELEGRAM_BOT_TOKEN="abc-def")
    assert "TELEGRAM_BOT_TOKEN" in line
    assert "abc-def" not in line
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("word", ["run", "chat"])
def test_a_home_that_is_a_file_stays_as_it_is(tmp_path: Path, word: str) -> None:
    home = tmp_path / "home"
    home.write_text("a letter")
    if word == "run":
        assert "HESBOT_HOME" in refusal(home, word, PORT="0")
    else:
        done = command(home, word)
        assert done.returncode == 2
        assert done.stderr.startswith("hesbot: HESBOT_HOME: ")
        assert done.stderr.count("\n") == 1
    assert home.read_text() == "a letter"


def test_a_home_that_cannot_be_made_is_named() -> None:
    """/proc takes no folders, whoever asks."""
    assert "HESBOT_HOME" in refusal(Path("/proc/hesbot"), "run", PORT="0")


@pytest.mark.sqlite("looks at the file")
@pytest.mark.parametrize("words", [("run",), ("cards", "show", CARD), ("db", "upgrade")])
def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Neither is it overwritten nor are keys made for it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "hesbot.sqlite3").write_bytes(b"Dear diary, " * 100)
    before = files(tmp_path)
    assert "database file" in refusal(home, *words, PORT="0")
    assert files(tmp_path) == before


def test_a_port_in_use_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    """It is asked for before the records are opened."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        line = refusal(tmp_path / "home", "run", PORT=str(other.getsockname()[1]))
    assert "PORT" in line
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "not a host", "a..b"])
def test_an_address_that_is_not_ours_is_one_line(tmp_path: Path, host: str) -> None:
    """RFC 5737 keeps 192.0.2.0/24 for nobody."""
    assert "HOST" in refusal(tmp_path / "home", "run", HOST=host, PORT="0")


@pytest.mark.parametrize("change", [("/postgres?", "/atlantis?"), ("postgres:@", "ayse:secret1@")])
def test_a_server_that_refuses_us_is_one_line(
    postgresql: str, tmp_path: Path, change: tuple[str, str]
) -> None:
    """A database or a user that the server does not know; nothing of the address is printed."""
    url = postgresql.replace(*change)
    assert url != postgresql
    line = refusal(tmp_path / "home", "run", DATABASE_URL=url, PORT="0")
    assert "DATABASE_URL" in line
    assert not any(word in line for word in ("atlantis", "ayse", "secret1"))
    assert not (tmp_path / "home").exists()


# --- looking up -------------------------------------------------------------------------------


@pytest.mark.sqlite("a home without its file is a new one, and a server never is")
def test_looking_up_where_nothing_is_makes_nothing(tmp_path: Path) -> None:
    """Neither a folder nor keys nor a database."""
    home = tmp_path / "home"
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    assert "nothing is on record" in refusal(home, "cards", "show", CARD)
    assert "nothing is on record" in refusal(home, "cards", "show", CARD, DATABASE_URL=elsewhere)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite("looks at the file")
def test_looking_up_makes_no_keys(empty_home: Path, tmp_path: Path) -> None:
    """New ones would open nothing."""
    (tmp_path / "hesbot.sqlite3").write_bytes((empty_home / "hesbot.sqlite3").read_bytes())
    assert "keys.json" in refusal(tmp_path, "cards", "show", CARD)
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.sqlite("looks at the file")
def test_other_keys_than_the_records_are_refused(empty_home: Path, tmp_path: Path) -> None:
    """A second register would grow inside the first."""
    (tmp_path / "hesbot.sqlite3").write_bytes((empty_home / "hesbot.sqlite3").read_bytes())
    ring = command(tmp_path, "keys", "new", "--print").stdout
    assert "HESBOT_KEYS" in refusal(tmp_path, "run", HESBOT_KEYS=ring, PORT="0")
    assert not (tmp_path / "keys.json").exists()


def test_a_card_nobody_paired_is_one_line(empty_home: Path) -> None:
    """The records are there, the card is not."""
    assert "no such card" in refusal(empty_home, "cards", "show", CARD)


@pytest.mark.sqlite("looks at the file")
@pytest.mark.parametrize("name", ["what?", "no#1", "50%25 off", "ev im"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Signs that mean something in an address mean nothing in a folder's name."""
    home = tmp_path / name
    done = command(home, "chat")
    assert (done.returncode, done.stderr) == (0, "")
    assert {"hesbot.sqlite3", "keys.json"} <= {file.name for file in home.iterdir()}
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert "no such card" in refusal(home, "cards", "show", CARD)


# --- the talk ---------------------------------------------------------------------------------

DEAD_DESK = """
from bot.desk import Desk
async def work(self, batch):
    raise KeyError("Şükufe")
Desk._work = work
from bot.__main__ import main
main()
"""


async def test_a_dead_desk_ends_the_talk(tmp_path: Path) -> None:
    """With one line that names the place, and no word of an error that may be a person's."""
    wish = Wish(["chat"], surroundings(tmp_path / "home"), DEAD_DESK)
    talk = await start(wish, PIPE, DEVNULL, PIPE)
    # The input stays open: nothing but the desk's end can end the talk.
    status = await talk.wait()
    assert talk.stderr is not None
    line, *more = (await talk.stderr.read()).decode().splitlines()
    assert (status, more) == (1, [])
    assert line.startswith("hesbot: ")
    assert "KeyError at <string>:4" in line
    assert "Şükufe" not in line


# --- the server -------------------------------------------------------------------------------


async def test_web_does_not_poll(tmp_path: Path) -> None:
    """Several of it may run side by side; where Telegram would need polling it says so."""
    async with BotApi() as api:
        settings = {"TELEGRAM_BOT_TOKEN": api.token, "TELEGRAM_API_BASE": api.base_url}
        async with started(tmp_path / "home", "web", **settings) as (process, line):
            assert "ready (web)" in line
            log = await stopped(process)
        assert api.calls("getUpdates") == api.calls("deleteWebhook") == []
    [warning] = [json.loads(each) for each in log.splitlines() if "Telegram" in each]
    assert warning["level"] == "warning"
    assert "hesbot run" in warning["event"]


async def test_run_polls(tmp_path: Path) -> None:
    """Without PUBLIC_URL updates are fetched."""
    async with BotApi() as api:
        settings = {"TELEGRAM_BOT_TOKEN": api.token, "TELEGRAM_API_BASE": api.base_url}
        async with started(tmp_path / "home", "run", **settings) as (_, line):
            assert "ready (web, telegram)" in line
            await api.until(lambda: bool(api.calls("getUpdates")))


async def test_signatures_are_over_our_own_address_without_another(tmp_path: Path) -> None:
    """A test on this machine works, and the log says that a tunnel would not."""
    token = "0123456789abcdef0123456789abcdef"
    async with started(tmp_path / "home", "run", TWILIO_AUTH_TOKEN=token) as (process, line):
        url = f"{address_in(line)}/whatsapp"
        fields = post(Body="merhaba")
        signature = RequestValidator(token).compute_signature(url, fields)
        headers = {
            "X-Twilio-Signature": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=urlencode(fields), headers=headers) as answer,
        ):
            assert answer.status == 200
        log = await stopped(process)
    [warning] = [json.loads(each) for each in log.splitlines() if "signatures" in each]
    assert warning["level"] == "warning"
    assert "http://HOST:PORT/whatsapp" in warning["event"]
    assert "PUBLIC_URL" in warning["event"]


async def test_with_a_public_address_nothing_is_warned_of(tmp_path: Path) -> None:
    settings = {"TWILIO_AUTH_TOKEN": "0123456789abcdef", "PUBLIC_URL": "https://bot.example.com"}
    async with started(tmp_path / "home", "run", **settings) as (process, _):
        log = await stopped(process)
    assert [line for line in log.splitlines() if '"warning"' in line] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/no-such-page", 404),
        ("PUT", "/", 405),
        ("GET", "/telegram", 404),
    ],
)
async def test_what_the_server_says_itself_is_neither_kept_nor_guessed_at(
    server: str, method: str, path: str, status: int
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{server}{path}") as answer,
    ):
        assert answer.status == status
        assert {name: answer.headers.get(name) for name in SECURE} == SECURE


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    async with served(tmp_path / "home") as running:
        yield running.url


async def test_a_worker_can_be_watched(tmp_path: Path) -> None:
    """Health and metrics, and nothing else, where WORKER_PORT says."""
    port = str(free_port())
    async with (
        started(tmp_path / "home", "worker", from_nothing=True, WORKER_PORT=port) as (_, line),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        assert line.startswith("hesbot sends")
        for path, status in {"/healthz": 200, "/readyz": 200, "/metrics": 200, "/": 404}.items():
            async with session.get(path) as answer:
                assert answer.status == status


async def test_a_way_that_is_not_open_says_which_are(server: str) -> None:
    """RFC 9110, section 15.5.6: a 405 names the methods."""
    async with (
        aiohttp.ClientSession() as session,
        session.delete(f"{server}/healthz") as answer,
    ):
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def messages_kept(home: Path) -> int:
    with closing(sqlite3.connect(home / "hesbot.sqlite3")) as database:
        return int(database.execute("SELECT count(*) FROM inbox").fetchone()[0])


@pytest.mark.sqlite("writes to the file")
async def test_old_messages_are_forgotten_at_work(tmp_path: Path) -> None:
    """The task is started by the command: it looks once at once."""
    home = tmp_path / "home"
    await hesbot(home, "chat", lines="merhaba\n", HESBOT_NOW="2021-01-01T12:00")
    assert messages_kept(home)
    async with started(home, "run", from_nothing=True, HESBOT_NOW="2021-01-09T12:00"):
        await until(lambda: not messages_kept(home))
