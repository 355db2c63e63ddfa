"""Sealing of personal values, and keyed hashes to find them by.

A value is sealed with AES-256-GCM for one row: moved to another row it does not open. What must be
looked up has a blind index beside it, a truncated HMAC-SHA256 under a key of its own. This module
knows no table and no database.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
INDEX_BYTES = 16

_VERSION = b"\x01"
_KEY_ID_BYTES = 2
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES
_LARGEST_KEY_ID = 256**_KEY_ID_BYTES - 1


class Unreadable(Exception):
    """A sealed value that cannot be opened."""


class Tampered(Unreadable):
    """The sealed value was changed, cut, or taken from another row."""


class UnknownKey(Unreadable):
    """The value was sealed with a key that is not in the ring."""


class UnusableKeys(Exception):
    """The key ring cannot be read, or others can read it too."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of the records: several to open with, one of them to seal with, one for indexes.

    A key seals at most 2**32 values safely, since nonces are random (NIST SP 800-38D, 8.3).
    """

    current: int
    sealing: Mapping[int, bytes] = field(repr=False)
    indexing: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.sealing:
            raise UnusableKeys("the key ring does not hold its current key")
        if not all(1 <= key_id <= _LARGEST_KEY_ID for key_id in self.sealing):
            raise UnusableKeys(f"key numbers go from 1 to {_LARGEST_KEY_ID}")
        if any(len(key) != KEY_BYTES for key in (*self.sealing.values(), self.indexing)):
            raise UnusableKeys(f"every key must have {KEY_BYTES} bytes")

    @classmethod
    def new(cls) -> KeyRing:
        """Fresh keys from the operating system's randomness."""
        return cls(1, {1: secrets.token_bytes(KEY_BYTES)}, secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read what ``text()`` wrote; raise UnusableKeys if it is anything else."""
        try:
            return cls._from_plain(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError):
            # The cause is dropped: it may quote the keys.
            raise UnusableKeys("the key ring is not in the form that hesbot writes") from None

    @classmethod
    def _from_plain(cls, plain: Mapping[str, Any]) -> KeyRing:
        sealing = {int(key_id): _decoded(key) for key_id, key in plain["sealing"].items()}
        return cls(int(plain["current"]), sealing, _decoded(plain["indexing"]))

    def text(self) -> str:
        """The ring as JSON, keys in base64."""
        sealing = {str(key_id): _encoded(key) for key_id, key in self.sealing.items()}
        plain = {
            "current": self.current,
            "sealing": sealing,
            "indexing": _encoded(self.indexing),
        }
        return json.dumps(plain, indent=2) + "\n"

    @classmethod
    def load_or_create(cls, path: Path) -> KeyRing:
        """Read the ring from ``path``; make it first if there is none. One ring wins a race."""
        if not path.exists():
            _publish(path, cls.new().text())
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read the ring from ``path``; raise UnusableKeys if anyone but its owner may read it."""
        try:
            text = _private_text(path)
        except (OSError, UnicodeDecodeError) as error:
            raise UnusableKeys(f"{path}: cannot be read") from error
        try:
            return cls.parse(text)
        except UnusableKeys as error:
            raise UnusableKeys(f"{path}: {error}") from None


class Vault:
    """Seals, opens and indexes with the keys of one ring. ``chance`` gives random bytes."""

    def __init__(self, ring: KeyRing, chance: Callable[[int], bytes] = os.urandom) -> None:
        self._ciphers = {_named(key_id): AESGCM(key) for key_id, key in ring.sealing.items()}
        self._header = _VERSION + _named(ring.current)
        self._seal = self._ciphers[_named(ring.current)].encrypt
        self._indexing = ring.indexing
        self._chance = chance

    def seal(self, plain: bytes, where: bytes) -> bytes:
        """Encrypt for the row ``where``: version, key number, nonce, ciphertext with its tag."""
        nonce = self._chance(NONCE_BYTES)
        return self._header + nonce + self._seal(nonce, plain, where)

    def open(self, sealed: bytes, where: bytes) -> bytes:
        """Decrypt what was sealed for ``where``; raise Tampered or UnknownKey."""
        if len(sealed) < _HEADER_BYTES + NONCE_BYTES + TAG_BYTES or sealed[:1] != _VERSION:
            raise Tampered("not a sealed value")
        cipher = self._ciphers.get(sealed[1:_HEADER_BYTES])
        if cipher is None:
            raise UnknownKey("sealed with a key that is not in the ring")
        nonce_end = _HEADER_BYTES + NONCE_BYTES
        try:
            return cipher.decrypt(sealed[_HEADER_BYTES:nonce_end], sealed[nonce_end:], where)
        except InvalidTag:
            raise Tampered("the value was changed or belongs to another row") from None

    def nobody(self) -> bytes:
        """What stands where a blind index was, and is none of anything."""
        return self._chance(INDEX_BYTES)

    def index(self, purpose: str, text: str) -> bytes:
        """A keyed hash to find ``text`` by; the same text has another one for another purpose."""
        # A lone surrogate is legal in JSON and must not stop a batch.
        content = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._indexing, content, "sha256")[:INDEX_BYTES]

    def mac(self, purpose: str, content: bytes) -> bytes:
        """32 bytes that nobody without the keys can make for the content; each purpose has a key
        of its own, and none of them an index's. They stay the same when the sealing keys change."""
        # No purpose of an index begins like this.
        key = hmac.digest(self._indexing, b"\0mac\0" + purpose.encode(), "sha256")
        return hmac.digest(key, content, "sha256")


def row(table: str, key: bytes) -> bytes:
    """The place a value is sealed for: the table and the row's own blind index."""
    return table.encode() + b":" + key


def _named(key_id: int) -> bytes:
    return key_id.to_bytes(_KEY_ID_BYTES, "big")


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _decoded(key: str) -> bytes:
    return base64.b64decode(key, validate=True)


def _private_text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise UnusableKeys(f"{path}: others can read the keys; run: chmod 600 {path}")
        return file.read()


def _publish(path: Path, text: str) -> None:
    """Write the whole file under its name in one step, or leave the one that came first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_private(draft, text)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Keep the new name over a power cut; without the keys every record is lost."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
