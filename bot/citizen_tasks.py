"""What ``hesbot citizen`` does: show or erase a person, and write down who did so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.clock import clock
from bot.records import Records, open_records
from bot.settings import Settings
from bot.staff.acting import named
from conversations.actions import CardView, RecordFound, Value
from conversations.broadcasts import Role
from conversations.outcomes import Doubt, Invalid
from conversations.parsers import identity_number
from storage import Connection

MAY_ANSWER = frozenset({Role.OPERATOR})
"""Who of the staff may answer a citizen's request."""
ON_PAPER = "paper"
"""How an erasure was asked for, in its proof."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that is being met: its transaction, who meets it, and when."""

    records: Records
    conn: Connection
    who: str
    now: datetime

    async def note(self, act: str, **detail: Any) -> None:
        """Whose request it was is not written down: the audit outlives an erasure."""
        await self.records.audit.add(self.conn, self.who, act, "citizen", self.now, **detail)


def identity_of(text: str) -> str | None:
    """The identity number in a text; None if it is none."""
    try:
        found = identity_number(text, date.min)
    except (Invalid, Doubt):
        return None
    return str(found)


async def export_citizen(settings: Settings, number: str, by: str | None) -> dict[str, Any] | None:
    """All that is held of a person, as JSON-ready values; None if nothing is. Raise Declined."""
    async with _meeting(settings, by) as request:
        found = await request.records.registry.record_of(request.conn, number, request.now)
        if found is None:
            return None
        await request.note("citizen.export")
        return _plain(found)


async def erase_citizen(settings: Settings, number: str, by: str | None) -> dict[str, Any] | None:
    """Erase a person; what was erased and what stays. None if nothing was held. Raise Declined."""
    async with _meeting(settings, by) as request:
        registry = request.records.registry
        erased = await registry.erase(request.conn, number, request.now, ON_PAPER)
        if not erased.anything:
            return None
        staying = list(map(str, erased.staying))
        await request.note("citizen.erase", staying=staying)
        return {"erased": dict(erased.counts), "staying": staying}


@asynccontextmanager
async def _meeting(settings: Settings, by: str | None) -> AsyncIterator[_Request]:
    async with (
        open_records(settings, new_keys=False) as records,
        records.database.begin() as conn,
    ):
        who = await named(conn, records.staff, by, MAY_ANSWER)
        yield _Request(records, conn, who, clock(settings.hesbot_now)())


def _plain(found: RecordFound) -> dict[str, Any]:
    return {
        "person": _answers(found.answers),
        "cards": list(map(_card, found.cards)),
        "consents": [
            {"document": name, "version": version, "at": at.isoformat()}
            for name, version, at in found.consents
        ],
        "addresses": [
            {"channel": channel, "since": since.isoformat()} for channel, since in found.addresses
        ],
        "notices": found.told,
    }


def _answers(answers: Mapping[str, Value]) -> dict[str, str | None]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in answers.items()
    }


def _card(card: CardView) -> dict[str, Any]:
    until = card.valid_until
    return {
        "number": card.number,
        "hes_code": card.hes_code,
        "status": str(card.status),
        "cause": card.cause,
        "verified": card.verified,
        "valid_until": None if until is None else until.isoformat(),
    }
