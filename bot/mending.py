"""What a person can do about an error that stops a command, in one line.

Knows how the parts fail, not what they do. A line never quotes a setting or a driver's words: those
may hold a password.
"""

from __future__ import annotations

import sqlite3

from bot.settings import SettingsError
from bot.staff.acting import Declined
from bot.wording import Wording, WordingError
from conversations.broadcasts import Refusal
from conversations.outcomes import Invalid
from conversations.replies import Word

LOCALE = "en"
"""What the command speaks."""

OURS = "broadcast."
"""Begins the codes of what staff write; what citizens write never stops a command."""

_NO_FILE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_NO_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
"""Primary result codes (sqlite.org/rescode.html)."""

_REFUSALS = {
    "28": "DATABASE_URL: the database server refuses this user or password",
    "3D": "DATABASE_URL: the server has no database of that name",
    "42501": "DATABASE_URL: this user may not change the tables",
}
"""By the beginning of SQLSTATE (PostgreSQL manual, appendix A)."""

_PLAIN = SettingsError | WordingError | Declined
"""Their own words are the line."""


def advice(error: BaseException) -> str | None:
    """The line for standard error, or None for a fault of ours."""
    if isinstance(error, BaseExceptionGroup):
        return _joint_advice(error)
    from storage import HalfCopied, NewerSchema, Unavailable, UnknownDatabase, UnusableKeys

    if isinstance(error, Refusal) or (isinstance(error, Invalid) and error.code.startswith(OURS)):
        return _in_words(error)
    line = _of_driver(error) or _of_driver(error.__cause__)
    if line is None and isinstance(error, Unavailable):
        return f"the database cannot be used now ({error}); try again in a moment"
    if isinstance(error, _PLAIN | UnknownDatabase | UnusableKeys | NewerSchema | HalfCopied):
        return str(error)
    return line


def _in_words(error: Refusal | Invalid) -> str:
    """What the catalogue says to whoever works with broadcasts."""
    if isinstance(error, Refusal):
        return Wording.load().text(error.word, LOCALE)
    return Wording.load().text(Word(f"invalid.{error.code}", error.params), LOCALE)


def _joint_advice(group: BaseExceptionGroup[BaseException]) -> str | None:
    """Where one of several cannot be mended, none is worth mending first."""
    lines = [advice(each) for each in group.exceptions]
    return None if None in lines else "; ".join(dict.fromkeys(map(str, lines)))


def _of_driver(error: BaseException | None) -> str | None:
    # The drivers themselves are the records' affair; their codes are the databases' own.
    origin = getattr(error, "orig", None) or error
    code = getattr(origin, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _of_sqlite(code & 0xFF)
    state = getattr(origin, "sqlstate", None)
    found = (line for begin, line in _REFUSALS.items() if str(state).startswith(begin))
    return next(found, None)


def _of_sqlite(code: int) -> str | None:
    if code in _NO_DATABASE:
        return "the database file is damaged or not SQLite's: name another, or restore a copy"
    if code in _NO_FILE:
        return "the database file cannot be opened and written: see HESBOT_HOME or DATABASE_URL"
    return None
