"""``hesbot doctor``: each trouble is found once, and nothing is changed."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from bot import contents
from bot.checks import outside, place
from bot.checks.findings import Finding, Level
from bot.checks.records import Examination, _apart, _connections, _lateness
from bot.clock import wall
from bot.settings import Settings
from bot.wording import Wording
from storage import Database, KeyRing, Vault, admit, checkup, private_files, tables
from tests import homes
from tests.bot.commanding import commanded, files
from tests.fakes.hes import HesService
from tests.fakes.telegram import Answer, BotApi
from tests.fakes.twilio import TwilioApi
from tests.storage.filling import row

SECRETS = ("hunter2", "AAF_secret_of_a_bot")
NOTICES = [draft for draft in contents.drafts(Wording.load()) if draft.is_notice]
PUBLIC_URL = "https://bot.example.com"

Levels = dict[str, tuple[str, str]]


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """A home with records that nobody wrote to yet."""
    path = tmp_path / "home"
    ring = KeyRing.load_or_create(path / "keys.json")
    database = await homes.opened_in(path)
    await admit(database, Vault(ring))
    await database.close()
    return path


def by_name(findings: list[Finding]) -> Levels:
    return {each.name: (str(each.level), each.found) for each in findings}


async def examined(home: Path, **settings: Any) -> Levels:
    """What is found of keys and database."""
    chosen = homes.settings_in(home, **settings)
    return by_name([each async for each in Examination(chosen, wall).findings()])


def failing(levels: Levels) -> set[str]:
    return {name for name, (level, _) in levels.items() if level == Level.FAIL}


class TestCommand:
    """What whoever runs it sees."""

    async def test_all_is_well(self, home: Path) -> None:
        """A line for each check, exit status 0, and not a row or a key is changed."""
        kept, rows = (home / "keys.json").read_bytes(), homes.rows(home)
        done = await commanded(home, "doctor")
        assert (done.exit_code, done.stderr) == (0, ""), done.stdout
        lines = done.stdout.splitlines()
        assert all(line.startswith(("ok    ", "warn  ")) for line in lines)
        assert "ok    keys and database  they belong together" in lines
        assert ((home / "keys.json").read_bytes(), homes.rows(home)) == (kept, rows)
        assert len([line for line in lines if line.startswith("ok")]) > 10

    async def test_nothing_is_made_where_nothing_is(self, tmp_path: Path) -> None:
        """Neither a folder nor keys."""
        home = tmp_path / "home"
        done = await commanded(home, "doctor")
        assert done.exit_code == 0, done.stdout
        assert "warn  home" in done.stdout
        assert not files(tmp_path)

    async def test_every_setting_that_is_wrong_is_named(self, home: Path) -> None:
        """All at once; the values are not printed."""
        wrong = {"PORT": "99999", "TELEGRAM_BOT_TOKEN": "hunter2", "PUBLIC_URL": "hunter2"}
        done = await commanded(home, "doctor", "--json", **wrong)
        found = json.loads(done.stdout)
        assert done.exit_code == 1
        assert {(each["level"], each["name"]) for each in found} == {
            ("fail", name) for name in wrong
        }
        assert "hunter2" not in done.output
        both = {"HESBOT_KEYS": "a", "HESBOT_KEYS_COMMAND": "b"}
        done = await commanded(home, "doctor", **both)
        assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
        assert done.stdout.startswith("fail  HESBOT_KEYS, HESBOT_KEYS_COMMAND")

    async def test_it_goes_on_behind_what_fails_and_tells_no_secret(self, home: Path) -> None:
        """A database that is not there, a token and passwords that nobody takes."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        done = await commanded(
            home,
            "doctor",
            "--json",
            DATABASE_URL=f"postgresql://ayse:hunter2@{nowhere}/records",
            TELEGRAM_BOT_TOKEN=f"123456789:{SECRETS[1]}_0123",
            TELEGRAM_API_BASE=f"http://{nowhere}",
            TWILIO_ACCOUNT_SID="AC" + "0" * 32,
            TWILIO_AUTH_TOKEN="hunter2",
            TWILIO_API_BASE=f"http://{nowhere}",
            HES_SERVICE_URL=f"http://{nowhere}",
            HES_SERVICE_PASSWORD="hunter2",
        )
        assert done.exit_code == 1, done.output
        found = {each["name"]: each for each in json.loads(done.stdout)}
        names = ("database", "telegram", "twilio", "hes service")
        assert {found[name]["level"] for name in names} == {"fail"}
        assert all(found[name]["advice"] for name in names)
        assert found["settings"]["level"] == "warn"
        assert not any(secret in done.output for secret in SECRETS)


class TestPlace:
    """The machine."""

    @pytest.mark.parametrize(
        ("settings", "word"),
        [
            ({"public_url": "http://bot.example.com"}, "https"),
            ({"twilio_account_sid": "AC1"}, "TWILIO_AUTH_TOKEN, TWILIO_WHATSAPP_FROM"),
            ({"twilio_auth_token": "x"}, "TWILIO_ACCOUNT_SID"),
            ({"hes_service_url": "https://hes.example.com"}, "HES_SERVICE_USER"),
        ],
    )
    def test_settings_that_do_not_fit(self, settings: dict[str, Any], word: str) -> None:
        """Each is in order by itself."""
        found = list(place.settings_fit(Settings(**settings)))
        assert {each.level for each in found} == {Level.WARN}
        assert word in found[0].found

    def test_who_can_reach_the_home(self, tmp_path: Path) -> None:
        """Ours alone is best; what others can write to is nobody's."""
        settings = Settings(hesbot_home=tmp_path / "home")
        assert place.home(settings).level is Level.WARN
        settings.hesbot_home.mkdir()
        levels = {}
        for mode in (0o700, 0o755, 0o777):
            settings.hesbot_home.chmod(mode)
            levels[mode] = place.home(settings).level
        assert levels == {0o700: Level.OK, 0o755: Level.WARN, 0o777: Level.FAIL}
        file = tmp_path / "file"
        file.touch()
        assert place.home(Settings(hesbot_home=file)).level is Level.FAIL

    @pytest.mark.parametrize(
        ("left", "level"),
        [(5 * 1024**3, Level.OK), (1024**3, Level.WARN), (1024**2, Level.FAIL)],
    )
    def test_room_on_the_disks(self, tmp_path: Path, left: int, level: Level) -> None:
        """In the home and beside the database, where that is elsewhere."""
        (tmp_path / "db").mkdir()
        url = f"sqlite:///{tmp_path / 'db' / 'records'}"
        settings = Settings(hesbot_home=tmp_path / "home", database_url=url)
        found = list(place.disk(settings, lambda _: left))
        assert {each.level for each in found} == {level}
        assert len(found) == 2

    def test_the_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pinned one is for demonstrations; without the zone's data no time is right."""
        pinned = Settings(hesbot_now=datetime(2021, 1, 8, tzinfo=UTC))
        assert [each.level for each in place.clock(pinned)] == [Level.WARN, Level.OK]

        def nothing(_name: str) -> None:
            raise place.ZoneInfoNotFoundError

        monkeypatch.setattr(place, "ZoneInfo", nothing)
        assert [each.level for each in place.clock(Settings())] == [Level.OK, Level.FAIL]
        monkeypatch.setattr(place, "ZoneInfo", lambda _: UTC)
        assert [each.level for each in place.clock(Settings())] == [Level.OK, Level.FAIL]


class TestRecords:
    """Keys, database, what waits."""

    async def test_all_is_well(self, home: Path) -> None:
        """On both kinds of database."""
        found = await examined(home)
        assert failing(found) == set()
        assert found["writing"][0] == "ok"
        asked = {"server", "connections", "clocks"} if homes.on_postgresql() else {"safety"}
        assert asked <= set(found)

    async def test_keys_that_cannot_be_used(self, home: Path) -> None:
        """Open to others, gone, or another database's."""
        path = home / "keys.json"
        path.chmod(0o644)
        assert {"keys", "keys and database"} == failing(await examined(home))
        path.chmod(0o600)
        private_files.replace(path, KeyRing.new().text())
        assert failing(await examined(home)) == {"keys and database"}
        path.unlink()
        found = await examined(home)
        assert failing(found) == {"keys and database"}
        assert (found["keys"][0], "is not there" in found["keys"][1]) == ("warn", True)
        named = await examined(home, hesbot_keys=str(path))
        assert failing(named) == {"keys", "keys and database"}

    async def test_a_database_of_another_revision(self, home: Path) -> None:
        """It is not brought up."""
        database = await homes.opened_in(home)
        async with database.begin() as conn:
            await conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        for _ in range(2):
            assert (await examined(home))["database"] == ("fail", "at revision 0001, not 0004")
        await database.close()

    @pytest.mark.sqlite("is about files")
    async def test_files_that_are_no_records(self, home: Path, tmp_path: Path) -> None:
        """Somebody else's are left as they are."""
        file = tmp_path / "other.sqlite3"
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE theirs (id)")
        connection.close()
        kept = file.read_bytes()
        assert (await examined(home, database_url=f"sqlite:///{file}"))["database"][0] == "fail"
        assert file.read_bytes() == kept
        file.write_bytes(b"")
        assert (await examined(home, database_url=f"sqlite:///{file}"))["database"][0] == "warn"

    @pytest.mark.sqlite("is about files")
    async def test_a_file_that_somebody_holds(self, home: Path) -> None:
        """It can be read and not be written."""
        connection = sqlite3.connect(home / "hesbot.sqlite3", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        assert failing(await examined(home)) == {"writing"}
        connection.close()

    @pytest.mark.sqlite("is about files")
    async def test_a_file_that_is_not_safe(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the disk allows no WAL."""

        async def mode(_conn: object) -> checkup.FileMode:
            return checkup.FileMode("delete", "FULL")

        monkeypatch.setattr(checkup, "file_mode", mode)
        assert failing(await examined(home)) == {"safety"}

    def test_a_server(self) -> None:
        """Its clock, and its connections."""
        levels = [_apart(seconds).level for seconds in (0.5, -5.0, 60.0)]
        assert levels == [Level.OK, Level.WARN, Level.FAIL]
        rooms = [_connections(*each).level for each in ((97, 10), (97, 95), (20, 1))]
        assert rooms == [Level.OK, Level.WARN, Level.WARN]

    async def test_an_old_server_that_is_another_times(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As it tells of itself."""
        if not homes.on_postgresql():
            pytest.skip("is about servers")
        asked = checkup.server

        async def server(conn: Any) -> checkup.Server:
            told = await asked(conn)
            return replace(told, number=110_000, now=told.now + timedelta(minutes=2))

        monkeypatch.setattr(checkup, "server", server)
        assert failing(await examined(home)) == {"server", "clocks"}

    async def test_what_waits_for_too_long(self, home: Path) -> None:
        """A suspension that does not get out, a notice that waits for the operator, and messages
        that nobody forgets."""
        now = wall()
        database = await homes.opened_in(home)
        await put(database, 0, "pending", now - timedelta(hours=1))
        await put(database, 1, "held", now)
        async with database.begin() as conn:
            message = {**row(tables.inbox, 0), "received_at": now - timedelta(days=9)}
            await conn.execute(insert(tables.inbox).values(message))
        await database.close()
        found = await examined(home)
        assert failing(found) == {"queue of telegram", "timetable"}
        assert found["held deliveries"] == ("warn", "1 wait for you")
        assert [_lateness("queue", 1, late).level for late in (5, 90, 900)] == [
            Level.OK,
            Level.WARN,
            Level.FAIL,
        ]


async def put(database: Database, number: int, state: str, at: datetime) -> None:
    """A suspension's notice, and all that it refers to."""
    async with database.begin() as conn:
        for table in (tables.citizens, tables.addresses, tables.cards, tables.links):
            await conn.execute(insert(table).values(row(table, number)))
        more = {
            "kind": "suspended",
            "channel": "telegram",
            "urgency": 0,
            "state": state,
            "broadcast_id": None,
            "due_at": at,
            "created_at": at,
            "rest_until": None,
            "expires_at": None,
        }
        await conn.execute(
            insert(tables.deliveries).values({**row(tables.deliveries, number), **more})
        )


class TestTelegram:
    """The Bot API, by a server that keeps what it is told."""

    @pytest.fixture
    async def api(self) -> AsyncIterator[BotApi]:
        async with BotApi() as api:
            yield api

    async def asked(self, api: BotApi, **settings: Any) -> Levels:
        given = {"telegram_bot_token": api.token, "telegram_api_base": api.base_url, **settings}
        return by_name(await outside.telegram(Settings(**given), wall))

    async def set_webhook(self, api: BotApi, url: str) -> None:
        await api._delivery._set_webhook({"url": url})

    async def test_a_bot_that_fetches(self, api: BotApi) -> None:
        """No webhook is wanted, and none is there."""
        found = await self.asked(api)
        assert {level for level, _ in found.values()} == {"ok"}
        assert set(found) == {"telegram", "webhook", "updates"}
        assert {call.method for call in api.log} == {"getMe", "getWebhookInfo"}

    async def test_the_token_is_refused(self, api: BotApi) -> None:
        """Nothing more is asked."""
        found = await self.asked(api, telegram_bot_token="123456789:" + "x" * 35)
        assert failing(found) == {"telegram"}
        assert len(found) == 1

    async def test_the_webhook_is_elsewhere(self, api: BotApi) -> None:
        """At another address, not there, or there though updates are to be fetched."""
        ours = {"public_url": PUBLIC_URL}
        assert failing(await self.asked(api, **ours)) == {"webhook"}
        await self.set_webhook(api, "https://old.example.com/telegram")
        assert failing(await self.asked(api, **ours)) == {"webhook"}
        assert failing(await self.asked(api)) == {"webhook"}
        await self.set_webhook(api, f"{PUBLIC_URL}/telegram")
        assert failing(await self.asked(api, **ours)) == set()

    async def test_updates_that_wait_and_errors(self) -> None:
        """Telegram tells how our webhook does."""
        now = wall().timestamp()
        told = {"url": "", "pending_update_count": 5000, "last_error_date": now - 60}
        found = by_name(list(outside._webhook(None, told, now)))
        assert {name: level for name, (level, _) in found.items()} == {
            "webhook": "ok",
            "updates": "warn",
            "webhook errors": "warn",
        }

    async def test_a_server_in_trouble(self, api: BotApi) -> None:
        """Its status says so."""
        api.script("getMe", [Answer(502)])
        assert failing(await self.asked(api)) == {"telegram"}
        api.script("getWebhookInfo", [Answer(502)])
        found = await self.asked(api)
        assert (found["telegram"][0], found["webhook"][0]) == ("ok", "warn")


class TestTwilio:
    """Twilio's account and templates."""

    @pytest.fixture
    async def api(self) -> AsyncIterator[TwilioApi]:
        async with TwilioApi() as api:
            yield api

    async def asked(self, api: TwilioApi, **settings: Any) -> Levels:
        given = {
            "twilio_account_sid": api.account_sid,
            "twilio_auth_token": api.auth_token,
            "twilio_api_base": api.base_url,
            **settings,
        }
        return by_name(await outside.whatsapp(Settings(**given)))

    async def test_templates_on_their_way(self, home: Path, api: TwilioApi) -> None:
        """Not made, made and not approved, approved."""
        found = await self.asked(api)
        assert found["twilio"][0] == "ok"
        assert found["templates"] == ("warn", f"{len(NOTICES)} of {len(NOTICES)} are not made")
        kept = len(api.content.kept)
        assert kept == 0
        account = {
            "TWILIO_ACCOUNT_SID": api.account_sid,
            "TWILIO_AUTH_TOKEN": api.auth_token,
            "TWILIO_API_BASE": api.base_url,
        }
        assert (await commanded(home, "whatsapp", "setup", **account)).exit_code == 0
        level, words = (await self.asked(api))["templates"]
        assert level == "warn"
        assert "are not approved" in words
        api.content.review("approved")
        assert (await self.asked(api))["templates"][0] == "ok"

    async def test_an_account_that_is_refused_or_suspended(self, api: TwilioApi) -> None:
        """Twilio says which."""
        found = await self.asked(api, twilio_auth_token="hunter2")
        assert found == {"twilio": ("fail", "it refuses: HTTP 401")}
        api.account_status = "suspended"
        found = await self.asked(api)
        assert found["twilio"] == ("fail", "the account is suspended")


class TestHesService:
    """The Ministry's service; no code is asked about."""

    async def test_whether_it_answers(self) -> None:
        """It does, whatever it says to a question without a code."""
        async with HesService() as service:
            settings = Settings(hes_service_url=service.base_url, hes_service_user="ibb")
            assert (await outside.hes_service(settings)).level is Level.OK
            assert service.log == []
        assert (await outside.hes_service(settings)).level is Level.FAIL

    @pytest.mark.parametrize(("status", "level"), [(401, Level.FAIL), (503, Level.WARN)])
    async def test_what_it_refuses(self, status: int, level: Level) -> None:
        """An account, or everybody."""
        from starlette.applications import Starlette
        from starlette.responses import Response
        from starlette.routing import Route

        from tests.fakes.serving import serve

        def refuse(_request: object) -> Response:
            return Response(status_code=status)

        async with serve(Starlette(routes=[Route("/check-hes-code", refuse)])) as base:
            assert (await outside.hes_service(Settings(hes_service_url=base))).level is level
