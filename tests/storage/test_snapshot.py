"""The room for a copy: held while its process lives, and cleared away after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from storage.snapshot import room

HOLDER = """
import sys, time
from pathlib import Path
from storage.snapshot import room
with room(Path(sys.argv[1])) as place:
    (place / "copy").write_text("sealed")
    print(place, flush=True)
    time.sleep(60)
"""


def test_a_room_is_gone_afterwards(tmp_path: Path) -> None:
    with room(tmp_path) as place:
        (place / "copy").write_text("sealed")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_and_a_living_ones_is_not(tmp_path: Path) -> None:
    """Whoever comes next does it."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        with room(tmp_path):
            assert (theirs / "copy").exists()
        os.kill(other.pid, signal.SIGKILL)
    assert (theirs / "copy").exists()
    with room(tmp_path) as place:
        assert list(tmp_path.iterdir()) == [place]


def test_what_is_no_room_is_left_alone(tmp_path: Path) -> None:
    """A file of such a name, and a link to elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (tmp_path / "outlook-notes").touch()
    (tmp_path / "outlook-link").symlink_to(elsewhere)
    with room(tmp_path):
        pass
    assert (elsewhere / "kept").exists()
    assert (tmp_path / "outlook-notes").exists()
