"""From what an author typed to a draft, checked: the same for command, console and chat.

Pure. What cannot be used raises ``Invalid`` (a text) or ``Refusal`` (anything else).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.channels.base import Limits
from bot.notices.letters import announced
from bot.wording import REFERENCE, Wording
from conversations.broadcasts import LONGEST, UNSEEN, Audience, Refusal, broadcast_text
from conversations.events import Address
from storage import Parcel
from storage.broadcast_rows import Draft
from storage.campaigns import Campaign

_TEMPLATE = re.compile(r"HX[0-9a-f]{32}")
"""A template's name at Twilio (Content API)."""
LONGEST_TITLE = 80
MOST_DAYS = 365


def drafted(
    texts: Mapping[str, str],
    audience: Audience,
    locales: Collection[str],
    *,
    title: str = "",
    templates: Mapping[str, str] | None = None,
    urgent: bool = False,
    resend_unknown: bool = False,
    failure_limit: float = 0.2,
    starts_at: datetime | None = None,
) -> Draft:
    """The draft. ``texts`` and ``templates`` are by language, empty ones are passed over;
    ``locales`` are the languages there are catalogues for; without a title the text begins one.

    Raise Invalid, Refusal.
    """
    _check_audience(audience, locales)
    kept = {
        locale: broadcast_text(text, audience)
        for locale, text in texts.items()
        if text.strip() or locale == REFERENCE
    }
    if REFERENCE not in kept:
        kept = {REFERENCE: broadcast_text("", audience)}
    named = {locale: sid.strip() for locale, sid in (templates or {}).items() if sid.strip()}
    _check_languages(kept, named, locales)
    if not 0 < failure_limit <= 1:
        raise Refusal("unsound", what="failure_limit")
    return Draft(
        _begun(_line(title) or kept[REFERENCE]),
        kept,
        audience,
        named,
        urgent,
        resend_unknown,
        failure_limit,
        starts_at,
    )


def _check_audience(audience: Audience, locales: Collection[str]) -> None:
    # How long a text may be depends on the channels, so they are looked at before it.
    if not set(audience.channels) <= set(LONGEST):
        raise Refusal("unsound", what="channel")
    if not set(audience.locales) <= set(locales):
        raise Refusal("unsound", what="locale")
    days = audience.not_told_days
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise Refusal("unsound", what="not_told_days")


def _check_languages(
    texts: Mapping[str, str], templates: Mapping[str, str], locales: Collection[str]
) -> None:
    if not {*texts, *templates} <= set(locales):
        raise Refusal("unsound", what="locale")
    if not set(templates) <= set(texts):
        raise Refusal("unsound", what="template")
    if not all(_TEMPLATE.fullmatch(sid) for sid in templates.values()):
        raise Refusal("unsound", what="template")


def _line(title: str) -> str:
    """A title in one line, without what is no character for people."""
    seen = (" " if unicodedata.category(sign) in UNSEEN else sign for sign in title)
    return " ".join("".join(seen).split())


def _begun(text: str) -> str:
    """The first words of a text, for a title."""
    line = text.splitlines()[0]
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1].rstrip()}…"


# --- what it will look like -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as a channel will carry it, with its length and the most it may have (both in
    UTF-16 units)."""

    channel: str
    locale: str
    text: str
    length: int
    limit: int


def bubbles(draft: Draft, wording: Wording, now: datetime, deadline: datetime) -> list[Bubble]:
    """How it reads on each channel of its audience, in each of its languages, for somebody
    invented."""
    campaign = Campaign(
        0, draft.urgent, False, str(draft.audience.group), draft.texts, draft.templates
    )
    return [
        _bubble(campaign, channel, locale, wording, now, deadline)
        for channel in (draft.audience.channels or LONGEST)
        for locale in draft.texts
    ]


def _bubble(
    campaign: Campaign,
    channel: str,
    locale: str,
    wording: Wording,
    now: datetime,
    deadline: datetime,
) -> Bubble:
    somebody = Parcel(
        id=0,
        key="",
        kind="broadcast",
        urgency=2,
        recipient=0,
        address=Address(channel, ""),
        locale=locale,
        about={},
        attempts=0,
        repeats=0,
        last="",
        expires_at=None,
        opted_out=False,
        reminders_off=False,
        blocked=False,
        heard_at=now,
        step="",
        travels=False,
        campaign=campaign,
        first_name="Ayşe Nur",
    )
    limit = LONGEST[channel]
    letter = announced(somebody, campaign, wording, Limits(text=limit), now, deadline)
    length = len(letter.text.encode("utf-16-le")) // 2
    return Bubble(channel, locale, letter.text, length, limit)
