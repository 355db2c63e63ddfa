"""What a command prints of the records: masked, as JSON or as plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from conversations import masks
from conversations.actions import Value
from storage import CardRecord
from storage.cards import LinkRecord


def digits_of(number: str) -> str | None:
    """A card number's 16 digits however it was grouped; None if it is not one."""
    digits = number.replace(" ", "").replace("-", "")
    return digits if len(digits) == 16 and digits.isascii() and digits.isdigit() else None


def card_as_json(card: CardRecord) -> dict[str, Any]:
    """A card's record with every personal value masked; moments are ISO, UTC."""
    return {
        "number": masks.card(card.number),
        "status": card.status.value,
        "cause": card.cause,
        "changed_at": card.changed_at.isoformat(),
        "link": None if card.link is None else _link(card.link),
        "holder": None if card.holder is None else _holder(card.holder),
        "history": [
            {"at": change.at.isoformat(), "status": change.status.value, "cause": change.cause}
            for change in card.history
        ],
    }


def card_as_text(plain: Mapping[str, Any]) -> str:
    """The same record, a line each, for a person."""
    return "\n".join(_lines(plain))


def _lines(plain: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in plain.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *_lines(value, f"{indent}  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  {'  '.join(map(str, row.values()))}" for row in value]
        else:
            lines.append(f"{indent}{name}: {'-' if value is None else value}")
    return lines


def _link(link: LinkRecord) -> dict[str, Any]:
    return {
        "hes_code": masks.hes(link.hes_code),
        "linked_at": link.linked_at.isoformat(),
        "verified": link.verified,
        "verdict": link.verdict.value,
        "checked_at": _moment(link.checked_at),
        "valid_until": _moment(link.valid_until),
    }


_MASKS = {
    "first_name": masks.name,
    "last_name": masks.name,
    "identity_number": masks.identity,
    "email": masks.email,
    "phone": masks.phone,
}


def _holder(profile: Mapping[str, Value]) -> dict[str, str | None]:
    return {name: _masked(name, value) for name, value in profile.items()}


def _masked(name: str, value: Value) -> str | None:
    """A birth date by its year; a value without a mask of its own not at all."""
    if value is None:
        return None
    if isinstance(value, date):
        return f"{value.year}-••-••"
    mask = _MASKS.get(name)
    return mask(value) if mask is not None else "••••"


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
