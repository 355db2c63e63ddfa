"""Looking somebody up: in any spelling, with a reason, and on record before anything is shown."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from bot.lookups import NoReason, NotAKey, look_up
from storage import Connection, Registry, tables
from storage.audit import Audit, AuditEntry
from storage.lookups import Found, Lookups
from tests.bot.office import CARD, DEADLINE, NOW, SCRIPT, Office, office

REASON = "Arayan kendisi, kartı geçmiyor"


@dataclass(frozen=True)
class Nur:
    """Somebody of the staff."""

    name: str = "Nur"


class Duty:
    """A duty desk at an office."""

    def __init__(self, at: Office) -> None:
        self.at = at
        self.audit = Audit(at.vault)
        self.lookups = Lookups(at.vault, Registry(at.vault, deadline=DEADLINE).cards)

    async def look(self, what: str, reason: str = REASON, audit: Any = None) -> Found:
        used = audit or self.audit
        return await look_up(self.at.database, self.lookups, used, Nur(), what, reason, NOW)

    async def written(self) -> list[AuditEntry]:
        """What the audit says, newest first."""
        async with self.at.database.read() as connection:
            return await self.audit.entries(connection)


@pytest.fixture
async def duty(tmp_path: Path) -> AsyncIterator[Duty]:
    """A desk where one person has registered."""
    async with office(tmp_path) as opened:
        await opened.talk(*SCRIPT)
        yield Duty(opened)


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("7301 0000 1111 2222", "card"),
        ("7301-0000-1111-2222", "card"),
        (CARD, "card"),
        ("10000000146", "identity_number"),
        ("TC: 100 000 001 46", "identity_number"),
        ("1OOOOOOO146", "identity_number"),
        ("0532 000 00 21", "phone"),
        ("5320000021", "phone"),
        ("+90 (532) 000 00 21", "phone"),
    ],
)
async def test_any_spelling_finds(duty: Duty, what: str, kind: str) -> None:
    """As people write numbers; the kind is in the audit, the number is not."""
    found = await duty.look(what)
    assert [view.name for view in found.citizens] == ["Ay•• Yı••••••••"]
    (entry,) = await duty.written()
    assert (entry.who, entry.act, entry.at) == ("Nur", "look", NOW)
    assert entry.subject == f"citizen:{found.citizens[0].id}"
    assert entry.detail == {"by": kind, "reason": REASON}


async def test_a_look_that_finds_nobody_is_written_down(duty: Duty) -> None:
    """Who tries numbers is seen."""
    assert await duty.look("17291716060") == Found()
    (entry,) = await duty.written()
    assert (entry.subject, entry.detail) == ("nobody", {"by": "identity_number", "reason": REASON})


async def test_a_card_without_a_pair_is_its_own_subject(duty: Duty) -> None:
    """There is nobody to name."""
    async with duty.at.database.begin() as connection:
        for table in (tables.card_history, tables.links):
            await connection.execute(delete(table))
    found = await duty.look(CARD)
    assert found.card is not None
    assert found.citizens == ()
    (entry,) = await duty.written()
    assert entry.subject == f"card:{found.card.id}"


@pytest.mark.parametrize("what", ["", "Ayşe Yıldızoğlu", "7301", "10000000145", "0212 000 00 21"])
async def test_what_is_no_whole_number_finds_nothing(duty: Duty, what: str) -> None:
    """Nobody is looked for by name or by a part, and the error does not repeat it."""
    with pytest.raises(NotAKey) as refused:
        await duty.look(what)
    assert refused.value.args == ()
    assert await duty.written() == []


@pytest.mark.parametrize(
    "reason",
    ["", "   x     ", "abcd", "x" * 501, f"kart {CARD}", "kart 7301 0000 1111 2222 geçmiyor"],
)
async def test_without_a_reason_nobody_is_shown(duty: Duty, reason: str) -> None:
    """Five characters at least; and the number itself is none, for it would be kept."""
    with pytest.raises(NoReason):
        await duty.look(CARD, reason)
    assert await duty.written() == []


class Deaf:
    """An audit that cannot be written to."""

    async def add(self, conn: Connection, *given: object, **detail: object) -> None:
        raise RuntimeError("no room")


async def test_what_cannot_be_written_down_is_not_shown(duty: Duty) -> None:
    """No row, no view."""
    with pytest.raises(RuntimeError, match="no room"):
        await duty.look(CARD, audit=Deaf())


async def test_nothing_looked_for_is_logged(duty: Duty, caplog: pytest.LogCaptureFixture) -> None:
    """Neither what was found nor by what."""
    with caplog.at_level(logging.DEBUG):
        await duty.look("0532 000 00 21")
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("hesbot")]
    assert not any("532" in line or "Ay" in line for line in ours)
