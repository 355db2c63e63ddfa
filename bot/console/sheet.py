"""What an author typed into the page, read into a draft; every refusal by the field it is about.

Pure: the texts of fields in, a draft or words out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from bot.clock import Clock
from bot.notices.drafting import drafted
from bot.wording import REFERENCE
from conversations.broadcasts import Audience, Group, Refusal, broadcast_text
from conversations.calendar import ISTANBUL
from conversations.outcomes import Invalid
from conversations.replies import Word
from storage import Draft

PER_CENT = 100
SOUND = "."
"""A text against which other fields are checked while the real one cannot be used yet."""

Troubles = Mapping[str, Word]
"""Why a field cannot be used as it is, by the field's name; ``text.tr`` and ``template.tr`` are by
language."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The fields as they were filled in. Days and moments are ISO, in Istanbul, "" if left empty;
    ``failure_limit`` is in per cent."""

    title: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    group: str = Group.ALL
    channels: Collection[str] = ()
    locales: Collection[str] = ()
    registered_since: str = ""
    code_ends_before: str = ""
    not_told_days: float | None = None
    urgent: bool = False
    resend_unknown: bool = False
    failure_limit: float | None = 20.0
    starts_at: str = ""


def sheet_of(draft: Draft) -> Sheet:
    """A draft as its fields were filled in."""
    wanted = draft.audience
    starts_at = draft.starts_at
    return Sheet(
        draft.title,
        draft.texts,
        draft.templates,
        str(wanted.group),
        wanted.channels,
        wanted.locales,
        "" if wanted.registered_since is None else wanted.registered_since.isoformat(),
        "" if wanted.code_ends_before is None else wanted.code_ends_before.isoformat(),
        wanted.not_told_days,
        draft.urgent,
        draft.resend_unknown,
        round(draft.failure_limit * PER_CENT, 2),
        "" if starts_at is None else f"{starts_at.astimezone(ISTANBUL):%Y-%m-%dT%H:%M}",
    )


def read(sheet: Sheet, locales: Collection[str], now: Clock) -> tuple[Draft | None, Troubles]:
    """The draft, None if a field is in the way; and what is wrong with which field."""
    troubles: dict[str, Word] = {}
    audience = _audience(sheet, troubles)
    texts = _texts(sheet, audience, troubles)
    _check(sheet, audience, locales, texts, troubles)
    starts_at = _moment(sheet.starts_at, troubles)
    if starts_at is not None and starts_at <= now():
        troubles["starts_at"] = Refusal("past").word
    if troubles:
        return None, troubles
    draft = drafted(
        texts,
        audience,
        locales,
        title=sheet.title,
        templates=sheet.templates,
        urgent=sheet.urgent,
        resend_unknown=sheet.resend_unknown,
        failure_limit=_share(sheet),
        starts_at=starts_at,
    )
    return draft, troubles


def _audience(sheet: Sheet, troubles: dict[str, Word]) -> Audience:
    days = sheet.not_told_days
    return Audience(
        Group(sheet.group),
        tuple(sorted(sheet.channels)),
        tuple(sorted(sheet.locales)),
        _day("registered_since", sheet.registered_since, troubles),
        _day("code_ends_before", sheet.code_ends_before, troubles),
        # A part of a day is none that could be meant.
        None if days is None else int(days) if days == int(days) else 0,
    )


def _day(name: str, text: str, troubles: dict[str, Word]) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        troubles[name] = Word("console.broadcast.no_day")
        return None


def _moment(text: str, troubles: dict[str, Word]) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ISTANBUL) if text else None
    except ValueError:
        troubles["starts_at"] = Word("console.broadcast.no_moment")
        return None


def _texts(sheet: Sheet, audience: Audience, troubles: dict[str, Word]) -> dict[str, str]:
    """Those that are there; each is looked at by itself, so that it is known which one it is."""
    filled = {name: text for name, text in sheet.texts.items() if text.strip()}
    for name, text in {REFERENCE: "", **filled}.items():
        try:
            broadcast_text(text, audience)
        except Invalid as invalid:
            troubles[f"text.{name}"] = Word(f"invalid.{invalid.code}", invalid.params)
    return filled


def _check(
    sheet: Sheet,
    audience: Audience,
    locales: Collection[str],
    texts: Mapping[str, str],
    troubles: dict[str, Word],
) -> None:
    """Everything but the texts, each by itself."""
    sound = dict.fromkeys((REFERENCE, *texts), SOUND)
    checks: dict[str, dict[str, Any]] = {
        f"template.{name}": {"templates": {name: sid}} for name, sid in sheet.templates.items()
    }
    checks["failure_limit"] = {"failure_limit": _share(sheet)}
    for name, facts in checks.items():
        try:
            drafted(sound, Audience(), locales, **facts)
        except Refusal as refusal:
            troubles[name] = refusal.word
    try:
        drafted(sound, audience, locales)
    except Refusal as refusal:
        troubles[str(refusal.params.get("what", ""))] = refusal.word


def _share(sheet: Sheet) -> float:
    return round((sheet.failure_limit or 0) / PER_CENT, 4)
