"""The machine, and what a process takes of it: cores, processor time, memory, the disk's patience.

Linux only, since everything is read from ``/proc``.
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")

_USABLE = sorted(os.sched_getaffinity(0))
OF_THE_LOAD, OF_THE_BOT = {_USABLE[0]}, {_USABLE[-1]}
"""A core each; the same where there is only one."""


def family(pid: int) -> list[int]:
    """The process and all that came of it."""
    found = [pid]
    for place in found:
        for task in Path(f"/proc/{place}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of the process and its children so far."""
    return sum(map(_cpu_seconds, family(pid)))


def _cpu_seconds(pid: int) -> float:
    # The name in brackets may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def megabytes(pid: int) -> float:
    """Memory of the process and its children; what is shared counts in part (PSS)."""
    return sum(map(_kilobytes, family(pid))) / 1024


def _kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def sync_seconds(folder: str | None = None, times: int = 200) -> float:
    """How long fdatasync of 4 KiB takes, the median."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            os.write(file.fileno(), b"\0" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def described() -> str:
    """The machine in a sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux"
        f" {platform.release().partition('-')[0]}, Python {platform.python_version()},"
        f" fdatasync of 4 KiB {sync_seconds() * 1000:.2f} ms"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return " ".join(value.split())
    return platform.machine()
