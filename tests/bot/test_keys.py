"""Where the keys come from."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bot.keys import GivenRing, KeyCommand, KeyFile, key_source
from bot.settings import Settings, SettingsError, read_settings
from storage import KeyRing, UnusableKeys

RING = KeyRing.new()


def command(script: str, lasts: float = 10.0) -> KeyCommand:
    return KeyCommand((sys.executable, "-c", script), lasts)


def refused(source: KeyCommand) -> str:
    """Why the command gives no ring."""
    with pytest.raises(UnusableKeys) as refusal:
        source.read()
    assert refusal.value.__cause__ is None
    line = str(refusal.value)
    assert line.startswith("HESBOT_KEYS_COMMAND: ")
    return line


def test_a_file_the_ring_itself_or_a_command(tmp_path: Path) -> None:
    """By what is set; without anything, the file in the home."""
    home = tmp_path / "home"
    assert key_source(Settings(hesbot_home=home)) == KeyFile(home / "keys.json", named=False)
    named = Settings(hesbot_home=home, hesbot_keys="/etc/keys.json")
    assert key_source(named) == KeyFile(Path("/etc/keys.json"), named=True)
    assert key_source(Settings(hesbot_keys=RING.text())) == GivenRing(RING)
    told = Settings(hesbot_keys_command="vault read 'my keys'")
    assert key_source(told) == KeyCommand(("vault", "read", "my keys"))


def test_what_a_command_prints_is_the_ring() -> None:
    """Each time anew."""
    assert command(f"print({RING.text()!r})").read() == RING


def test_a_command_is_no_shell(tmp_path: Path) -> None:
    """Its signs mean nothing."""
    source = key_source(Settings(hesbot_keys_command=f"echo x > {tmp_path / 'made'}"))
    assert isinstance(source, KeyCommand)
    assert "not in the form" in refused(source)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("print('c2hvcnQ'); raise SystemExit(3)", "ended with status 3"),
        ("print('c2hvcnQ')", "not in the form"),
        ("import sys; sys.stdout.buffer.write(bytes([255]))", "not in the form"),
        ("print('[' * 100_000)", "not in the form"),
    ],
)
def test_what_goes_wrong_is_said_without_what_was_printed(script: str, why: str) -> None:
    """It may be a half of the keys."""
    line = refused(command(script))
    assert why in line
    assert "c2hvcnQ" not in line


def test_a_command_that_is_not_there_is_one_line() -> None:
    """Its words are not printed: they may hold a password."""
    line = refused(KeyCommand(("/nowhere/hunter2",)))
    assert "cannot be started" in line
    assert "hunter2" not in line


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """A grandchild that holds the pipe keeps nobody waiting."""
    script = (
        "import os, time\n"
        "os.fork()\n"
        f"open({str(tmp_path)!r} + '/' + str(os.getpid()), 'w').close()\n"
        "time.sleep(60)"
    )
    began = time.monotonic()
    assert "took longer than 1 seconds" in refused(command(script, lasts=1.0))
    assert time.monotonic() - began < 20
    while any(_lives(each.name) for each in tmp_path.iterdir()):
        assert time.monotonic() - began < 20
        time.sleep(0.01)


def _lives(process: str) -> bool:
    """A zombie that nobody has waited for yet is dead all the same."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize("words", ["   ", "vault 'read"])
def test_what_is_no_command_is_refused(words: str) -> None:
    """Before anything is started."""
    with pytest.raises(SettingsError, match="HESBOT_KEYS_COMMAND"):
        key_source(Settings(hesbot_keys_command=words))


def test_only_one_of_the_two_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to guess which one counts."""
    for name in [each for each in os.environ if each.lower() in Settings.model_fields]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HESBOT_KEYS", "/etc/keys.json")
    assert read_settings().hesbot_keys_command is None
    monkeypatch.setenv("HESBOT_KEYS_COMMAND", "vault read")
    with pytest.raises(SettingsError, match="HESBOT_KEYS, HESBOT_KEYS_COMMAND: only one"):
        read_settings()
