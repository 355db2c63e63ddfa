"""``hesbot staff`` and ``hesbot audit`` as whoever runs the machine meets them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pyotp
import pytest

from bot.clock import wall
from bot.commands import audit as audit_command
from bot.records import open_records
from bot.staff.acting import Declined, acting
from bot.staff.doors import Doors, Refused
from bot.staff.secrets import Passwords
from conversations.broadcasts import Role
from storage.audit import Flaw
from tests import homes
from tests.bot.commanding import commanded, files, refused, told
from tests.bot.staff.conftest import CHEAP


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little."""
    monkeypatch.setattr("bot.staff_tasks.Passwords", lambda: Passwords(CHEAP))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def add(home: Path, name: str, role: str = "author", *more: str) -> dict[str, Any]:
    made: dict[str, Any] = await told(home, "staff", "add", name, "--role", role, *more)
    return made


async def enter(home: Path, keys: dict[str, Any]) -> str:
    """Sign in with what the command printed."""
    async with open_records(homes.settings_in(home)) as records:
        doors = Doors(records.database, records.staff, records.audit, Passwords(CHEAP), wall)
        code = pyotp.TOTP(keys["totp_secret"]).now()
        return await doors.enter(keys["name"], keys["password"], code)


async def audited(home: Path, *more: str) -> list[tuple[str, str, str]]:
    rows = await told(home, "audit", "list", *more)
    return [(each["who"], each["act"], each["subject"]) for each in rows]


class TestStaff:
    """People come, change and leave."""

    async def test_the_first_one_signs_in_with_what_was_printed(self, home: Path) -> None:
        """The records and keys are made for it."""
        keys = await add(home, "Ayşe Yılmaz", "operator")
        assert list(keys) == ["name", "role", "password", "totp_secret", "totp_uri"]
        assert (keys["name"], keys["role"]) == ("Ayşe Yılmaz", "operator")
        assert keys["totp_secret"] in keys["totp_uri"]
        assert await enter(home, keys)

    async def test_for_a_person_there_is_a_picture(self, home: Path) -> None:
        """And the same words."""
        done = await commanded(home, "staff", "add", "Ayşe", "--role", "author")
        assert (done.exit_code, done.stderr) == (0, "")
        names = [line.partition(": ")[0] for line in done.stdout.splitlines()[:5]]
        assert names == ["name", "role", "password", "totp_secret", "totp_uri"]
        assert "▄▄▄▄▄" in done.stdout

    async def test_what_was_printed_is_printed_no_more(self, home: Path) -> None:
        """Nor does it lie in the files."""
        keys = await add(home, "Ayşe")
        listed = json.dumps(await told(home, "staff", "list"))
        kept = b"".join(files(home).values())
        for secret in (keys["password"], keys["totp_secret"]):
            assert secret not in listed
            assert secret.encode() not in kept

    async def test_each_act_is_in_the_audit_with_who_did_it(self, home: Path) -> None:
        """The command itself where nobody is named."""
        await add(home, "Ayşe", "operator")
        await add(home, "Bora", "author", "--by", "AYSE")
        by = ("--by", "ayşe")
        assert await told(home, "staff", "role", "bora", "approver", *by) == {
            "name": "Bora",
            "role": "approver",
        }
        await told(home, "staff", "reset", "bora", *by)
        await told(home, "staff", "link", "bora")
        await told(home, "staff", "leave", "bora", "--yes", *by)
        assert await audited(home) == [
            ("Ayşe", "staff_leave", "staff:2"),
            ("hesbot", "staff_link_code", "staff:2"),
            ("Ayşe", "staff_reset", "staff:2"),
            ("Ayşe", "staff_role", "staff:2"),
            ("Ayşe", "staff_add", "staff:2"),
            ("hesbot", "staff_add", "staff:1"),
        ]
        assert (await told(home, "audit", "verify"))["holds"]

    async def test_new_keys_replace_the_old_ones(self, home: Path) -> None:
        """Whoever holds the old ones stays outside."""
        old = await add(home, "Ayşe")
        new = await told(home, "staff", "reset", "ayse")
        with pytest.raises(Refused):
            await enter(home, old)
        assert await enter(home, new)

    @pytest.mark.sqlite("a home without its file is a new one, and a server never is")
    async def test_the_list_shows_who_is_here_and_who_was(self, home: Path) -> None:
        """In the order in which they came."""
        assert await told(home, "staff", "list") == []
        assert not files(home)
        await add(home, "Ayşe")
        await add(home, "Bora", "auditor")
        await told(home, "staff", "leave", "Ayşe", "--yes")
        ayse, bora = await told(home, "staff", "list")
        assert (ayse["name"], ayse["role"], ayse["left_at"] is None) == ("Ayşe", "author", False)
        assert (bora["name"], bora["left_at"], bora["linked"]) == ("Bora", None, False)
        first, second = (await commanded(home, "staff", "list")).stdout.splitlines()
        assert "Ayşe  author  since" in first
        assert "left" in first
        assert "Bora  auditor  since" in second

    async def test_a_code_for_the_messenger_is_kept_as_a_hash(self, home: Path) -> None:
        """What is printed is what is said to the bot."""
        await add(home, "Ayşe")
        done = await commanded(home, "staff", "link", "Ayşe")
        code = done.stdout.split()[-1]
        assert f"/duyuru {code}" in done.stdout
        assert code.encode() not in b"".join(files(home).values())
        assert (await told(home, "staff", "link", "Ayşe"))["code"] != code


class TestRefusals:
    """One clear line, and nothing has changed."""

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (("add", "Bora", "--role", "boss"), "a role is author, approver, operator or auditor"),
            (("add", "AYSE", "--role", "author"), "the name AYSE is taken, or was once; choose"),
            (("add", "hesbot", "--role", "author"), "the name hesbot stands for the command"),
            (("add", " ", "--role", "author"), "a name has up to 40 letters"),
            (("add", "a" * 41, "--role", "author"), "a name has up to 40 letters"),
            (("add", "<b>", "--role", "author"), "a name has up to 40 letters"),
            (("add", "2021", "--role", "author"), "a name has up to 40 letters"),
            (("add", "Cem", "--role", "author", "--by", "Bora"), "--by: nobody here is called Bor"),
            (("add", "Cem", "--role", "author", "--by", "ayse"), "--by: Ayşe is author, not oper"),
            (("role", "Ayşe", "boss"), "a role is author"),
            (("role", "Bora", "author"), "nobody here is called Bora"),
            (("reset", "Bora"), "nobody here is called Bora"),
            (("leave", "Bora", "--yes"), "nobody here is called Bora"),
            (("leave", "Ayşe"), "this cannot be taken back; to do it, add --yes"),
            (("link", "Bora\n"), "nobody here is called Bora"),
        ],
    )
    async def test_what_cannot_be_done(self, home: Path, words: tuple[str, ...], line: str) -> None:
        """Each of them leaves the staff and the audit as they were."""
        await add(home, "Ayşe")
        before = await told(home, "staff", "list"), await audited(home)
        assert line in await refused(home, "staff", *words)
        assert (await told(home, "staff", "list"), await audited(home)) == before

    @pytest.mark.parametrize(
        "words",
        [
            ("staff", "add", "Ayşe", "--role", "boss"),
            ("staff", "add", "<>", "--role", "author"),
            ("staff", "add", "Ayşe", "--role", "author", "--by", "Bora"),
            ("staff", "role", "Ayşe", "author"),
            ("staff", "reset", "Ayşe"),
            ("staff", "leave", "Ayşe", "--yes"),
            ("staff", "link", "Ayşe"),
            ("audit", "verify"),
            ("audit", "list"),
        ],
    )
    @pytest.mark.sqlite("a home without its file is a new one, and a server never is")
    async def test_nothing_is_made_for_nothing(self, home: Path, words: tuple[str, ...]) -> None:
        """No empty records, no keys."""
        await refused(home, *words)
        assert not files(home)

    async def test_the_name_is_free_once_there_was_a_refusal(self, home: Path) -> None:
        """The refused act left nothing behind."""
        await add(home, "Ayşe")
        await refused(home, "staff", "add", "Bora", "--role", "author", "--by", "Ayşe")
        assert (await add(home, "Bora"))["name"] == "Bora"

    async def test_whoever_acts_has_a_role_for_it(self, home: Path) -> None:
        """Other commands ask the same way."""
        await add(home, "Ayşe")
        async with (
            open_records(homes.settings_in(home)) as records,
            records.database.read() as conn,
        ):
            roles = {Role.AUTHOR, Role.APPROVER}
            assert (await acting(conn, records.staff, "AYŞE", roles)).name == "Ayşe"
            with pytest.raises(Declined, match=r"^--by: Ayşe is author, not approver or oper"):
                await acting(conn, records.staff, "Ayşe", {Role.OPERATOR, Role.APPROVER})


def tamper(home: Path, statement: str) -> None:
    with sqlite3.connect(home / "hesbot.sqlite3") as connection:
        connection.execute(statement)
    connection.close()


class TestAudit:
    """Whether anybody was at the records."""

    @pytest.mark.sqlite("writes to the file")
    async def test_a_head_is_noted_and_asked_for_later(self, home: Path) -> None:
        """Rows cut off the end are missed only so."""
        await add(home, "Ayşe")
        await add(home, "Bora")
        done = await commanded(home, "audit", "verify")
        assert done.stdout.startswith("the chain holds, 2 rows\nhead: 2:")
        head = done.stdout.split()[-1]
        await add(home, "Cem")
        held = await told(home, "audit", "verify", "--expect", head)
        assert (held["holds"], held["rows"], held["broken"]) == (True, 3, None)
        await asyncio.to_thread(tamper, home, "DELETE FROM audit WHERE id > 1")
        assert (await commanded(home, "audit", "verify")).exit_code == 0
        done = await commanded(home, "audit", "verify", "--expect", head)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("hesbot: row 2 is missing; the chain holds up to 1:")

    @pytest.mark.sqlite("writes to the file")
    async def test_the_first_bad_row_is_named(self, home: Path) -> None:
        """For a person and for a machine."""
        for name in ("Ayşe", "Bora", "Cem"):
            await add(home, name)
        await asyncio.to_thread(tamper, home, "UPDATE audit SET who = 'Cem' WHERE id > 1")
        done = await commanded(home, "audit", "verify")
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("hesbot: row 2 is not as it was written; the chain holds")
        done = await commanded(home, "audit", "verify", "--json")
        found = json.loads(done.stdout)
        assert (done.exit_code, done.stderr) == (1, "")
        assert (found["holds"], found["rows"]) == (False, 1)
        assert found["broken"] == {"id": 2, "flaw": "changed"}

    def test_every_flaw_has_its_words(self) -> None:
        """Whatever is found can be said."""
        assert audit_command.WORDS.keys() == set(Flaw)

    async def test_the_list_is_asked_for_what_is_wanted(self, home: Path) -> None:
        """By whom, in any spelling; about what; how many; from where."""
        await add(home, "Ayşe", "operator")
        await add(home, "Bora", "author", "--by", "Ayşe")
        await told(home, "staff", "reset", "Bora")
        assert await audited(home, "--who", "AYŞE") == [("Ayşe", "staff_add", "staff:2")]
        assert len(await audited(home, "--subject", "staff:2")) == 2
        assert await audited(home, "--limit", "1") == [("hesbot", "staff_reset", "staff:2")]
        assert await audited(home, "--before", "2") == [("hesbot", "staff_add", "staff:1")]
        lines = (await commanded(home, "audit", "list")).stdout.splitlines()
        assert lines[1].endswith('Ayşe  staff_add  staff:2  {"role": "author"}')

    @pytest.mark.parametrize(
        "words", [("verify", "--expect", "2"), ("list", "--limit", "0"), ("list", "--limit", "-1")]
    )
    async def test_what_cannot_be_asked(self, home: Path, words: tuple[str, ...]) -> None:
        """One line."""
        await add(home, "Ayşe")
        await refused(home, "audit", *words)
