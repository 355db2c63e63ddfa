"""The look at known weaknesses of dependencies, with a tool that says what a test wants."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parent.parent / ".ci" / "audit"


def audited(folder: Path, said: str) -> tuple[int, str]:
    """How the look ends where the tool says that; its status and words."""
    (folder / "python").symlink_to(sys.executable)
    tool = folder / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit 1\n")
    tool.chmod(0o755)
    program = f"import sys; sys.executable = {str(folder / 'python')!r}; sys.argv = ['audit']\n"
    program += AUDIT.read_text().replace("__file__", repr(str(AUDIT)))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def weak(*fixes: str) -> str:
    found = [{"id": "PYSEC-1", "fix_versions": list(fixes)}]
    sound = {"name": "babel", "version": "2", "vulns": []}
    return json.dumps({"dependencies": [sound, {"name": "x", "version": "1", "vulns": found}]})


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (weak("1.1", "2.0"), 1, "audit: x 1: PYSEC-1, mended in 1.1, 2.0\n"),
        (weak(), 0, "audit: x 1: PYSEC-1, not mended yet\n"),
        ('{"dependencies": []}', 0, ""),
        ("", 0, "audit: the advisories cannot be had now; nothing was looked at\n"),
    ],
    ids=["mended", "not mended", "sound", "nobody there"],
)
def test_only_what_can_be_mended_stops_a_change(
    tmp_path: Path, said: str, status: int, words: str
) -> None:
    """Neither a weakness that everybody has to live with nor a service that is away."""
    assert audited(tmp_path, said) == (status, words)
