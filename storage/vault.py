"""Sealing of personal values, and keyed hashes to find them by.

A value is sealed with AES-256-GCM for one row: moved to another row it does not open. What must be
looked up has a blind index beside it, a truncated HMAC-SHA256 under a key of its own. This module
knows no table and no database; how a sealing key follows another is told in ``rotation``.
"""

from __future__ import annotations

import base64
import hmac
import json
import math
import os
import secrets
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage import private_files

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
INDEX_BYTES = 16

_VERSION = b"\x01"
_KEY_ID_BYTES = 2
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES
_LARGEST_KEY_ID = 256**_KEY_ID_BYTES - 1

Seal = Callable[[bytes, bytes, bytes], bytes]
"""From nonce, plain value and row to the ciphertext."""

ASK_AGAIN = 1.0
"""Seconds after which a key that was not known may be looked for again."""

Notes = Mapping[int, bytes]
"""The numbers of the keys by which records may be sealed, and the check of each."""


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
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # The cause is dropped: it may quote the keys.
            raise UnusableKeys("the key ring is not in the form that hesbot writes") from None

    @classmethod
    def _from_plain(cls, plain: Mapping[str, Any]) -> KeyRing:
        sealing = {int(key_id): _decoded(key) for key_id, key in plain["sealing"].items()}
        return cls(int(plain["current"]), sealing, _decoded(plain["indexing"]))

    def check(self, key_id: int) -> bytes:
        """By what the key is told from any other; gives nothing of it away."""
        return hmac.digest(self.sealing[key_id], b"hesbot sealing key", "sha256")[:INDEX_BYTES]

    def holds(self, notes: Notes) -> bool:
        """Whether all the keys that are noted are here."""
        return all(each in self.sealing and self.check(each) == notes[each] for each in notes)

    def with_another(self) -> KeyRing:
        """The same and a fresh key, which nothing is sealed with yet."""
        newest = max(self.sealing) + 1
        return replace(self, sealing={**self.sealing, newest: secrets.token_bytes(KEY_BYTES)})

    def only(self, key_id: int) -> KeyRing:
        """The ring with no other sealing key than that one."""
        return replace(self, current=key_id, sealing={key_id: self.sealing[key_id]})

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
            private_files.publish(path, cls.new().text())
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read the ring from ``path``; raise UnusableKeys if anyone but its owner may read it."""
        try:
            text = private_files.read(path)
        except private_files.OpenToOthers:
            raise UnusableKeys(f"{path}: others can read the keys; run: chmod 600 {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UnusableKeys(f"{path}: cannot be read") from error
        try:
            return cls.parse(text)
        except UnusableKeys as error:
            raise UnusableKeys(f"{path}: {error}") from None


def _no_key() -> Exception:
    return UnusableKeys("the key that records are sealed with now is not in the ring")


class Vault:
    """Seals, opens and indexes with the keys of one ring. ``chance`` gives random bytes.

    Once it was told which keys are in force (``use``), it seals with the newest of them, and opens
    nothing that was sealed with a key older than all of them.
    """

    def __init__(self, ring: KeyRing, chance: Callable[[int], bytes] = os.urandom) -> None:
        self._ring = ring
        self._notes: Notes = {}
        self._chance = chance
        self._indexing = ring.indexing
        self._every: dict[bytes, AESGCM] = {}
        self._find: Callable[[], KeyRing | None] = lambda: None
        self._refusal = _no_key
        self._until = math.inf
        self._asked = -math.inf
        self._arrange()

    @property
    def ring(self) -> KeyRing:
        """The keys in force as they are now; ``current`` is the one to seal with."""
        newest = max(self._notes, default=self._ring.current)
        keys = {each: key for each, key in self._ring.sealing.items() if self._opens_with(each)}
        return KeyRing(newest, keys, self._indexing)

    @property
    def whole(self) -> KeyRing:
        """The ring as it came, with keys that are in force no more, or not yet."""
        return self._ring

    # --- changes of the keys ------------------------------------------------------------------

    def learn(self, ring: KeyRing) -> None:
        """Use this ring instead; raise UnusableKeys if its blind indexes are others."""
        if not hmac.compare_digest(ring.indexing, self._indexing):
            raise UnusableKeys("the new key ring is another one: it finds none of the records")
        self._ring = ring
        self._arrange()

    def use(self, notes: Notes) -> bool:
        """Take note of which keys are in force; whether all of them are in the ring. Nothing is
        sealed while the newest is not."""
        self._notes = dict(notes)
        self._arrange()
        return self.knows(notes)

    def knows(self, notes: Notes) -> bool:
        """Whether all the keys that are noted are in the ring."""
        return self._ring.holds(notes)

    def find_with(self, find: Callable[[], KeyRing | None]) -> None:
        """Ask this for a newer ring, at most once a second, where a value's key is not known."""
        self._find = find

    def trust(self, seconds: float, refusal: Callable[[], Exception] = _no_key) -> None:
        """For so many seconds the keys in force are known for certain; after that nothing is sealed
        until this is called again. ``refusal`` makes what is raised instead."""
        self._until = monotonic() + seconds
        self._refusal = refusal

    def _arrange(self) -> None:
        for key_id, key in self._ring.sealing.items():
            self._every[_named(key_id)] = AESGCM(key)
        usable = {_named(each) for each in self._ring.sealing if self._opens_with(each)}
        newest = _named(max(self._notes, default=self._ring.current))
        seal: Seal = self._every[newest].encrypt if newest in usable else self._refuse
        self._ciphers = {name: self._every[name] for name in usable}
        # One value, so that a thread never meets the one key's number with the other's cipher.
        self._sealing = (_VERSION + newest, seal)

    def _opens_with(self, key_id: int) -> bool:
        if not self._notes:
            return True
        same = self._notes.get(key_id, b"") in (b"", self._ring.check(key_id))
        return same and key_id >= min(self._notes)

    def _refuse(self, *_: object) -> bytes:
        raise self._refusal()

    # --- sealing and opening ------------------------------------------------------------------

    def seal(self, plain: bytes, where: bytes) -> bytes:
        """Encrypt for the row ``where``: version, key number, nonce, ciphertext with its tag."""
        if monotonic() > self._until:
            self._refuse()
        header, seal = self._sealing
        nonce = self._chance(NONCE_BYTES)
        return header + nonce + seal(nonce, plain, where)

    def open(self, sealed: bytes, where: bytes) -> bytes:
        """Decrypt what was sealed for ``where``; raise Tampered or UnknownKey."""
        if len(sealed) < _HEADER_BYTES + NONCE_BYTES + TAG_BYTES or sealed[:1] != _VERSION:
            raise Tampered("not a sealed value")
        name = sealed[1:_HEADER_BYTES]
        cipher = self._ciphers.get(name) or self._found(name)
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

    def is_current(self, sealed: bytes) -> bool:
        """Whether it was sealed with the key that is sealed with now."""
        return sealed[:_HEADER_BYTES] == self._sealing[0]

    def renewed(self, sealed: bytes, where: bytes) -> bytes:
        """The same sealed with the key of now, also if its own is in force no more but was once
        since this vault was made. Raise Tampered or UnknownKey."""
        if self.is_current(sealed):
            return sealed
        name = sealed[1:_HEADER_BYTES]
        if name in self._ciphers or name not in self._every:
            return self.seal(self.open(sealed, where), where)
        former = copy(self)
        former._ciphers = self._every
        return self.seal(former.open(sealed, where), where)

    def _found(self, name: bytes) -> AESGCM | None:
        """A key that somebody else began to seal with, looked for where the ring came from."""
        now = monotonic()
        if now < self._asked + ASK_AGAIN:
            return None
        self._asked = now
        ring = self._find()
        if ring is None:
            return None
        self.learn(ring)
        return self._ciphers.get(name)

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
