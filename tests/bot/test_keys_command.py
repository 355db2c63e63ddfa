"""``hesbot keys`` as its operator meets it."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bot.clock import wall
from conversations.events import Address
from storage import Conversations, Kept, KeyRing, Vault, admit, private_files, tables
from storage.key_notes import note
from tests import homes
from tests.bot.commanding import commanded, files, refused, told
from tests.bot.staff.conftest import CHEAP
from tests.faults.born import Wish, start
from tests.faults.processes import served, surroundings

AT_ONCE = ("--wait", "0")
AYSE = Address("telegram", "1001")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def talk(home: Path, messages: int = 3, **settings: str) -> None:
    """Records that hold something sealed."""
    if not settings and not (home / "keys.json").exists():
        assert (await commanded(home, "keys", "new")).exit_code == 0
    text = settings.get("HESBOT_KEYS") or (home / "keys.json").read_text()
    vault, database = Vault(KeyRing.parse(text)), await homes.opened_in(home)
    await admit(database, vault)
    said = [Kept(AYSE, f"m{each}", b"answer") for each in range(messages)]
    async with database.begin() as conn:
        await Conversations(vault).keep(conn, {AYSE: b"half an answer"}, said, wall())
    await database.close()


async def by_key(home: Path) -> dict[int, int]:
    """How many answers of the inbox are sealed with which key."""
    database = await homes.opened_in(home)
    async with database.read() as conn:
        found = [each.answer for each in await conn.execute(select(tables.inbox.c.answer))]
    await database.close()
    numbers = [int.from_bytes(sealed[1:3], "big") for sealed in found]
    return {each: numbers.count(each) for each in set(numbers)}


def ring_in(home: Path) -> KeyRing:
    return KeyRing.load(home / "keys.json")


class TestNew:
    """Keys are made once."""

    async def test_the_file_is_made_for_its_owner_only(self, home: Path) -> None:
        """And never made anew."""
        done = await commanded(home, "keys", "new")
        path = home / "keys.json"
        assert (done.exit_code, done.stderr) == (0, "")
        assert str(path) in done.stdout
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        made = files(home)
        assert "is there already" in await refused(home, "keys", "new")
        assert files(home) == made

    async def test_the_file_is_where_the_setting_says(self, home: Path, tmp_path: Path) -> None:
        """That is where it is looked for."""
        named = tmp_path / "etc" / "ring.json"
        line = await refused(
            home, "staff", "add", "Ece", "--role", "operator", HESBOT_KEYS=str(named)
        )
        assert "hesbot keys new" in line
        assert (await commanded(home, "keys", "new", HESBOT_KEYS=str(named))).exit_code == 0
        assert KeyRing.load(named).current == 1
        assert not files(home)

    async def test_a_ring_can_be_printed(self, home: Path) -> None:
        """Then nothing is written."""
        done = await commanded(home, "keys", "new", "--print")
        assert KeyRing.parse(done.stdout).current == 1
        assert not files(home)

    async def test_where_the_ring_is_given_no_file_is_made(self, home: Path) -> None:
        """Nobody would read it."""
        text = KeyRing.new().text()
        assert "--print" in await refused(home, "keys", "new", HESBOT_KEYS=text)
        assert "--print" in await refused(home, "keys", "new", HESBOT_KEYS_COMMAND="vault read")
        both = {"HESBOT_KEYS": text, "HESBOT_KEYS_COMMAND": "vault read"}
        assert "only one of the two" in await refused(home, "keys", "new", **both)
        assert not files(home)


class TestRotate:
    """One command where the file is ours."""

    async def test_everything_is_under_the_new_key(self, home: Path) -> None:
        """And nobody starts with the old one, which is gone."""
        await talk(home)
        old = (home / "keys.json").read_text()
        done = await told(home, "keys", "rotate", *AT_ONCE)
        assert (done["key"], done["retired"]) == (2, [1])
        # The row of the audit that says so was sealed with the new key.
        assert (done["values"], done["resealed"]) == (5, 4)
        assert await by_key(home) == {2: 3}
        assert set(ring_in(home).sealing) == {2}
        assert ring_in(home).indexing == KeyRing.parse(old).indexing
        assert stat.S_IMODE((home / "keys.json").stat().st_mode) == 0o600
        line = await refused(home, "keys", "rotate", "--print", HESBOT_KEYS=old)
        assert "this database is sealed with key 2" in line

    async def test_it_is_in_the_audit_by_whom(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only an operator may; the chain holds."""
        from bot.staff.secrets import Passwords

        monkeypatch.setattr("bot.staff_tasks.Passwords", lambda: Passwords(CHEAP))
        await told(home, "staff", "add", "Ece", "--role", "operator")
        await told(home, "staff", "add", "Umut", "--role", "author")
        kept = (home / "keys.json").read_bytes()
        assert "not operator" in await refused(home, "keys", "rotate", "--by", "umut", *AT_ONCE)
        assert (home / "keys.json").read_bytes() == kept
        await told(home, "keys", "rotate", "--by", "ece", *AT_ONCE)
        rows = await told(home, "audit", "list", "--subject", "keys:2")
        found = [(each["who"], each["act"], each["detail"]) for each in rows]
        detail = {"newest": 2, "older": [1]}
        assert found == [("Ece", "keys_retire", detail), ("Ece", "keys_rotate", detail)]
        assert (await told(home, "audit", "verify"))["holds"]

    async def test_what_does_not_open_keeps_the_old_key(self, home: Path) -> None:
        """Until somebody gives it up; the same command goes on, with the same key."""
        await talk(home)
        database = await homes.opened_in(home)
        async with database.begin() as conn:
            await conn.execute(update(tables.conversations).values(state=bytes(64)))
        await database.close()
        done = await commanded(home, "keys", "rotate", *AT_ONCE)
        assert done.exit_code == 2
        assert "1 values do not open (conversations.state: 1)" in done.stderr
        assert set(ring_in(home).sealing) == {1, 2}
        assert (await told(home, "keys", "rotate", "--give-up", "1", *AT_ONCE))["key"] == 2
        assert set(ring_in(home).sealing) == {2}

    async def test_one_at_a_time(self, home: Path) -> None:
        """The second changes nothing."""
        await talk(home)
        kept = (home / "keys.json").read_bytes()
        with private_files.in_hand(home / "keys.json"):
            assert "another process" in await refused(home, "keys", "rotate", *AT_ONCE)
        assert (home / "keys.json").read_bytes() == kept

    @pytest.mark.parametrize("step", ["noted", "struck"])
    async def test_it_goes_on_from_any_step(self, home: Path, step: str) -> None:
        """No third key is made while two are there."""
        await talk(home)
        ring = ring_in(home).with_another()
        private_files.replace(home / "keys.json", ring.text())
        if step == "noted":
            database = await homes.opened_in(home)
            async with database.begin() as conn:
                await note(conn, ring, [2])
            await database.close()
        else:
            await told(home, "keys", "rotate", *AT_ONCE)
            private_files.replace(home / "keys.json", ring.text())
        done = await told(home, "keys", "rotate", *AT_ONCE)
        assert done["key"] == 2
        assert await by_key(home) == {2: 3}
        assert set(ring_in(home).sealing) == {2}

    async def test_a_kill_in_the_middle_loses_nothing(self, home: Path) -> None:
        """The same command goes on, and passes over what is done."""
        await talk(home, messages=6000)
        words = ("keys", "rotate", *AT_ONCE)
        process = await start(Wish(words, surroundings(home)), DEVNULL, DEVNULL, DEVNULL)
        async with asyncio.timeout(60):
            while len(found := await by_key(home)) < 2:
                assert process.returncode is None
        process.kill()
        await process.wait()
        found = await by_key(home)
        assert found[1] + found[2] == 6000
        assert found[1] > 0
        assert set(ring_in(home).sealing) == {1, 2}
        done = await told(home, *words)
        assert (done["key"], done["retired"], await by_key(home)) == (2, [1], {2: 6000})
        assert done["resealed"] <= found[1] + 2

    async def test_who_runs_meanwhile_goes_on(self, home: Path) -> None:
        """A served page answers before, in between and afterwards, and seals with the new key."""
        async with served(home) as server:
            visitor, answers = "visitor-with-a-token-0001", 0

            async def chat() -> None:
                nonlocal answers
                while True:
                    assert await server.say(visitor, f"message-number-{answers:04d}", "merhaba")
                    answers += 1
                    # As fast as one address may write for long.
                    await asyncio.sleep(0.1)

            chatting = asyncio.create_task(chat())
            # The process looks every two seconds.
            done = await commanded(home, "keys", "rotate", "--wait", "3", "--json")
            during = answers
            while answers < during + 3 and not chatting.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            chatting.cancel()
            (outcome,) = await asyncio.gather(chatting, return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError), outcome
        assert json.loads(done.stdout)["key"] == 2
        assert "waiting 3 seconds" in done.stderr
        assert during > 0
        found = await by_key(home)
        assert set(found) == {2}
        assert found[2] >= answers


class TestSteps:
    """Where an operator puts the ring in its place."""

    async def step(self, home: Path, *words: str, **settings: str) -> tuple[str, str]:
        """What a step prints, and the one line of advice."""
        done = await commanded(home, "keys", "rotate", *words, *AT_ONCE, **settings)
        assert done.exit_code == 0, done.stderr
        return done.stdout, done.stderr

    async def test_three_steps_with_the_ring_in_the_environment(self, home: Path) -> None:
        """Each says what comes next; each does nothing before its turn."""
        one = KeyRing.new().text()
        await talk(home, HESBOT_KEYS=one)
        for early in ("--reseal", "--retire"):
            line = await refused(home, "keys", "rotate", early, *AT_ONCE, HESBOT_KEYS=one)
            assert "begin with --print" in line
        two, advice = await self.step(home, HESBOT_KEYS=one)
        assert "--reseal" in advice
        assert await by_key(home) == {1: 3}
        line = await refused(home, "keys", "rotate", "--retire", HESBOT_KEYS=two)
        assert "--reseal comes first" in line
        line = await refused(home, "keys", "rotate", HESBOT_KEYS=two)
        assert "go on with --reseal" in line
        sealed, _ = await self.step(home, "--reseal", HESBOT_KEYS=two)
        assert "4 of them anew" in sealed
        assert "--retire" in sealed
        assert await by_key(home) == {2: 3}
        # Who has not the new ring is refused from the moment it is in force.
        assert "sealed with key 1 and key 2" in await refused(
            home, "keys", "rotate", HESBOT_KEYS=one
        )
        three, _ = await self.step(home, "--retire", HESBOT_KEYS=two)
        assert set(KeyRing.parse(three).sealing) == {2}
        assert (await told(home, "audit", "verify", HESBOT_KEYS=three))["holds"]
        assert "sealed with key 2" in await refused(home, "audit", "list", HESBOT_KEYS=one)

    async def test_a_key_that_somebody_seals_with_is_not_retired(self, home: Path) -> None:
        """It is found out, mended and said."""
        one = KeyRing.new()
        await talk(home, HESBOT_KEYS=one.text())
        two = one.with_another().text()
        await self.step(home, "--reseal", HESBOT_KEYS=two)
        database = await homes.opened_in(home)
        async with database.begin() as conn:
            await Conversations(Vault(one)).keep(conn, {AYSE: b"late"}, [], wall())
        await database.close()
        line = await refused(home, "keys", "rotate", "--retire", HESBOT_KEYS=two)
        assert "somebody seals with one" in line
        await self.step(home, "--retire", HESBOT_KEYS=two)

    async def test_a_ring_from_a_command(self, home: Path, tmp_path: Path) -> None:
        """It is asked at every start; what it prints is in no error."""
        kept = tmp_path / "kept.json"
        kept.write_text(KeyRing.new().text())
        script = f"print(open({str(kept)!r}).read())"
        setting = {"HESBOT_KEYS_COMMAND": f'{sys.executable} -c "{script}"'}
        await talk(home, HESBOT_KEYS=kept.read_text())
        for words in ((), ("--reseal",), ("--retire",)):
            printed, _ = await self.step(home, *words, **setting)
            if printed.startswith("{"):
                kept.write_text(printed)
        assert set(KeyRing.parse(kept.read_text()).sealing) == {2}
        assert await by_key(home) == {2: 3}
        kept.write_text("c2hvcnQ")
        line = await refused(home, "audit", "list", **setting)
        assert line.startswith("hesbot: HESBOT_KEYS_COMMAND: ")
        assert "c2hvcnQ" not in line

    async def test_a_file_that_cannot_be_written_is_one_line(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As where it is mounted from elsewhere; nothing was changed."""
        await talk(home)

        def busy(*_: object) -> None:
            raise OSError(16, "Device or resource busy")

        monkeypatch.setattr(private_files, "replace", busy)
        line = await refused(home, "keys", "rotate", *AT_ONCE)
        assert "--print" in line
        assert await by_key(home) == {1: 3}

    async def test_one_step_at_a_time(self, home: Path) -> None:
        """What is meant is not guessed."""
        assert "one after the other" in await refused(home, "keys", "rotate", "--print", "--retire")


class TestLost:
    """The key file is gone."""

    async def test_what_is_lost_is_said_and_nothing_is_changed(self, home: Path) -> None:
        """No new keys begin a second register inside the first."""
        await talk(home)
        kept = (home / "keys.json").read_text()
        (home / "keys.json").unlink()
        before = set(files(home))
        for words in (("run",), ("audit", "list"), ("keys", "rotate")):
            line = await refused(home, *words, PORT="0")
            assert "keys.json is not there" in line
            assert "names, numbers and codes on record cannot be read by anyone" in line
            assert "put a copy of the key file back" in line
            assert set(files(home)) == before
        (home / "keys.json").write_text(kept)
        (home / "keys.json").chmod(0o600)
        assert await told(home, "audit", "list") == []

    async def test_a_named_file_that_is_gone(self, home: Path, tmp_path: Path) -> None:
        """The same, wherever it was."""
        named = tmp_path / "ring.json"
        named.write_text(KeyRing.new().text())
        await talk(home, HESBOT_KEYS=named.read_text())
        named.unlink()
        line = await refused(home, "audit", "list", HESBOT_KEYS=str(named))
        assert f"{named} is not there" in line
        assert "cannot be read by anyone" in line

    async def test_another_ring_is_refused(self, home: Path) -> None:
        """It opens nothing here."""
        await talk(home)
        line = await refused(home, "audit", "list", HESBOT_KEYS=KeyRing.new().text())
        assert "sealed with other keys" in line
