"""Other people's systems: Telegram, Twilio, the HES service. Asks only what changes nothing there.

What they say is shown by its kind and number, never in their words: those may quote a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from bot.channels.whatsapp_api import REFUSALS, Throttled, TwilioLine, Unanswered, Unreached
from bot.channels.whatsapp_setup import SetUpFailed, approvals, listed
from bot.checks.findings import Finding, fail, ok, warn
from bot.clock import Clock
from bot.contents import APPROVED, drafts
from bot.settings import Settings
from bot.wording import Wording

OFFICIAL = "https://api.telegram.org"
WITHIN = aiohttp.ClientTimeout(total=10.0)
MANY = 1000
"""Updates that wait at Telegram when we are behind."""
FRESH = 3600.0
"""Seconds for which an error that Telegram met at our webhook is worth a word."""

_NO_ANSWER = (aiohttp.ClientError, TimeoutError, ValueError)


# --- Telegram -------------------------------------------------------------------------------


async def telegram(settings: Settings, real: Clock) -> list[Finding]:
    """Whether the token is accepted, and how our webhook does."""
    if settings.telegram_bot_token is None:
        return [ok("telegram", "not set up")]
    base = settings.telegram_api_base or OFFICIAL
    line = f"{base}/bot{settings.telegram_bot_token.get_secret_value()}"
    try:
        async with aiohttp.ClientSession(timeout=WITHIN) as session:
            status, _ = await _ask(session, f"{line}/getMe")
            if status != 200:
                return [_refused(status)]
            status, told = await _ask(session, f"{line}/getWebhookInfo")
    except _NO_ANSWER as error:
        found = f"no answer: {type(error).__name__}"
        return [fail("telegram", found, "see that this machine reaches TELEGRAM_API_BASE")]
    accepted = ok("telegram", "the token is accepted")
    if status != 200 or not isinstance(told, dict):
        return [accepted, warn("webhook", f"HTTP {status} when asked about it", "try again")]
    return [accepted, *_webhook(settings.public_url, told, real().timestamp())]


async def _ask(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with session.get(url, allow_redirects=False) as response:
        answer = await response.json(content_type=None)
        return response.status, answer.get("result") if isinstance(answer, dict) else None


def _refused(status: int) -> Finding:
    if status in (401, 404):
        return fail("telegram", "the token is refused", "mend TELEGRAM_BOT_TOKEN, see @BotFather")
    return fail("telegram", f"HTTP {status}", "see TELEGRAM_API_BASE, or try again")


def _webhook(public_url: str | None, told: Mapping[str, Any], now: float) -> Iterator[Finding]:
    at = str(told.get("url") or "")
    wanted = f"{public_url}/telegram" if public_url else ""
    if at == wanted:
        yield ok("webhook", f"at {wanted}" if wanted else "none: updates are fetched")
    elif wanted:
        found = "it is at another address" if at else "there is none"
        yield fail("webhook", found, f"start hesbot, which sets it to {wanted}")
    else:
        advice = "set PUBLIC_URL, or start hesbot run, which takes it down"
        yield fail("webhook", "there is one, and PUBLIC_URL is not set", advice)
    pending = int(told.get("pending_update_count") or 0)
    if pending > MANY:
        yield warn("updates", f"{pending} wait at Telegram", "see that hesbot runs and is reached")
    else:
        yield ok("updates", f"{pending} wait at Telegram")
    age = now - float(told.get("last_error_date") or 0)
    if age < FRESH:
        found = f"Telegram met an error at our webhook {age:.0f} seconds ago"
        yield warn("webhook errors", found, "see the proxy's certificate and log, and /readyz")


# --- WhatsApp -------------------------------------------------------------------------------


async def whatsapp(settings: Settings) -> list[Finding]:
    """Whether Twilio accepts the account, and what WhatsApp approved of the templates."""
    account, token = settings.twilio_account_sid, settings.twilio_auth_token
    if account is None or token is None:
        return [ok("twilio", "not set up for what goes out unasked")]
    try:
        async with TwilioLine(account, token.get_secret_value(), settings.twilio_api_base) as line:
            told = await line.client.api.v2010.accounts(account).fetch_async()
            accepted = _account(str(told.status))
            kept = await listed(line.client)
            names = [draft.name for draft in drafts(Wording.load()) if draft.is_notice]
            there = {name: kept[name] for name in names if name in kept}
            found = await approvals(line.client, there)
            return [accepted, _templates(names, found)]
    except REFUSALS as refusal:
        status = getattr(refusal, "status", 0)
        advice = "mend TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"
        return [fail("twilio", f"it refuses: HTTP {status}", advice)]
    except SetUpFailed as failure:
        return [fail("twilio", str(failure), "see TWILIO_API_BASE and Twilio's console")]
    except (Unreached, Unanswered, Throttled) as lost:
        return [fail("twilio", f"no answer: {type(lost).__name__}", "see TWILIO_API_BASE")]


def _account(status: str) -> Finding:
    if status == "active":
        return ok("twilio", "the account is accepted and active")
    shown = status if status in ("suspended", "closed") else "not active"
    return fail("twilio", f"the account is {shown}", "see Twilio's console")


def _templates(names: Iterable[str], found: Mapping[str, str]) -> Finding:
    wanted = sorted(names)
    missing = [name for name in wanted if name not in found]
    waiting = [name for name in wanted if found.get(name, APPROVED) != APPROVED]
    if missing:
        advice = "run: hesbot whatsapp setup"
        return warn("templates", f"{len(missing)} of {len(wanted)} are not made", advice)
    if waiting:
        some = ", ".join(f"{name} {found[name]}" for name in waiting[:3])
        advice = "notices without one are held; see Twilio's console"
        return warn(
            "templates", f"{len(waiting)} of {len(wanted)} are not approved: {some}", advice
        )
    return ok("templates", f"all {len(wanted)} are approved")


# --- the HES service ------------------------------------------------------------------------


async def hes_service(settings: Settings) -> Finding:
    """Whether somebody answers there. No code is asked about."""
    if settings.hes_service_url is None:
        return ok("hes service", "not set up: a code's form is checked only")
    user, password = settings.hes_service_user, settings.hes_service_password.get_secret_value()
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    status = 0
    with suppress(*_NO_ANSWER):
        async with (
            aiohttp.ClientSession(timeout=WITHIN, headers=headers) as session,
            session.get(
                f"{settings.hes_service_url}/check-hes-code", allow_redirects=False
            ) as response,
        ):
            status = response.status
    if not status:
        advice = "links stay “not yet verified” until it answers: see HES_SERVICE_URL"
        return fail("hes service", "no answer", advice)
    if status in (401, 403):
        return fail("hes service", f"it refuses the account: HTTP {status}", "mend its account")
    if status >= 500:
        return warn("hes service", f"it answers with HTTP {status}", "tell who runs it")
    return ok("hes service", "it answers")
