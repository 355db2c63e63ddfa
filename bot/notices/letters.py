"""A notice in words: which sentence a delivery is, and what stands in it.

Knows the catalogue's keys; no messenger and no records beyond the parcel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.channels.base import Letter, Limits
from bot.notices.outcomes import CLOSED
from bot.notices.rules import REMINDERS, WINDOW, Kind, days_until
from bot.wording import REFERENCE, Wording, cut
from conversations import broadcasts
from conversations.actions import Status
from conversations.calendar import last_moment
from conversations.replies import Param, Word
from storage import Parcel
from storage.campaigns import Campaign

LAST_DIGITS = 4
"""By how many of its last digits a card is called in a notice."""
SAMPLE_CARD = "7301234567890123"
"""Stands in a test for the card that whoever looks at it does not have."""

SENTENCES = (
    Word("notice.suspended"),
    Word("notice.returned"),
    Word("notice.passive"),
    Word("notice.code_lost"),
    Word("notice.code_expired"),
    Word("notice.code_expired.passive"),
    Word("notice.code_expires"),
    Word("notice.code_expires.tomorrow"),
    Word("notice.paired_elsewhere"),
    Word("notice.deadline"),
    Word("notice.deadline.tomorrow"),
    Word("notice.deadline.renew"),
    Word("notice.deadline.renew.tomorrow"),
    Word("notice.deadline_passed"),
    Word("notice.unfinished"),
)
"""Every sentence that can go out unasked."""


def worded(
    parcel: Parcel, wording: Wording, limits: Limits, now: datetime, deadline: datetime
) -> Letter:
    """The letter of a delivery, in the language of its address."""
    if parcel.campaign is not None:
        return announced(parcel, parcel.campaign, wording, limits, now, deadline)
    said = sentence(parcel, now, deadline)
    text = wording.text(said, parcel.locale)
    if Kind(parcel.kind) in REMINDERS:
        text = f"{text}\n\n{wording.text(Word('notice.reminders'), parcel.locale)}"
    return Letter(
        to=parcel.address.id,
        name=said.key,
        locale=parcel.locale,
        text=cut(text, limits.text)[0],
        values=wording.values(said, parcel.locale),
        reference=parcel.key,
        open=parcel.last != CLOSED and _is_open(parcel, now),
    )


# --- the staff's own words -------------------------------------------------------------------


def announced(
    parcel: Parcel,
    campaign: Campaign,
    wording: Wording,
    limits: Limits,
    now: datetime,
    deadline: datetime,
) -> Letter:
    """The letter of a broadcast, or of a test of one; in Turkish for whose language has no text."""
    locale = parcel.locale if parcel.locale in campaign.texts else REFERENCE
    template = campaign.texts[locale]
    values = _personal(parcel, wording, locale, now, deadline)
    text = broadcasts.filled(template, values)
    if parcel.kind == Kind.TEST:
        text = f"{wording.text(Word('broadcast.test'), locale)}\n\n{text}"
    if not campaign.urgent:
        text = f"{text}\n\n{wording.text(Word('notice.reminders'), locale)}"
    return Letter(
        to=parcel.address.id,
        name=parcel.kind,
        locale=locale,
        text=cut(text, limits.text)[0],
        values=tuple(values[name] for name in broadcasts.placeholders(template)),
        reference=parcel.key,
        open=parcel.last != CLOSED and _is_open(parcel, now),
        template=campaign.templates.get(locale, ""),
    )


def _personal(
    parcel: Parcel, wording: Wording, locale: str, now: datetime, deadline: datetime
) -> dict[str, str]:
    """What stands for each placeholder. Only a test goes to somebody without a card."""
    until = Word("broadcast.unlimited") if parcel.valid_until is None else parcel.valid_until
    values: dict[str, Param] = {
        "ad": parcel.first_name or Word("broadcast.somebody"),
        "son_gun": deadline,
        "kalan_gun": max(days_until(deadline, now), 0),
        "kart_sonu": (parcel.number or SAMPLE_CARD)[-LAST_DIGITS:],
        "kod_bitis": last_moment(until) if isinstance(until, datetime) else until,
    }
    return {name: wording.spoken(value, locale) for name, value in values.items()}


def _is_open(parcel: Parcel, now: datetime) -> bool:
    return parcel.heard_at is not None and now < parcel.heard_at + WINDOW


def sentence(parcel: Parcel, now: datetime, deadline: datetime) -> Word:
    """Which sentence a delivery is at this moment, with what stands in it."""
    kind = Kind(parcel.kind)
    if kind is Kind.CODE_LOST and parcel.status is Status.PASSIVE:
        kind = Kind.PASSIVE
    key = f"notice.{kind}{_VARIANT.get(kind, _plain)(parcel, now, deadline)}"
    params: dict[str, Param] = {"deadline": deadline}
    if parcel.number is not None:
        params["card"] = parcel.number[-LAST_DIGITS:]
    if parcel.valid_until is not None:
        params["until"] = last_moment(parcel.valid_until)
    params["days"] = days_until(_end(parcel, deadline), now)
    return Word(key, params)


def _end(parcel: Parcel, deadline: datetime) -> datetime:
    if parcel.kind == Kind.CODE_EXPIRES and parcel.valid_until is not None:
        return last_moment(parcel.valid_until)
    return deadline


def _plain(_parcel: Parcel, _now: datetime, _deadline: datetime) -> str:
    return ""


def _tomorrow(parcel: Parcel, now: datetime, deadline: datetime) -> str:
    return ".tomorrow" if days_until(_end(parcel, deadline), now) == 1 else ""


def _renewing(parcel: Parcel, now: datetime, deadline: datetime) -> str:
    """Whose card has a code of no use is to send another one; nothing there is to be continued."""
    return f"{'.renew' if parcel.about.get('paired') else ''}{_tomorrow(parcel, now, deadline)}"


def _closed(parcel: Parcel, _now: datetime, _deadline: datetime) -> str:
    return ".passive" if parcel.status is Status.PASSIVE else ""


_VARIANT: Mapping[Kind, Callable[[Parcel, datetime, datetime], str]] = {
    Kind.CODE_EXPIRES: _tomorrow,
    Kind.DEADLINE: _renewing,
    Kind.CODE_EXPIRED: _closed,
}
