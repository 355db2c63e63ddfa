"""What ``hesbot doctor`` looks at: settings, home, keys, records, disk, clock, messengers.

Every check finds one thing and says what to do about it. None changes anything, and none says a
secret. A check that cannot be made says so instead of failing the others.
"""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp

from bot.clock import wall
from bot.records import given_keys
from bot.settings import Settings
from storage import Database, KeyRing, Unavailable, UnknownDatabase, UnusableKeys, Vault
from storage.checkup import Checkup, checkup

TELEGRAM = "https://api.telegram.org"
WITHIN = aiohttp.ClientTimeout(total=10)
SCARCE, LOW = 1 << 30, 10 << 30
"""Bytes of free disk below which records will soon not be written, and below which to look."""
OFF = timedelta(seconds=5)
"""By how much our clock may differ from the database server's."""


class Verdict(StrEnum):
    """How it is: nothing to do, to be looked at, to be mended before people are let in."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    found: str
    do: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which they are best mended."""
    findings = [_home(settings), _disk(settings), _clock(settings), *_addresses(settings)]
    keys, ring = _keys(settings)
    findings.append(keys)
    findings += await _records(settings, ring)
    asked: list[Awaitable[Finding]] = []
    async with aiohttp.ClientSession(timeout=WITHIN) as session:
        if settings.telegram_bot_token:
            asked.append(_telegram(settings, session))
        if settings.hes_service_url:
            asked.append(_reached("hes service", settings.hes_service_url, session))
        findings += await asyncio.gather(*asked)
    return findings


# --- here -----------------------------------------------------------------------------------


def _home(settings: Settings) -> Finding:
    home = settings.hesbot_home
    if not home.exists():
        return Finding("home", Verdict.OK, "will be made at the first start")
    if stat.S_IMODE(home.stat().st_mode) & 0o077:
        return Finding("home", Verdict.WARN, "others can look into it", f"chmod 700 {home}")
    return Finding("home", Verdict.OK, "only its owner can look into it")


def _disk(settings: Settings) -> Finding:
    place = settings.database_file or settings.hesbot_home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / (1 << 30):.1f} GB free"
    if free < SCARCE:
        return Finding("disk", Verdict.FAIL, found, "make room: a full disk takes no messages")
    if free < LOW:
        return Finding("disk", Verdict.WARN, found, "a million registrations take 10 GB a week")
    return Finding("disk", Verdict.OK, found)


def _clock(settings: Settings) -> Finding:
    try:
        ZoneInfo("Europe/Istanbul")
    except ZoneInfoNotFoundError:
        return Finding("clock", Verdict.FAIL, "no data of time zones", "install tzdata")
    if settings.hesbot_now is not None:
        return Finding(
            "clock", Verdict.WARN, "HESBOT_NOW pins it", "unset it but for demonstrations"
        )
    return Finding("clock", Verdict.OK, "the machine's own")


def _addresses(settings: Settings) -> list[Finding]:
    """Settings that are each right and do not go together."""
    found: list[Finding] = []
    webhooks = settings.telegram_bot_token or settings.twilio_auth_token
    if webhooks and settings.public_url is None:
        found.append(
            Finding(
                "public url",
                Verdict.WARN,
                "not set: Telegram is polled, WhatsApp's signatures cover another address",
                "set PUBLIC_URL to where the world reaches us",
            )
        )
    elif settings.public_url and not settings.public_url.startswith("https://"):
        do = "put a proxy with TLS in front, and name its https address"
        found.append(Finding("public url", Verdict.WARN, "is not https", do))
    account, sender = settings.twilio_account_sid, settings.twilio_whatsapp_from
    if settings.twilio_auth_token and not (account and sender):
        do = "set TWILIO_ACCOUNT_SID and TWILIO_WHATSAPP_FROM"
        found.append(Finding("whatsapp", Verdict.WARN, "answers, but sends no notices", do))
    if settings.twilio_auth_token and settings.whatsapp_sensitive == "chat":
        found.append(
            Finding(
                "whatsapp policy",
                Verdict.WARN,
                "identity numbers are asked for in WhatsApp, which its business policy forbids",
                "WHATSAPP_SENSITIVE=web",
            )
        )
    return found


def _keys(settings: Settings) -> tuple[Finding, KeyRing | None]:
    try:
        ring = given_keys(settings)
    except UnusableKeys as error:
        return Finding("keys", Verdict.FAIL, str(error), "put the key ring's copy back"), None
    if ring is not None:
        return Finding("keys", Verdict.OK, f"{len(ring.sealing)} to read with"), ring
    if settings.fresh:
        return Finding("keys", Verdict.OK, "will be made at the first start"), None
    lost = "there are none, and without them what is on record cannot be read by anyone"
    return Finding("keys", Verdict.FAIL, lost, "put the key ring's copy back"), None


# --- records --------------------------------------------------------------------------------


async def _records(settings: Settings, ring: KeyRing | None) -> list[Finding]:
    if settings.fresh:
        return [Finding("records", Verdict.OK, "will be made at the first start")]
    url = settings.database_url or f"sqlite:///{settings.database_file}"
    try:
        database = Database.as_it_is(url)
    except UnknownDatabase as error:
        return [Finding("records", Verdict.FAIL, str(error), "mend DATABASE_URL")]
    try:
        found = await checkup(database, None if ring is None else Vault(ring), wall())
    except Unavailable as error:
        return [Finding("records", Verdict.FAIL, str(error), "see that the database runs")]
    finally:
        await database.close()
    return _judged(found)


def _judged(found: Checkup) -> list[Finding]:
    judged = [Finding("records", Verdict.OK, found.version)]
    if not found.newest:
        do = "hesbot db upgrade; a start does it too"
        judged.append(Finding("tables", Verdict.WARN, "of another release", do))
    if found.keys_fit is False:
        do = "set HESBOT_KEYS, or put the key ring's copy back"
        judged.append(Finding("keys of records", Verdict.FAIL, "are others than ours", do))
    if not found.writable:
        do = "free its disk, or end what holds it"
        judged.append(Finding("writing", Verdict.FAIL, "nothing can be written", do))
    if abs(found.clock_off) > OFF:
        late = f"{found.clock_off.total_seconds():.0f} s beside ours"
        judged.append(Finding("its clock", Verdict.WARN, late, "let both follow NTP"))
    if found.due_for is not None and found.due_for > timedelta(minutes=10):
        waits = f"the oldest has waited {found.due_for.total_seconds() / 60:.0f} minutes"
        judged.append(Finding("notices", Verdict.WARN, waits, "run hesbot run or hesbot worker"))
    return judged


# --- elsewhere ------------------------------------------------------------------------------


async def _telegram(settings: Settings, session: aiohttp.ClientSession) -> Finding:
    token = settings.telegram_bot_token
    base = f"{settings.telegram_api_base or TELEGRAM}/bot{token and token.get_secret_value()}"
    try:
        me = await _asked(session, f"{base}/getMe")
        hook = await _asked(session, f"{base}/getWebhookInfo")
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return Finding("telegram", Verdict.FAIL, "cannot be reached", "see to the way out")
    if not me.get("ok"):
        do = "put @BotFather's token into TELEGRAM_BOT_TOKEN"
        return Finding("telegram", Verdict.FAIL, "refuses the token", do)
    wanted = f"{settings.public_url}/telegram" if settings.public_url else ""
    told: Mapping[str, Any] = hook.get("result") or {}
    if told.get("url", "") != wanted:
        found = "its webhook leads elsewhere" if wanted else "it has a webhook, so polling waits"
        return Finding("telegram", Verdict.WARN, found, "a start of hesbot run sets it")
    waiting = told.get("pending_update_count", 0)
    if told.get("last_error_date") and waiting:
        found = f"{waiting} messages wait, for its last request failed"
        return Finding("telegram", Verdict.WARN, found, "see that /telegram can be reached")
    return Finding("telegram", Verdict.OK, f"token accepted, {waiting} messages wait")


async def _asked(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url) as response:
        said = await response.json(content_type=None)
    if not isinstance(said, dict):
        raise ValueError("not an answer of a Bot API server")
    return said


async def _reached(name: str, url: str, session: aiohttp.ClientSession) -> Finding:
    """Whether anything answers there; what it says without a question says nothing."""
    try:
        async with session.get(url):
            return Finding(name, Verdict.OK, "answers")
    except (aiohttp.ClientError, TimeoutError):
        return Finding(name, Verdict.FAIL, "cannot be reached", "see to the way out")


def worst(findings: list[Finding]) -> Verdict:
    """What is to be said of all together."""
    verdicts = {each.verdict for each in findings}
    return next(each for each in (Verdict.FAIL, Verdict.WARN, Verdict.OK) if each in verdicts)


def as_json(finding: Finding) -> dict[str, str]:
    """A finding as JSON-ready values."""
    return {
        "name": finding.name,
        "verdict": str(finding.verdict),
        "found": finding.found,
        "do": finding.do,
    }
