"""``hesbot run`` in a process of its own, and what it keeps.

Knows the commands and nothing of the code behind them.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.born import Running, Wish, run

TODAY = "2020-12-20T10:00+03:00"
READY = "hesbot is ready"


@dataclass(frozen=True, slots=True)
class Town:
    """A running product."""

    address: str
    environment: Mapping[str, str]

    def card(self, number: str) -> dict[str, Any] | None:
        """What is on record of a card; None if nothing is."""
        told = run(Wish(["cards", "show", number, "--json"], self.environment))
        card: dict[str, Any] | None = json.loads(told.stdout) if told.returncode == 0 else None
        return card


@contextmanager
def open_town(home: Path, program: str | None = None) -> Iterator[Town]:
    """Start the product on a free port and stop it as an operator would. A ``program`` may stand
    in its place."""
    port = _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HESBOT_HOME": str(home),
        "HESBOT_NOW": TODAY,
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    product = Running(Wish(["run"], environment, program))
    try:
        assert READY in product.stdout.readline()
        yield Town(f"http://127.0.0.1:{port}", environment)
    finally:
        product.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
