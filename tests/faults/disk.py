"""A disk that can fail and a clock that can be set, for processes born on them.

``disk.c`` stands between such a process and the system. At a power cut only what was synced stays;
meanwhile the disk may be full, broken or slow, and the clock wherever it is put. Needs a C
compiler.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

_ORDERS = struct.Struct("=qqqq")
_SOURCE = Path(__file__).with_name("disk.c")


@cache
def library() -> Path | None:
    """The library to be loaded before all others; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not Path("/proc/self/fd").exists():
        return None
    made = Path(mkdtemp(prefix="hesbot-disk-")) / "disk.so"
    words = [compiler, "-shared", "-fPIC", "-O2", "-o", str(made), str(_SOURCE), "-lpthread"]
    found = subprocess.run(words, capture_output=True, check=False, text=True)
    assert found.returncode == 0, found.stderr
    return made


class Disk:
    """What lies in ``home``, and beside it in ``kept`` what a power cut would leave of it.

    ``full``: nothing more can be written; ``broken``: nothing can be synced; ``slow``: milliseconds
    that a sync takes; ``shift``: seconds that the clock is ahead. All of it holds at once.
    """

    def __init__(self, home: Path, library: Path) -> None:
        self.library = library
        self._home = home.resolve()
        self._kept = self._home.with_name(f"{home.name}.kept")
        self._says = self._home.with_name(f"{home.name}.orders")
        self._says.write_bytes(bytes(mmap.PAGESIZE))
        with self._says.open("r+b") as file:
            self._orders = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.full = self.broken = False
        self.slow = 0
        self.shift = 0.0

    def order(self, **orders: float) -> None:
        """Let it be so from now on."""
        for name, value in orders.items():
            setattr(self, name, value)
        given = int(self.full), int(self.broken), int(self.slow), int(self.shift * 1e9)
        self._orders[: _ORDERS.size] = _ORDERS.pack(*given)

    @property
    def environment(self) -> dict[str, str]:
        """What a process has to be told that lives on this disk."""
        return {
            "DISK_OF": str(self._home),
            "DISK_KEPT": str(self._kept),
            "DISK_SAYS": str(self._says),
        }

    def settle(self) -> None:
        """All that is there now would outlive a power cut. Call it while no process is alive."""
        shutil.rmtree(self._kept, ignore_errors=True)
        if self._home.exists():
            shutil.copytree(self._home, self._kept)
        else:
            self._kept.mkdir()

    def cut(self) -> None:
        """The power has failed: what was not synced is gone. Call it after the kill."""
        for each in self._home.rglob("*"):
            if each.is_file():
                each.unlink()
        shutil.copytree(self._kept, self._home, dirs_exist_ok=True)
        for shared in self._home.glob("*-shm"):
            shared.unlink()

    def close(self) -> None:
        """No process of it lives any more."""
        self._orders.close()
