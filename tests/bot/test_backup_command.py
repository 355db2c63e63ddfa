"""``hesbot db backup`` and ``hesbot db restore`` as their operator meets them."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import connect

import pytest

from bot.notices.rounds import Pass
from bot.notices.schedules import _config
from bot.settings import WORKFLOWS_FILE
from storage import backups
from tests import homes
from tests.bot.commanding import commanded, files, refused, told
from tests.fakes.telegram import BotApi
from tests.faults.processes import Served, card_on_record, hesbot, served
from tests.faults.test_kill import CARD, SCRIPT, VISITOR, name_of
from tests.storage.test_backups import rows

pytestmark = pytest.mark.sqlite("is about the file")

PEOPLE = {"ayşe": ("10000000146", "7301000011112222"), "emre": ("17291716060", "7301000033334444")}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "LINGER", 0.0)


@pytest.fixture
def here(empty_home: Path, tmp_path: Path) -> Path:
    """A home with keys and records, which nobody has open."""
    return homes.copied(empty_home, tmp_path / "home")


def lines(name: str) -> list[str]:
    """What somebody says to register."""
    identity, card = PEOPLE[name]
    new = {
        SCRIPT[2]: name,
        SCRIPT[4]: identity,
        CARD: card,
        "A1B2345678": f"A1B234567{identity[1]}",
    }
    return [new.get(line, line) for line in SCRIPT[:14]]


async def register(home: Path, *names: str) -> None:
    for name in names:
        said, _ = await hesbot(home, "chat", "--as", name, lines="\n".join(lines(name)))
        assert "Kaydedildi" in said


async def talk(server: Served, stop: asyncio.Event) -> int:
    """Strangers who come in one after the other; how many messages."""
    number = 0
    while not stop.is_set():
        visitor = f"visitor-number-{number // 3:08d}"
        await server.say(visitor, f"{visitor}-{number}-padded", SCRIPT[number % 3])
        number += 1
    return number


async def test_a_backup_taken_at_work_goes_on_elsewhere(tmp_path: Path) -> None:
    """In another home with the same keys: the same records, the same answers, the same person."""
    home, elsewhere, backup = tmp_path / "home", tmp_path / "elsewhere", tmp_path / "backup"
    stop = asyncio.Event()
    async with served(home) as server:
        said = [await server.say(VISITOR, name_of(n), text) for n, text in enumerate(SCRIPT)]
        talking = [asyncio.create_task(talk(server, stop)) for _ in range(2)]
        await asyncio.sleep(0.2)
        taken = await told(home, "db", "backup", str(backup))
        before = sum(each.done() for each in talking)
        await asyncio.sleep(0.1)
        stop.set()
        assert before == 0
        assert sum(await asyncio.gather(*talking)) > 0
    assert taken["bytes"] == backup.stat().st_size
    elsewhere.mkdir()
    shutil.copy(home / "keys.json", elsewhere)
    done = await told(elsewhere, "db", "restore", str(backup), "--yes")
    assert done["aside"] is None
    assert rows(elsewhere / "hesbot.sqlite3") == rows(backup)
    async with served(elsewhere) as server:
        again = [await server.say(VISITOR, name_of(n), text) for n, text in enumerate(SCRIPT)]
        assert again == said
        assert CARD[-4:] in "".join(await server.say(VISITOR, "a-new-message-0001", "durum"))
    assert await card_on_record(elsewhere, CARD) == await card_on_record(home, CARD)


async def test_the_records_are_as_they_were(tmp_path: Path) -> None:
    """What came since is kept aside, and the timetable begins anew."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    await register(home, "ayşe")
    (home / WORKFLOWS_FILE).write_text("rounds that are done")
    await told(home, "db", "backup", str(backup))
    then = rows(home / "hesbot.sqlite3")
    await register(home, "emre")
    later = rows(home / "hesbot.sqlite3")
    done = await told(home, "db", "restore", str(backup), "--yes")
    assert rows(home / "hesbot.sqlite3") == then
    assert rows(Path(done["aside"])) == later
    assert done["erasures_since"] == []
    assert not (home / WORKFLOWS_FILE).exists()
    assert str(_config("worker", home, None)["system_database_url"]).endswith(WORKFLOWS_FILE)
    assert sorted(each.name for each in home.iterdir()) == [
        "hesbot.sqlite3",
        Path(done["aside"]).name,
        "keys.json",
    ]


async def test_who_was_erased_since_is_erased_again(tmp_path: Path) -> None:
    """By the difference of the two, for an erasure leaves nothing to find anybody by."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    await register(home, "ayşe", "emre")
    await told(home, "db", "backup", str(backup))
    answer, _ = await hesbot(
        home, "chat", "--as", "ayşe", lines="verilerimi sil\nevet, hepsini sil\n"
    )
    assert "Yeniden kaydolmak" in answer
    # Who registers again is somebody new; the old record is not theirs to have back.
    await register(home, "ayşe")
    before = rows(home / "hesbot.sqlite3")["erasures"]
    done = await told(home, "db", "restore", str(backup), "--yes")
    assert [each["counts"]["people"] for each in done["erasures_since"]] == [1]
    assert done["erased_again"] == 1
    assert rows(home / "hesbot.sqlite3")["erasures"] == before
    by = ("--by", "Derya")
    await hesbot(home, "staff", "add", "Derya", "--role", "operator")
    gone = await refused(home, "citizen", "export", "--tckn", PEOPLE["ayşe"][0], *by)
    assert "nobody" in gone
    kept = await told(home, "citizen", "export", "--tckn", PEOPLE["emre"][0], *by)
    assert kept["person"]["identity_number"] == PEOPLE["emre"][0]
    assert "Kaydedildi" in (await hesbot(home, "chat", lines="\n".join(lines("ayşe"))))[0]


async def test_records_of_another_descent_erase_nobody(here: Path, tmp_path: Path) -> None:
    """Begun anew after a loss, they lack everybody; that is no erasure."""
    home, backup = tmp_path / "full", tmp_path / "backup"
    shutil.copytree(here, home)
    await register(home, "ayşe")
    await told(home, "db", "backup", str(backup))
    done = await told(here, "db", "restore", str(backup), "--yes")
    assert (done["erasures_since"], done["erased_again"]) == ([], None)
    assert rows(here / "hesbot.sqlite3") == rows(backup)


async def test_damaged_records_are_replaced(tmp_path: Path) -> None:
    """That is what a backup is for; what is left of them is kept, and what is not known is said."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    await register(home, "ayşe")
    await told(home, "db", "backup", str(backup))
    (home / "hesbot.sqlite3").write_text("Dear diary, " * 1000)
    (home / "hesbot.sqlite3-wal").write_text("and so on")
    done = await commanded(home, "db", "restore", str(backup), stdin=b"y\n")
    assert done.exit_code == 0, done.output
    assert "erasures since the backup are not known" in done.stdout
    assert rows(home / "hesbot.sqlite3") == rows(backup)
    (aside,) = home.glob("*-wal")
    assert aside.read_text() == "and so on"


@pytest.mark.parametrize(
    ("backup", "line"),
    [
        ("none", "none is not there"),
        ("notes", "notes: the database file is damaged"),
        ("home/hesbot.sqlite3", "is what would be replaced"),
        ("other", "the keys in use do not open the backup: this database was sealed with other"),
        ("lost", "the keys in use do not open the backup: "),
    ],
)
async def test_what_cannot_be_restored_changes_nothing(
    here: Path, tmp_path: Path, backup: str, line: str
) -> None:
    """It is one line; nobody is asked for a file that is not there."""
    (tmp_path / "notes").write_text("Dear diary, " * 1000)
    if backup in ("other", "lost"):
        await hesbot(tmp_path / "elsewhere", "chat", lines="merhaba\nkabul ediyorum\n")
        await told(tmp_path / "elsewhere", "db", "backup", str(tmp_path / backup))
    if backup == "lost":
        (here / "keys.json").unlink()
    before = files(here)
    assert line in await refused(here, "db", "restore", str(tmp_path / backup), "--yes")
    assert files(here) == before


async def test_a_no_changes_nothing(here: Path, tmp_path: Path) -> None:
    """The question comes first."""
    await told(here, "db", "backup", str(tmp_path / "backup"))
    before = files(here)
    done = await commanded(here, "db", "restore", str(tmp_path / "backup"), stdin=b"n\n")
    assert (done.exit_code, "nothing was done" in done.stderr) == (2, True)
    assert files(here) == before


async def test_it_waits_until_everybody_has_stopped(tmp_path: Path) -> None:
    """A process at work would write to what was put aside."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    async with served(home) as server:
        await told(home, "db", "backup", str(backup))
        assert "stop every one" in await refused(home, "db", "restore", str(backup), "--yes")
        assert await server.say(VISITOR, name_of(0), "merhaba")
    await told(home, "db", "restore", str(backup), "--yes")


async def test_a_file_that_is_there_is_left_alone(here: Path, tmp_path: Path) -> None:
    """Unless its place was offered; never the records themselves."""
    there, records = tmp_path / "there", here / "hesbot.sqlite3"
    there.write_text("yesterday's")
    assert "there is there" in await refused(here, "db", "backup", str(there))
    assert there.read_text() == "yesterday's"
    await refused(here, "db", "backup", str(records), "--replace")
    await refused(here, "db", "backup", str(tmp_path), "--replace")
    assert "No such file" in await refused(here, "db", "backup", str(tmp_path / "no" / "where"))
    assert "nothing is on record" in await refused(tmp_path / "new", "db", "backup", "x")
    done = await commanded(here, "db", "backup", str(there), "--replace")
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{there.stat().st_size:,} bytes" in done.stdout
    assert rows(there) == rows(records)


async def test_on_a_server_it_names_the_servers_own(here: Path) -> None:
    """Without a word of the address, which may hold a password."""
    address = {"DATABASE_URL": "postgresql://ayse:secret1@db/hesbot"}
    assert "pg_dump --format=custom" in await refused(here, "db", "backup", "x", **address)
    assert "pg_restore" in await refused(here, "db", "restore", "x", "--yes", **address)


async def round_done(home: Path) -> None:
    """Return once the timetable has looked there for those who left half-way."""
    query = f"SELECT status FROM workflow_status WHERE workflow_uuid LIKE '{Pass.UNFINISHED}%'"
    address, found = f"{(home / WORKFLOWS_FILE).as_uri()}?mode=ro", []
    async with asyncio.timeout(30):
        while ("SUCCESS",) not in found:
            await asyncio.sleep(0.05)
            with suppress(sqlite3.OperationalError), closing(connect(address, uri=True)) as conn:
                found = conn.execute(query).fetchall()


def reminded(api: BotApi) -> bool:
    """Whether somebody was told that they are half-way."""
    bubbles = [each for chat in api.world.chats.values() for each in chat.bubbles.values()]
    return any("yarım" in each.line().text for each in bubbles)


async def test_nobody_is_told_twice_after_a_restore(tmp_path: Path) -> None:
    """The timetable begins anew without its file, and finds on record what it has done."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    async with BotApi() as api:
        settings = {
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_API_BASE": api.base_url,
            "PUBLIC_URL": "https://hes.example.org",
        }
        async with served(home, **settings, HESBOT_NOW="2021-01-08T12:00") as server:
            api.reroute(settings["PUBLIC_URL"], server.url)
            somebody = api.person(4711, first_name="Ayşe")
            for text in ("merhaba", "evet", "ayşe"):
                await somebody.say(text)
                await api.idle()
        async with served(home, **settings, HESBOT_NOW="2021-01-09T10:30"):
            await round_done(home)
            await api.until(lambda: reminded(api), 30)
        sent = len(api.calls("sendMessage"))
        await told(home, "db", "backup", str(backup))
        notices = rows(backup)["deliveries"]
        assert len(notices) == 1
        await told(home, "db", "restore", str(backup), "--yes")
        async with served(home, **settings, HESBOT_NOW="2021-01-09T10:35"):
            await round_done(home)
        assert len(api.calls("sendMessage")) == sent
    assert rows(home / "hesbot.sqlite3")["deliveries"] == notices
