"""A broadcast's text from a file or from standard input. Knows not what a text must be."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.services.card_lists import UnusableFile, plain_faults

LARGEST = 64 * 1024
"""Bytes; no message of any messenger is near as long."""
STDIN = "-"


def read_text(name: str) -> str:
    """The text of a file, or of standard input for ``-``. Raise UnusableFile."""
    path = Path(name)
    with plain_faults(path):
        content = _content(path)
    if len(content) > LARGEST:
        raise UnusableFile(
            f"{path}: is longer than any message ({LARGEST // 1024} KiB)", "too_large"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableFile(f"{path}: is not text in UTF-8", "not_text") from None
    if "\0" in text:
        raise UnusableFile(f"{path}: is not text in UTF-8", "not_text")
    return text


def _content(path: Path) -> bytes:
    """What is in it, and no more than is needed to see that it is too much."""
    if str(path) == STDIN:
        return sys.stdin.buffer.read(LARGEST + 1)
    if path.is_dir():
        raise UnusableFile(f"{path}: is a folder", "unfit")
    with path.open("rb") as file:
        return file.read(LARGEST + 1)
