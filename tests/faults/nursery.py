"""Where processes of the product are forked from one that has loaded it already.

Loading takes a second, with a messenger's library several: longer than most of what a test asks of
a process. What is forked is a process like any other, with its own memory, signals and end; only
its modules are there at once. Run by ``born``; one thread, so that forking is safe.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from typing import Any, NoReturn

import bot

NUMBER = struct.Struct("=i")
"""What the pipe of a process carries: its id when it is born, its status when it has ended."""
SERVERS = ("run", "web", "worker")
LONGEST = 1 << 20
HEAVY = {"TELEGRAM_BOT_TOKEN": "bot.channels.telegram", "TWILIO_ACCOUNT_SID": "twilio.rest"}
"""Libraries that only some pay for, by the setting that wants them."""


class Nursery:
    """Forks what is asked for, and tells how each has ended."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._pipes: dict[int, int] = {}

    def work(self) -> None:
        """Until nobody can ask any more; then nothing that was born stays."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        woken, wakes = socket.socketpair()
        wakes.setblocking(False)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._asked, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is woken:
                        woken.recv(4096)
                        self._bury()
                    elif not self._bear():
                        self._end()

    def _bear(self) -> bool:
        text, descriptors, _, _ = socket.recv_fds(self._asked, LONGEST, 4)
        if not text:
            return False
        wish = json.loads(text)
        load(wish["words"], wish["environment"])
        *streams, pipe = descriptors
        child = os.fork()
        if not child:
            live(wish, streams)
        for each in streams:
            os.close(each)
        self._pipes[child] = pipe
        os.write(pipe, NUMBER.pack(child))
        return True

    def _bury(self) -> None:
        while self._pipes:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            pipe = self._pipes.pop(child)
            os.write(pipe, NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os.close(pipe)

    def _end(self) -> NoReturn:
        for child in self._pipes:
            os.kill(child, signal.SIGKILL)
        os._exit(0)


def load(words: list[str], environment: dict[str, str]) -> None:
    """Import what such a process would."""
    for setting, module in HEAVY.items():
        if setting in environment and words[:1] != ["--help"]:
            importlib.import_module(module)
    if words and words[0] in SERVERS:
        importlib.import_module("bot.server")
    gc.freeze()


def load_all() -> None:
    """Import all that every process may want."""
    for found in pkgutil.walk_packages(bot.__path__, "bot."):
        if "telegram" not in found.name and "whatsapp" not in found.name:
            importlib.import_module(found.name)


def live(wish: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be the process that was wished for, to its end."""
    status = 1
    try:
        become(wish, streams)
        if wish["program"] is None:
            from bot.__main__ import main

            main()
        else:
            exec(compile(wish["program"], "<string>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    leave(status)


def become(wish: dict[str, Any], streams: list[int]) -> None:
    """Take on the streams, the environment, the words and the ways of a fresh interpreter."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 4096)
    os.setsid()
    os.environ.clear()
    os.environ.update(wish["environment"])
    os.chdir(wish["place"])
    sys.argv = ["hesbot", *wish["words"]]
    sys.stdin = sys.__stdin__ = opened(0, "r", "surrogateescape")
    sys.stdout = sys.__stdout__ = opened(1, "w", "surrogateescape")
    sys.stderr = sys.__stderr__ = opened(2, "w", "backslashreplace")
    gc.enable()


def opened(number: int, mode: str, errors: str) -> io.TextIOWrapper:
    """A standard stream as the interpreter opens it in UTF-8 mode."""
    by_line = number == 2 or os.isatty(number)
    through = mode == "w" and "PYTHONUNBUFFERED" in os.environ
    stream = os.fdopen(number, f"{mode}b", -1, closefd=False)
    return io.TextIOWrapper(stream, "utf-8", errors, None, by_line, through)


def leave(status: int) -> NoReturn:
    """What an interpreter does at its end."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:
        traceback.print_exc()
        status = status or 120
    os._exit(status)


if __name__ == "__main__":
    load_all()
    Nursery(socket.socket(fileno=int(sys.argv[1]))).work()
