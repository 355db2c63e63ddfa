"""JSON objects with a key that comes twice: nobody knows which of them holds (RFC 8259, 4).

Knows not what the keys mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class RepeatedKey(ValueError):
    """A key comes twice in an object."""


def quoted(names: Iterable[str]) -> tuple[bytes, ...]:
    """The names as they stand in JSON."""
    return tuple(f'"{name}"'.encode() for name in names)


def refuse_repeated(text: bytes, keys: Iterable[bytes]) -> None:
    """Raise RepeatedKey if a key comes twice; ValueError if the text is no JSON.

    Only where one of ``keys`` (see ``quoted``) may be repeated is the text read in full.
    """
    if b"\\" in text or any(text.count(key) > 1 for key in keys):
        json.loads(text, object_pairs_hook=_unrepeated)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RepeatedKey
    return found
