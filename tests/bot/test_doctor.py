"""``hesbot doctor`` finds what is wrong, one thing at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bot.commanding import commanded, files
from tests.fakes.telegram import BotApi
from tests.faults.processes import hesbot


async def findings(home: Path, **settings: str) -> tuple[dict[str, Any], int]:
    """What is found, by name, and the exit status."""
    done = await commanded(home, "doctor", "--json", **settings)
    found = json.loads(done.stdout)
    return {each["name"]: each for each in found}, done.exit_code


async def test_a_new_home_is_well_and_stays_empty(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    home = tmp_path / "home"
    found, status = await findings(home)
    assert (status, {each["verdict"] for each in found.values()} - {"warn"}) == (0, {"ok"})
    assert not home.exists()


async def test_records_in_order_are_well_and_stay_as_they_are(tmp_path: Path) -> None:
    """The files are the same afterwards."""
    await hesbot(tmp_path, "chat", lines="merhaba\nkabul ediyorum\n")
    found, status = await findings(tmp_path)
    assert status == 0
    assert found["records"]["found"].startswith("SQLite 3")
    assert found["keys"]["verdict"] == "ok"


async def test_lost_and_wrong_keys_fail(tmp_path: Path) -> None:
    """With what to do about it."""
    await hesbot(tmp_path, "chat", lines="merhaba\nkabul ediyorum\n")
    ring = tmp_path / "keys.json"
    kept = ring.read_bytes()
    ring.unlink()
    found, status = await findings(tmp_path)
    assert (status, found["keys"]["verdict"]) == (1, "fail")
    assert "copy back" in found["keys"]["do"]
    other = tmp_path / "other"
    await hesbot(other, "chat", lines="merhaba\nkabul ediyorum\n")
    ring.write_bytes((other / "keys.json").read_bytes())
    ring.chmod(0o600)
    found, status = await findings(tmp_path)
    assert (status, found["keys of records"]["verdict"]) == (1, "fail")
    ring.write_bytes(kept)
    ring.chmod(0o644)
    found, status = await findings(tmp_path)
    assert (status, found["keys"]["verdict"]) == (1, "fail")
    assert files(tmp_path)


async def test_a_database_that_is_not_there_fails(tmp_path: Path) -> None:
    """Without its password in the words."""
    url = "postgresql://hesbot:geheim@127.0.0.1:9/hesbot"
    done = await commanded(tmp_path, "doctor", DATABASE_URL=url)
    assert done.exit_code == 1
    assert "geheim" not in done.output
    assert "fail  records" in done.stdout


async def test_telegram_is_asked(tmp_path: Path) -> None:
    """A token that is refused, a webhook that leads elsewhere, and all in order."""
    async with BotApi() as api:
        given = {"TELEGRAM_API_BASE": api.base_url, "TELEGRAM_BOT_TOKEN": api.token}
        found, status = await findings(tmp_path, **given)
        assert (status, found["telegram"]["verdict"]) == (0, "ok")
        other = {**given, "TELEGRAM_BOT_TOKEN": f"1:{'x' * 35}"}
        found, status = await findings(tmp_path, **other)
        assert (status, found["telegram"]["verdict"]) == (1, "fail")
        found, _ = await findings(tmp_path, **given, PUBLIC_URL="https://bot.example.com")
        assert found["telegram"]["verdict"] == "warn"
    found, status = await findings(tmp_path, **given)
    assert (status, found["telegram"]["found"]) == (1, "cannot be reached")


async def test_what_does_not_go_together_is_told(tmp_path: Path) -> None:
    """Each setting is right by itself."""
    found, status = await findings(
        tmp_path, TWILIO_AUTH_TOKEN="x" * 32, HESBOT_NOW="2021-01-08T12:00+03:00"
    )
    assert status == 0
    assert {"public url", "whatsapp", "whatsapp policy"} <= found.keys()
    assert found["clock"]["verdict"] == "warn"
