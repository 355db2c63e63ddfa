"""What the staff sign in with: passwords (argon2id), one-time codes (RFC 6238), and the pictures
that bring a code's secret into an authenticator.

Nothing here is kept or written down. Hashing is done in threads, a few at a time: each takes
64 MiB, and nobody who knocks a thousand times may have more.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b32encode
from collections.abc import Callable
from datetime import datetime
from io import StringIO

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

ISSUER = "hesbot"
"""What an authenticator shows beside the name."""

STEP = 30
"""Seconds that a one-time code is shown."""
DRIFT = 1
"""Steps that somebody's clock may be off, or their fingers slow."""
SECRET_BYTES = 20
"""As RFC 4226 recommends (R6)."""

TOKEN_BYTES = 32
LONGEST_PASSWORD = 200
AT_ONCE = 2

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""None of them is taken for another when it is read aloud or copied from paper."""

Chance = Callable[[int], bytes]


class Passwords:
    """Makes and checks the hashes of passwords. ``hasher`` has the cost; without one it is
    argon2-cffi's own, the second profile of RFC 9106."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep, with its parameters and salt."""
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether the password is the one of the hash. Nobody's hash (None) takes as long."""
        if self._nobodys is None:
            self._nobodys = await self.hash("nobody")
        async with self._places:
            asked = password[:LONGEST_PASSWORD]
            fits = await asyncio.to_thread(self._verify, kept or self._nobodys, asked)
        return fits and kept is not None and len(password) <= LONGEST_PASSWORD

    async def renewed(self, password: str, kept: str) -> str:
        """The hash to keep from now on: another one only if the cost has changed since."""
        return await self.hash(password) if self._hasher.check_needs_rehash(kept) else kept

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def matching_step(secret: bytes, code: str, now: datetime) -> int | None:
    """The step to which the one-time code belongs, if it may be used at this moment."""
    digits = "".join(code.split())
    present = int(now.timestamp()) // STEP
    otp = pyotp.TOTP(secret_text(secret), interval=STEP)
    found = None
    # All are compared, so that the time taken tells nothing.
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(otp.generate_otp(step).encode(), digits.encode("utf-8", "replace")):
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret of the one-time codes as an authenticator takes it (base32)."""
    return b32encode(secret).decode()


def secret_uri(secret: bytes, name: str) -> str:
    """The same with the name, as an ``otpauth:`` address for a QR code."""
    return pyotp.TOTP(secret_text(secret)).provisioning_uri(name=name, issuer_name=ISSUER)


def qr_text(uri: str) -> str:
    """The QR code of an address in lines for a dark terminal."""
    drawn = StringIO()
    segno.make(uri, error="m", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n")


def qr_svg(uri: str, scale: int = 4) -> str:
    """The QR code of an address as an SVG element, dark on light; ``scale`` is pixels a module."""
    code = segno.make(uri, error="m", micro=False)
    return code.svg_inline(scale=scale, border=4, dark="#000", light="#fff")


def new_secret(chance: Chance = os.urandom) -> bytes:
    """A secret for one-time codes."""
    return chance(SECRET_BYTES)


def new_token(chance: Chance = os.urandom) -> str:
    """What a cookie holds: nobody guesses it."""
    return chance(TOKEN_BYTES).hex()


def new_password(chance: Chance = os.urandom) -> str:
    """A password of four groups that can be read aloud: 79 bits."""
    return _groups(4, chance)


def new_link_code(chance: Chance = os.urandom) -> str:
    """A code of two groups to be said to the bot within minutes: 39 bits."""
    return _groups(2, chance)


def _groups(count: int, chance: Chance) -> str:
    signs = _signs(count * 4, chance)
    return "-".join(signs[at : at + 4] for at in range(0, len(signs), 4))


def _signs(count: int, chance: Chance) -> str:
    # 31 signs do not divide 256: what lies beyond their last multiple is thrown again.
    signs = ""
    limit = 256 - 256 % len(_SIGNS)
    while len(signs) < count:
        signs += "".join(_SIGNS[each % len(_SIGNS)] for each in chance(count) if each < limit)
    return signs[:count]
