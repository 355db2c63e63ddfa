"""Processes of the product, born in the ``nursery``, for those who wait for them.

``start`` gives what ``asyncio.create_subprocess_exec`` would, ``run`` what ``subprocess.run``
would.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO

from tests.faults.nursery import NUMBER

ROOT = Path(__file__).parents[2]
Stream = int | IO[bytes] | None
"""PIPE, DEVNULL, an open file, or ours."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A process to be born: ``hesbot`` with these words, or a ``program`` that gets them.

    ``library`` is loaded before all others (LD_PRELOAD).
    """

    words: Sequence[str]
    environment: Mapping[str, str]
    program: str | None = None
    place: Path = ROOT
    library: Path | None = None

    def text(self) -> bytes:
        plain = {
            "words": list(self.words),
            "environment": dict(self.environment),
            "program": self.program,
            "place": str(self.place),
        }
        return json.dumps(plain).encode()


class _Door:
    """The way to this test process's nursery, which is opened by the first who needs it."""

    def __init__(self, library: Path | None) -> None:
        self._library = library
        self._lock = Lock()
        self._socket: socket.socket | None = None

    def ask(self, wish: Wish, streams: Sequence[int]) -> tuple[int, int]:
        """The id of a new process, and the pipe that will tell its status."""
        ours, theirs = os.pipe()
        with self._lock:
            if self._socket is None:
                self._socket = self._open()
            socket.send_fds(self._socket, [wish.text()], [*streams, theirs])
        os.close(theirs)
        born = os.read(ours, NUMBER.size)
        assert born, "the nursery has died"
        return NUMBER.unpack(born)[0], ours

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = theirs.fileno()
        nursery = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-m", "tests.faults.nursery", str(number)],
            cwd=ROOT,
            env={**os.environ, **({"LD_PRELOAD": str(self._library)} if self._library else {})},
            stdin=DEVNULL,
            pass_fds=[number],
            start_new_session=True,
        )
        theirs.close()
        atexit.register(self._close, ours, nursery)
        return ours

    @staticmethod
    def _close(ours: socket.socket, nursery: subprocess.Popen[bytes]) -> None:
        ours.close()
        nursery.wait()


@cache
def _door(library: Path | None) -> _Door:
    """One for each library."""
    return _Door(library)


def status_in(pipe: int) -> int:
    """How a process has ended; waits for that."""
    ended = os.read(pipe, NUMBER.size)
    os.close(pipe)
    assert ended, "the nursery has died"
    status: int = NUMBER.unpack(ended)[0]
    return status


# --- in a test that waits ---------------------------------------------------------------------


def run(wish: Wish) -> subprocess.CompletedProcess[str]:
    """Run it to its end with nothing typed."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        _, pipe = _door(wish.library).ask(wish, [nothing, out.fileno(), err.fileno()])
        os.close(nothing)
        status = status_in(pipe)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(wish.words, status, *said)


class Running:
    """One that is at work, and its standard output."""

    def __init__(self, wish: Wish) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        read, write = os.pipe()
        self.pid, self._pipe = _door(wish.library).ask(wish, [nothing, write, 2])
        os.close(nothing)
        os.close(write)
        self.stdout = os.fdopen(read, encoding="utf-8")

    def stop(self) -> int:
        """Tell it to go; its status."""
        os.kill(self.pid, signal.SIGTERM)
        status = status_in(self._pipe)
        self.stdout.close()
        return status


# --- in a test with a loop --------------------------------------------------------------------


class Child:
    """As ``asyncio.subprocess.Process``."""

    stdin: asyncio.StreamWriter | None = None
    stdout: asyncio.StreamReader | None = None
    stderr: asyncio.StreamReader | None = None
    returncode: int | None = None

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self._pipe = pipe
        self._ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(pipe, self._note)
        self._transports: list[asyncio.BaseTransport] = []

    def _note(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe)
        self.returncode = status_in(self._pipe)
        if self.stdin is not None:
            self.stdin.close()
        self._ended.set_result(None)

    async def wait(self) -> int:
        await asyncio.shield(self._ended)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        # It may have ended a moment ago, which a parent would not be told either.
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    async def communicate(self, typed: bytes | None = None) -> tuple[bytes, bytes]:
        """Type it, and read everything to the end."""
        out, err, _ = await asyncio.gather(
            self._all_of(self.stdout), self._all_of(self.stderr), self._type(typed)
        )
        await self.wait()
        return out, err

    async def _all_of(self, stream: asyncio.StreamReader | None) -> bytes:
        return b"" if stream is None else await stream.read()

    async def _type(self, typed: bytes | None) -> None:
        if self.stdin is None:
            return
        try:
            if typed:
                self.stdin.write(typed)
                await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            """It has ended before it had read everything."""
        self.stdin.close()


async def start(
    wish: Wish, stdin: Stream = None, stdout: Stream = None, stderr: Stream = None
) -> Child:
    """Let it be born; its pipes are those asked for."""
    given = {0: stdin, 1: stdout, 2: stderr}
    theirs, ours = {}, {}
    for number, stream in given.items():
        if stream == PIPE:
            read, write = os.pipe()
            theirs[number], ours[number] = (read, write) if number == 0 else (write, read)
        elif stream == DEVNULL:
            theirs[number] = os.open(os.devnull, os.O_RDWR)
        else:
            there = number if stream is None else stream if isinstance(stream, int) else None
            theirs[number] = os.dup(stream.fileno() if there is None else there)  # type: ignore[union-attr]
    try:
        born = await asyncio.to_thread(_door(wish.library).ask, wish, list(theirs.values()))
    finally:
        for each in theirs.values():
            os.close(each)
    child = Child(*born)
    if 0 in ours:
        child.stdin = await _writer(ours[0])
    if 1 in ours:
        child.stdout = await _reader(ours[1])
    if 2 in ours:
        child.stderr = await _reader(ours[2])
    return child


async def _reader(number: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(number, "rb", 0))
    return reader


async def _writer(number: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(number, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)
