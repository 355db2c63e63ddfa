"""What a person can do about an error that stops a command, in one line."""

from __future__ import annotations

from bot.wording import WordingError


def advice(error: Exception) -> str | None:
    """The line for standard error, or None for a fault that should be seen in full."""
    from storage import NewerSchema, Unavailable, UnknownDatabase, UnusableKeys

    if isinstance(error, Unavailable):
        return f"the database cannot be used now ({error}); try again in a moment"
    if isinstance(error, UnknownDatabase | UnusableKeys | NewerSchema | WordingError):
        return str(error)
    if isinstance(error, PermissionError | FileNotFoundError | NotADirectoryError):
        return f"{error.filename}: {error.strerror}"
    return None
