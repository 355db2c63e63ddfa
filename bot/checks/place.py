"""The machine: the home folder, room on the disks, the clock. Knows neither records nor
messengers."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.checks.findings import Finding, fail, ok, warn
from bot.settings import Settings

LITTLE, TOO_LITTLE = 2 * 1024**3, 256 * 1024**2
"""Free bytes below which it is time to make room, and below which writing may fail any moment."""

Free = Callable[[Path], int]
"""Tells how many bytes are free where a file or folder is."""


def free(path: Path) -> int:
    """What the operating system says."""
    return shutil.disk_usage(path).free


def settings_fit(settings: Settings) -> Iterator[Finding]:
    """Settings that are each in order, and not together."""
    found = list(_misfits(settings))
    yield from found or [ok("settings", "every setting can be read, and they fit each other")]


def _misfits(settings: Settings) -> Iterator[Finding]:
    https = settings.public_url is None or settings.public_url.startswith("https://")
    if not https:
        yield warn("settings", "PUBLIC_URL is not https://", "Telegram calls no other address")
    twilio = {
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_AUTH_TOKEN": settings.twilio_auth_token,
        "TWILIO_WHATSAPP_FROM": settings.twilio_whatsapp_from,
    }
    missing = [name for name, value in twilio.items() if value is None]
    if 0 < len(missing) < len(twilio):
        advice = "without all three nothing goes out unasked on WhatsApp"
        yield warn("settings", f"{', '.join(missing)}: not set", advice)
    if settings.twilio_auth_token is not None and settings.public_url is None:
        advice = "signatures of WhatsApp's webhooks cover the public address: set it"
        yield warn("settings", "TWILIO_AUTH_TOKEN without PUBLIC_URL", advice)
    if settings.hes_service_url is not None and not settings.hes_service_user:
        yield warn("settings", "HES_SERVICE_URL without HES_SERVICE_USER", "set the account")


def home(settings: Settings) -> Finding:
    """The home folder: whether it can be written, and by whom it can be read."""
    path = settings.hesbot_home
    if not path.exists():
        return warn("home", f"{path} is not there", "it is made at the first start")
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return fail("home", f"{path} cannot be read and written", "mend its owner, or HESBOT_HOME")
    if stat.S_IMODE(path.stat().st_mode) & 0o022:
        return fail("home", f"others can write to {path}", f"run: chmod go-w {path}")
    if stat.S_IMODE(path.stat().st_mode) & 0o055:
        return warn("home", f"others can look into {path}", f"run: chmod 700 {path}")
    return ok("home", f"{path} is ours alone")


def disk(settings: Settings, measure: Free = free) -> Iterator[Finding]:
    """Room in the home and beside the database."""
    places = {"disk of the home": _standing(settings.hesbot_home)}
    if settings.database_file is not None:
        beside = _standing(settings.database_file.parent)
        if beside != places["disk of the home"]:
            places["disk of the database"] = beside
    for name, place in places.items():
        left = measure(place)
        words = f"{left / 1024**3:.1f} GiB free at {place}"
        if left < TOO_LITTLE:
            yield fail(name, words, "make room now: what cannot be written is not answered")
        elif left < LITTLE:
            yield warn(name, words, "make room")
        else:
            yield ok(name, words)


def clock(settings: Settings) -> Iterator[Finding]:
    """The clock's pin and the data of time zones."""
    if settings.hesbot_now is not None:
        yield warn("clock", "HESBOT_NOW sets it to another time", "for demonstrations only")
    else:
        yield ok("clock", "the real one")
    try:
        there = datetime(2021, 1, 15, tzinfo=UTC).astimezone(ZoneInfo("Europe/Istanbul"))
    except (ZoneInfoNotFoundError, OSError, ValueError):
        yield fail("time zones", "no data for Europe/Istanbul", "install tzdata")
        return
    if there.hour == 3:
        yield ok("time zones", "Europe/Istanbul is known")
    else:
        yield fail("time zones", "the data for Europe/Istanbul is not right", "renew tzdata")


def _standing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())
