"""Files of staff over real HTTP: who may send one, what may be sent, and what becomes of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession, DummyCookieJar
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.console import uploads
from bot.console.guard import Guard
from bot.console.signing import Doors
from bot.console.visits import Badge
from bot.feeds import feeds as feeds_module
from bot.feeds import intakes
from bot.feeds.feeds import Feeds
from bot.feeds.folder import BAD_KEPT, Folder
from bot.feeds.intakes import Intake
from bot.feeds.values import LARGEST, Bad, End, Kind, Past
from bot.services.card_files import Cardhouse
from conversations.broadcasts import Role
from storage import Audit, Database, KeyRing, Registry, Staff, Unavailable, Vault
from storage.card_files import CardFiles
from storage.feeds import lists
from tests import homes
from tests.bot.calling import lines, record
from tests.bot.staff.conftest import CHEAP, PASSWORD, SECRET
from tests.fakes.clock import Clock
from tests.fakes.serving import serve
from tests.storage.people import CARD, DEADLINE, NOW, OTHER_CARD, OTHER_CODE

OURS = {"Sec-Fetch-Site": "same-origin", "X-Hesbot-Upload": "1"}
RISKS, CARDS = "/console/yuklemeler/risks", "/console/yuklemeler/cards"
SPOILT = "73010000111122"


class Doorway:
    """Whose cookie holds which name; somebody may be let go meanwhile."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = dict(members)

    async def who(self, token: str, *, seen: bool = True) -> Any:
        return self.members.get(token)


@dataclass
class Counter:
    """The place where files are handed in."""

    home: Path
    feeds: Feeds
    doors: Doorway
    database: Database
    audit: Audit
    session: ClientSession
    base: str = ""

    async def send(
        self,
        body: Any,
        path: str = RISKS,
        who: str = "operator",
        headers: Mapping[str, str] = OURS,
    ) -> tuple[int, Any]:
        """Send a file; the status and what is said."""
        cookie = {"Cookie": f"hesbot_staff={token(who)}"} if who else {}
        async with self.session.put(
            self.base + path, data=body, headers={**headers, **cookie}
        ) as response:
            text = await response.text()
            plain = json.loads(text) if text.startswith("{") else text
            return response.status, plain

    async def fetch(self, path: str, who: str = "operator") -> tuple[int, str]:
        headers = {"Cookie": f"hesbot_staff={token(who)}"}
        async with self.session.get(self.base + path, headers=headers) as response:
            return response.status, await response.text()

    async def ended(self, kind: Kind = Kind.RISKS) -> Past:
        """What became of the newest file of a kind, once it is over."""
        await until(lambda: self.feeds.running(kind) is None)
        return next(each for each in await self.feeds.past() if each.kind is kind)

    async def written(self) -> list[tuple[str, str, str]]:
        """Who did what to what, oldest first."""
        async with self.database.read() as conn:
            rows = await self.audit.entries(conn)
        return [(each.who, each.act, each.subject) for each in rows[::-1]]

    def files(self) -> list[str]:
        """What lies in the folder, without the locks."""
        found = (self.home / "uploads").glob("*")
        return sorted(each.name for each in found if each.suffix != ".lock")


async def until(comes: Callable[[], bool]) -> None:
    """Wait for something that tells nobody."""
    async with asyncio.timeout(60):
        while not comes():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def token(who: str) -> str:
    return who.ljust(32, "x")


@asynccontextmanager
async def counter(home: Path, intake: Intake | None = None) -> AsyncIterator[Counter]:
    """The place where files are handed in; ``intake`` takes risk lists instead of the usual."""
    clock, vault = Clock(), Vault(KeyRing.load_or_create(home / "keys.json"))
    clock.now = NOW
    database = await homes.opened_in(home)
    registry, audit = Registry(vault, deadline=DEADLINE), Audit(vault)
    house = Cardhouse(
        database, CardFiles(vault, registry.cards), vault, DEADLINE, clock, gentle=True
    )
    taken = {
        Kind.RISKS: intake or intakes.risks(database, registry, clock),
        Kind.CARDS: intakes.cards(house),
    }
    feeds = Feeds(Folder(home, clock), taken, database, audit, clock)
    async with database.begin() as conn:
        staff = Staff(vault)
        members = {
            token(role): await staff.find(conn, f"Bir {role}")
            or await staff.add(conn, f"Bir {role}", role, CHEAP.hash(PASSWORD), SECRET, clock.now)
            for role in Role
        }
    doors = Doorway(members)
    pages = Starlette(routes=list(uploads.routes(feeds, cast("Doors", doors))))

    async def inner() -> Any:
        return pages

    app = Starlette(
        routes=[Mount("/console", Guard(inner, doors.who, Badge("http://hes.example")))]
    )
    try:
        async with (
            ClientSession(cookie_jar=DummyCookieJar()) as session,
            serve(app) as base,
            feeds.working(),
        ):
            yield Counter(home, feeds, doors, database, audit, session, base)
    finally:
        await database.close()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Counter]:
    """The place where files are handed in."""
    async with counter(tmp_path / "home") as found:
        yield found


# --- what becomes of a file -----------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
async def test_a_risk_list_is_taken(here: Counter, pack: Any) -> None:
    """With its counts, and the bad line by number and reason, nothing of its words."""
    body = pack(lines(record(), b'{"id": 7}', record("r-2", OTHER_CODE)))
    status, said = await here.send(body)
    assert (status, said["size"]) == (202, len(body))
    past = await here.ended()
    assert (past.who, past.end, past.size) == ("Bir operator", End.DONE, len(body))
    assert past.counts == {
        "lines": 3,
        "taken": 2,
        "repeated": 0,
        "older": 0,
        "unknown": 2,
        "cards": 0,
        "bad": 1,
    }
    assert await here.feeds.bad(Kind.RISKS) == [Bad(2, "changed_at")]
    assert here.files() == ["risks.bad.jsonl"]


async def test_a_card_list_is_taken(here: Counter) -> None:
    """And what cannot be read of it is told by code."""
    body = "\n".join([f"{CARD};evet", SPOILT, "x", f"{OTHER_CARD};belki", "1;2;3;4"]).encode()
    assert (await here.send(body, CARDS))[0] == 202
    past = await here.ended(Kind.CARDS)
    assert past.end is End.DONE
    assert (past.counts["lines"], past.counts["added"], past.counts["bad"]) == (5, 1, 4)
    told = await here.feeds.bad(Kind.CARDS)
    assert told == [Bad(2, "digits"), Bad(3, "letters"), Bad(4, "personalised"), Bad(5, "columns")]
    assert here.files() == ["cards.bad.csv"]


async def test_it_is_on_record_who_handed_in_what(here: Counter) -> None:
    """When it begins and when it ends, by size and hash and counts, without a file's name."""
    body = lines(record())
    _, said = await here.send(body)
    await here.ended()
    async with here.database.read() as conn:
        end, begin = await here.audit.entries(conn)
    assert {(each.who, each.act, each.subject) for each in (begin, end)} == {
        ("Bir operator", "feed.risks", "feed:risks")
    }
    file = {"size": len(body), "sha256": said["sha256"]}
    assert begin.detail == {"state": "begun", **file}
    assert end.detail is not None
    assert end.detail.items() >= {"state": "done", "taken": 1, "bad": 0, **file}.items()


async def test_the_bad_lines_can_be_fetched(here: Counter) -> None:
    """By an operator, who is on record for it; readable there by nobody else."""
    await here.send(lines(record(), b"not json"))
    await here.ended()
    assert stat.S_IMODE((here.home / "uploads" / "risks.bad.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE((here.home / "uploads").stat().st_mode) == 0o700
    assert (await here.fetch(f"{RISKS}/okunamayanlar", "author"))[0] == 403
    status, text = await here.fetch(f"{RISKS}/okunamayanlar")
    assert (status, json.loads(text)) == (200, {"line": 2, "why": "json", "text": "not json"})
    assert (await here.written())[-1] == ("Bir operator", "feed.bad_lines", "feed:risks")
    assert (await here.fetch(f"{CARDS}/okunamayanlar"))[0] == 404


async def test_bad_lines_do_not_stay_for_ever(here: Counter) -> None:
    """They are personal."""
    await here.send(lines(record(), b"not json"))
    await here.ended()
    made = (here.home / "uploads" / "risks.bad.jsonl").stat().st_mtime
    clock = Clock()
    folder = Folder(here.home, clock)
    clock.now = datetime.fromtimestamp(made, clock.now.tzinfo) + BAD_KEPT - timedelta(seconds=5)
    folder.sweep()
    assert here.files() == ["risks.bad.jsonl"]
    clock.now += timedelta(seconds=10)
    folder.sweep()
    assert here.files() == []


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (RISKS, b"no record\n", "no_record"),
        (RISKS, b"\x1f\x8bnonsense", "no_record"),
        (CARDS, b"\x1f\x8bnonsense", "damaged"),
        (CARDS, gzip.compress(f"{CARD}\n".encode() * 100, mtime=0)[:-9], "damaged"),
        (CARDS, b"root:x:0:0:root\n", "no_card"),
        (CARDS, f"{CARD}\n".encode("utf-16"), "utf_16"),
        (CARDS, b"\x7fELF\x02\x01\x01\x00" * 20, "not_text"),
    ],
)
async def test_a_file_that_is_no_list_is_refused(
    here: Counter, path: str, body: bytes, why: str
) -> None:
    """It arrives, and then it is said why nothing was taken."""
    assert (await here.send(body, path))[0] == 202
    past = await here.ended(Kind(path.rpartition("/")[2]))
    assert (past.end, past.why, past.counts) == (End.REFUSED, why, {})
    assert here.files() == []


async def test_gzip_that_breaks_off_gives_what_came_before(here: Counter) -> None:
    """And says where it broke off."""
    packed = gzip.compress(lines(*(record(f"r-{n}", f"A1B2{n:06}") for n in range(5000))), 1)
    await here.send(packed[: len(packed) // 2])
    past = await here.ended()
    assert past.end is End.DONE
    assert 0 < past.counts["taken"] < 5000
    (bad,) = await here.feeds.bad(Kind.RISKS)
    assert bad.why == "gzip"


# --- who may --------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [Role.AUTHOR, Role.APPROVER, Role.AUDITOR])
async def test_other_roles_hand_nothing_in(here: Counter, who: Role) -> None:
    """Neither send nor fetch."""
    assert await here.send(lines(record()), who=who) == (403, {"error": "not_allowed"})
    assert (await here.fetch(f"{RISKS}/okunamayanlar", who))[0] == 403
    assert await here.written() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({**OURS, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**OURS, "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-Hesbot-Upload": "1", "Origin": "https://evil.example"}, 403),
        ({"X-Hesbot-Upload": "1"}, 202),
    ],
)
async def test_another_site_hands_nothing_in(
    here: Counter, headers: Mapping[str, str], status: int
) -> None:
    """A form of theirs has no such header, and a script of theirs is told to ask first."""
    assert (await here.send(lines(record()), headers=headers))[0] == status


async def test_a_stranger_hands_nothing_in(here: Counter) -> None:
    """Without a session there is nothing to send to."""
    assert (await here.send(lines(record()), who=""))[0] == 401


async def test_who_loses_their_role_meanwhile_hands_nothing_in(here: Counter) -> None:
    """A long file outlives a session or a role; it is asked again before anything is taken."""

    async def body() -> AsyncIterator[bytes]:
        yield lines(record())
        here.doors.members[token("operator")] = here.doors.members[token("author")]

    assert await here.send(body()) == (403, {"error": "not_allowed"})
    assert await here.written() == []
    assert here.files() == []


# --- what may be sent -----------------------------------------------------------------------


async def test_what_is_too_large_is_refused(here: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own account before it is read, and without one once it is too much."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000

    monkeypatch.setitem(cast("dict[Kind, int]", LARGEST), Kind.RISKS, 2500)
    assert await here.send(b"x" * 2501) == (413, {"error": "too_large"})
    assert await here.send(body()) == (413, {"error": "too_large"})
    assert here.files() == []


async def test_the_disk_is_left_room(here: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records need it more than a list does."""
    monkeypatch.setattr(Folder, "room", lambda _self: feeds_module.RESERVE + 10)
    assert (await here.send(lines(record())))[0] == 507
    assert here.files() == []


async def test_an_empty_file_is_refused(here: Counter) -> None:
    """Before anything is written down."""
    assert await here.send(b"") == (400, {"error": "empty"})
    assert await here.written() == []


async def test_there_are_two_kinds_of_file(here: Counter) -> None:
    """Anything else is not there."""
    assert (await here.send(b"x", "/console/yuklemeler/staff"))[0] == 404


async def test_a_file_that_breaks_off_changes_nothing(here: Counter) -> None:
    """It goes, and the next one finds the place free."""
    _, writer = await asyncio.open_connection(*here.base.removeprefix("http://").split(":"))
    head = (
        f"PUT {RISKS} HTTP/1.1\r\nHost: hes.example\r\nContent-Length: 1000000\r\n"
        f"X-Hesbot-Upload: 1\r\nCookie: hesbot_staff={token('operator')}\r\n\r\n"
    )
    writer.write(head.encode() + lines(record()))
    await writer.drain()
    await until(lambda: here.files() == ["risks"])
    assert (await here.send(lines(record())))[0] == 409
    writer.close()
    await until(lambda: not here.files())
    assert await here.written() == []
    assert (await here.send(lines(record())))[0] == 202
    await here.ended()


# --- one at a time --------------------------------------------------------------------------


class Gate:
    """Takes a list once it is let through."""

    def __init__(self, error: Exception | None = None) -> None:
        self.open = asyncio.Event()
        self.error = error

    async def take(self, _path: Path, report: Any) -> Mapping[str, int]:
        report(0.5)
        await self.open.wait()
        if self.error:
            raise self.error
        return {"lines": 1, "taken": 1}


async def test_one_file_of_a_kind_is_taken_at_a_time(tmp_path: Path) -> None:
    """The second is told so and may come again; the other kind has a place of its own."""
    gate = Gate()
    async with counter(tmp_path / "home", gate.take) as here:
        assert (await here.send(lines(record())))[0] == 202
        run = here.feeds.running(Kind.RISKS)
        assert run is not None
        assert (run.who, run.size) == ("Bir operator", len(lines(record())))
        assert await here.send(lines(record("r-2"))) == (409, {"error": "busy"})
        (begun,) = await here.feeds.past()
        assert (begun.end, begun.ended_at) == (End.BEGUN, None)
        assert (await here.send(f"{CARD}\n".encode(), CARDS))[0] == 202
        gate.open.set()
        assert (await here.ended()).end is End.DONE
        assert (await here.send(lines(record("r-2"))))[0] == 202
        await here.ended(Kind.CARDS)


@pytest.mark.parametrize(
    ("error", "why"), [(Unavailable("busy"), "unavailable"), (ValueError("x"), "fault")]
)
async def test_what_goes_wrong_is_told(tmp_path: Path, error: Exception, why: str) -> None:
    """As a fault of ours, and the place is free again."""
    gate = Gate(error)
    gate.open.set()
    async with counter(tmp_path / "home", gate.take) as here:
        await here.send(lines(record()))
        past = await here.ended()
        assert (past.end, past.why) == (End.BROKEN, why)
        assert here.files() == []


async def test_a_server_that_stops_says_so(tmp_path: Path) -> None:
    """What it was at is on record as stopped, and nothing is left lying about."""
    home = tmp_path / "home"
    async with counter(home, Gate().take) as here:
        await here.send(lines(record()))
        await asyncio.sleep(0)
    async with counter(home) as again:
        (past,) = await again.feeds.past()
        assert past.end is End.STOPPED
        assert again.files() == []


async def test_what_a_kill_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    """The list and its drafts; what a living process holds stays."""
    home = tmp_path / "home"
    folder = home / "uploads"
    folder.mkdir(parents=True)
    held = Folder(home, Clock()).lease(Kind.CARDS)
    assert held is not None
    for name in ("risks", ".risks.abc.draft", "cards"):
        (folder / name).write_bytes(b"x")
    async with counter(home) as here:
        assert here.files() == ["cards"]
        assert not (folder / ".risks.abc.draft").exists()
    held.release()


async def test_a_card_list_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    """The server stops in the middle; the same list, handed in again, is only finished."""
    home = tmp_path / "home"
    many = "".join(f"7301{place:012d}\n" for place in range(30_000)).encode()
    async with counter(home) as here:
        await here.send(many, CARDS)
        run = here.feeds.running(Kind.CARDS)
        await until(lambda: run is not None and run.share > 0.7)
        assert here.feeds.running(Kind.CARDS), "it was too quick for this test"
    async with counter(home) as again:
        async with again.database.read() as conn:
            (left,) = await lists(conn)
        assert not left.finished
        assert 0 < left.position < 30_000
        await again.send(many, CARDS)
        past = await again.ended(Kind.CARDS)
        assert (past.end, past.counts["added"], past.counts["known"]) == (End.DONE, 30_000, 0)
        await again.send(many, CARDS)
        assert (await again.ended(Kind.CARDS)).counts["repeated"] == 1
