"""Passwords, one-time codes, and the pictures that carry their secrets."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import cycle
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pyotp
import pytest
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

from bot.staff import secrets
from bot.staff.brake import NAMES, Brake
from bot.staff.secrets import Passwords
from tests.bot.staff.conftest import CHEAP, SECRET

NOW = datetime(2021, 1, 8, 9, tzinfo=UTC)


async def test_a_hash_costs_what_rfc_9106_recommends() -> None:
    """Unless a test asks for less."""
    kept = await Passwords().hash("a password")
    assert kept.startswith("$argon2id$")
    assert not PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).check_needs_rehash(kept)


@pytest.mark.parametrize("kept", ["", "no hash", "$argon2id$v=19$m=8,t=1,p=1$x$y"])
async def test_a_damaged_hash_fits_nothing(kept: str) -> None:
    """Nobody gets in, and nothing breaks."""
    assert not await Passwords(CHEAP).fits("a password", kept)


async def test_nobodys_password_never_fits() -> None:
    """Not even the one that stands in for it."""
    assert not await Passwords(CHEAP).fits("nobody", None)


async def test_a_hash_is_renewed_only_where_the_cost_changed() -> None:
    """The others stay as they are."""
    kept = CHEAP.hash("a password")
    assert await Passwords(CHEAP).renewed("a password", kept) == kept
    dearer = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    assert await Passwords(dearer).renewed("a password", kept) != kept


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, six digits."""
    now = datetime.fromtimestamp(seconds, UTC)
    assert secrets.matching_step(b"12345678901234567890", code, now) == seconds // 30


def test_the_step_of_a_code_is_found() -> None:
    """Its own, not the present one."""
    otp, present = pyotp.TOTP(secrets.secret_text(SECRET)), int(NOW.timestamp()) // 30
    for drift in (-1, 0, 1):
        code = otp.at(NOW + timedelta(seconds=30 * drift))
        assert secrets.matching_step(SECRET, code, NOW) == present + drift
    assert secrets.matching_step(SECRET, otp.at(NOW + timedelta(seconds=60)), NOW) is None


def test_an_address_says_whose_the_secret_is() -> None:
    """As authenticators read it."""
    address = urlsplit(secrets.secret_uri(SECRET, "Ayşe Yılmaz"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/hesbot:Ayşe Yılmaz"
    assert parse_qs(address.query) == {
        "secret": [secrets.secret_text(SECRET)],
        "issuer": ["hesbot"],
    }


def test_the_picture_is_for_a_terminal_and_for_a_page() -> None:
    """Half blocks there, an SVG element here; neither holds the words themselves."""
    uri = secrets.secret_uri(SECRET, "Ayşe")
    lines = secrets.qr_text(uri).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert set("".join(lines)) <= set(" ▀▄█")
    drawing = secrets.qr_svg(uri)
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
    assert secrets.secret_text(SECRET) not in drawing


def test_a_password_can_be_read_aloud() -> None:
    """Four groups, and no sign that looks like another."""
    made = {secrets.new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"(?:[a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}", each) for each in made)
    assert re.fullmatch(r"[a-hjkmnp-z2-9]{4}-[a-hjkmnp-z2-9]{4}", secrets.new_link_code())


def test_every_sign_is_as_likely_as_another() -> None:
    """Each byte that would favour some of them is thrown again."""
    every = cycle(range(256))
    made = "".join(
        secrets.new_password(lambda n: bytes(next(every) for _ in range(n))) for _ in range(31)
    )
    counts = {sign: made.count(sign) for sign in set(made) - {"-"}}
    assert len(counts) == 31
    assert max(counts.values()) - min(counts.values()) <= 2


def test_chance_is_handed_in() -> None:
    """The same chance makes the same token."""
    assert secrets.new_token(bytes) == "00" * 32
    assert secrets.new_secret(bytes) == bytes(20)
    assert secrets.new_token() != secrets.new_token()


def test_a_brake_remembers_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knocks under ever new names does not fill the memory."""
    monkeypatch.setattr("bot.staff.brake.REMEMBERED", 3)
    brake = Brake(NAMES)
    for number in range(10):
        for _ in range(5):
            brake.fail(f"name {number}", NOW)
    locked = [number for number in range(10) if brake.locked_until(f"name {number}", NOW)]
    assert locked == [7, 8, 9]
    brake.forgive("name 9")
    assert brake.locked_until("name 9", NOW) is None
