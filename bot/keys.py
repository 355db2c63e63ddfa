"""Where the keys of the records come from: a file, the environment, or a command of the operator's.

Knows neither the records nor what keys are used for. No error quotes what was read.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings, SettingsError
from storage import KeyRing, UnusableKeys
from storage.admission import LOST

COMMAND_LASTS = 10.0
"""Seconds that a command may take to print the ring."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with the ring. ``named``: by ``HESBOT_KEYS``, so that it is not made unasked."""

    path: Path
    named: bool

    def read(self) -> KeyRing:
        """The ring as it is now; raise UnusableKeys."""
        return KeyRing.load(self.path)

    @property
    def missing(self) -> UnusableKeys:
        """What to say where nothing is on record yet."""
        return UnusableKeys(f"HESBOT_KEYS: {self.path} is not there; make it with: hesbot keys new")

    @property
    def lost(self) -> UnusableKeys:
        """What to say of records whose file is gone."""
        return UnusableKeys(f"{self.path} is not there; {LOST}")


@dataclass(frozen=True, slots=True)
class GivenRing:
    """The ring itself in ``HESBOT_KEYS``: it stays what it was when the process began."""

    ring: KeyRing

    def read(self) -> KeyRing:
        """The ring."""
        return self.ring


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """A command that prints the ring, run without a shell."""

    words: tuple[str, ...]
    lasts: float = COMMAND_LASTS

    def read(self) -> KeyRing:
        """What it prints now; raise UnusableKeys, which quotes nothing of it."""
        try:
            return KeyRing.parse(self._printed())
        except UnusableKeys as error:
            raise UnusableKeys(f"HESBOT_KEYS_COMMAND: {error}") from None

    def _printed(self) -> str:
        try:
            process = subprocess.Popen(  # noqa: S603
                self.words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError):
            raise UnusableKeys("the command cannot be started") from None
        with process:
            try:
                printed, _ = process.communicate(timeout=self.lasts)
            except BaseException as error:
                # Whatever it started holds the pipe as well.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                why = f"the command took longer than {self.lasts:g} seconds"
                raise UnusableKeys(why) from None
        if process.returncode:
            raise UnusableKeys(f"the command ended with status {process.returncode}")
        return printed.decode("utf-8", "replace")


KeySource = KeyFile | GivenRing | KeyCommand


def key_source(settings: Settings) -> KeySource:
    """Where the keys come from by the settings; raise SettingsError or UnusableKeys."""
    command = settings.hesbot_keys_command
    if command is not None:
        return KeyCommand(_words(command.get_secret_value()))
    given = settings.hesbot_keys.get_secret_value() if settings.hesbot_keys else ""
    if given.lstrip().startswith("{"):
        return GivenRing(KeyRing.parse(given))
    return KeyFile(Path(given) if given else settings.key_file, named=bool(given))


def _words(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        words = ()
    if not words:
        raise SettingsError("HESBOT_KEYS_COMMAND: is no command: look at its quotation marks")
    return words
