"""The duty desk's view of a citizen, on both databases: found by whole numbers, masked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from conversations.actions import (
    Document,
    RecordConsent,
    SetNotices,
    SetReminders,
    Status,
    Verdict,
)
from storage import tables
from storage.conversations import Conversations
from storage.entries import Entry, Post, Urgency
from storage.ledger import Ledger
from storage.lookups import (
    DELIVERIES,
    HANDFUL,
    AddressView,
    ConsentView,
    DeliveryView,
    Found,
    HeldCard,
    Lookups,
)
from storage.vault import Vault
from tests.storage.people import (
    AFTER,
    AYSE,
    AYSE_ANSWERS,
    AYSE_AT_WHATSAPP,
    BORA,
    BORA_ANSWERS,
    CARD,
    NOW,
    OTHER_CARD,
    OTHER_CODE,
    TERMS,
    Office,
)

CONSENT = Document("consent", "2021-01")
UNTIL = datetime(2021, 6, 1, tzinfo=UTC)
AYSES_PHONE = "+905320000021"


class Desk:
    """Looks people up in an office."""

    def __init__(self, office: Office, vault: Vault) -> None:
        self.office, self.vault = office, vault
        self.lookups = Lookups(vault, office.registry.cards)

    async def card(self, number: str, now: datetime = NOW) -> Found:
        async with self.office.database.read() as conn:
            return await self.lookups.by_card(conn, number, now)

    async def person(self, number: str) -> Found:
        async with self.office.database.read() as conn:
            return await self.lookups.by_identity_number(conn, number, NOW)

    async def phone(self, phone: str) -> Found:
        async with self.office.database.read() as conn:
            return await self.lookups.by_phone(conn, phone, NOW)


@pytest.fixture
def desk(office: Office, vault: Vault) -> Desk:
    """An empty register and a desk before it."""
    return Desk(office, vault)


async def test_a_person_is_found_by_each_whole_number(desk: Desk) -> None:
    """By card, identity number and phone it is the same view; a part of a number finds nobody."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    await desk.office.paired(BORA, BORA_ANSWERS)
    found = await desk.card(CARD)
    assert len(found.citizens) == 1
    assert found == await desk.person("10000000146") == await desk.phone(AYSES_PHONE)
    assert await desk.card(CARD[:15]) == await desk.phone("5320000021") == Found()
    assert await desk.person("64211142102") == Found()


async def test_everything_is_masked(desk: Desk) -> None:
    """Nothing that was typed is in the view, whichever way it is printed."""
    saved = await desk.office.paired(AYSE, AYSE_ANSWERS)
    await desk.office.verdict(saved, Verdict.VALID, UNTIL)
    found = await desk.card(CARD)
    (view,) = found.citizens
    assert (view.name, view.identity_number) == ("Ay•• Yı••••••••", "100••••••46")
    assert (view.phone, view.email) == ("+90 532 ••• •• 21", "a•••@example.com")
    assert view.registered == date(2021, 1, 10)
    assert view.cards == (
        HeldCard(
            saved.cards[0].card,
            "7301 •••• •••• 2222",
            Status.ACTIVE,
            "paired",
            "A1B2-••••-78",
            UNTIL,
            NOW,
            by_relative=False,
        ),
    )
    shown = repr(found)
    for name, value in AYSE_ANSWERS.items():
        assert str(value) not in shown, name
    assert AYSE.id not in shown


async def test_what_a_person_does_not_have_is_left_out(desk: Desk) -> None:
    """No surname, no e-mail address."""
    await desk.office.paired(BORA, BORA_ANSWERS)
    (view,) = (await desk.card(OTHER_CARD)).citizens
    assert (view.name, view.email) == ("Bo••", None)


async def test_a_card_without_a_pair_is_shown_alone(desk: Desk) -> None:
    """What it is follows from the facts at that moment; the former holder is not told."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    async with desk.office.database.begin() as conn:
        await conn.execute(update(tables.links).values(ended_at=NOW, end_cause="replaced"))
    found = await desk.card(CARD)
    assert found.citizens == ()
    assert found.card == HeldCard(
        1, "7301 •••• •••• 2222", Status.UNPAIRED, "never_paired", None, None, None, False
    )
    late = (await desk.card(CARD, AFTER)).card
    assert late is not None
    assert (late.status, late.cause) == (Status.PASSIVE, "deadline_passed")


async def test_a_relatives_hand_shows(desk: Desk) -> None:
    """Whose card it is counts, and that the address it was paired from is another's."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    await desk.office.paired(AYSE, BORA_ANSWERS, relative=True, terms=TERMS)
    (bora,) = (await desk.card(OTHER_CARD)).citizens
    assert [card.by_relative for card in bora.cards] == [True]
    assert bora.addresses == ()
    assert [each.document for each in bora.consents] == ["terms"]
    (ayse,) = (await desk.card(CARD)).citizens
    assert [card.by_relative for card in ayse.cards] == [False]
    assert ayse.consents == ()


async def test_cards_stand_newest_first(desk: Desk) -> None:
    """Several of one person, each with what it is."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    await desk.office.paired(AYSE, {"card_number": OTHER_CARD, "hes_code": OTHER_CODE})
    await desk.office.suspend()
    (view,) = (await desk.card(CARD)).citizens
    assert [(card.number[-4:], card.status) for card in view.cards] == [
        ("4444", Status.ACTIVE),
        ("2222", Status.SUSPENDED),
    ]


async def test_addresses_say_what_reaches_them(desk: Desk, vault: Vault) -> None:
    """Which messenger and language, what was declined, and when the person was last heard."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    await desk.office.paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS)
    await desk.office.ask(AYSE, SetReminders(False))
    await desk.office.ask(AYSE_AT_WHATSAPP, SetNotices(False))
    async with desk.office.database.begin() as conn:
        await desk.office.registry.set_reach(conn, AYSE_AT_WHATSAPP, False, NOW)
        await Conversations(vault).keep(conn, {AYSE: b"a state"}, [], NOW)
    (view,) = (await desk.phone(AYSES_PHONE)).citizens
    assert view.addresses == (
        AddressView("telegram", "tr", False, True, False, NOW),
        AddressView("whatsapp", "tr", True, False, True, None),
    )


async def test_the_last_deliveries_are_told(desk: Desk, vault: Vault) -> None:
    """The newest first, with what became of each and when; nobody else's."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    await desk.office.paired(BORA, BORA_ANSWERS)
    entry = Entry("", "expiry", Urgency.REMINDER, 1, "telegram", NOW)
    entries = [replace(entry, key=f"k{number:02}") for number in range(DELIVERIES + 3)]
    async with desk.office.database.begin() as conn:
        await Ledger(vault).write(conn, entries, NOW)
        other = replace(entry, key="last", kind="suspended", address=2)
        await Ledger(vault).write(conn, [other], NOW + timedelta(hours=1))
        late, row = NOW + timedelta(minutes=1), tables.deliveries
        sent = {"created_at": late, "sent_at": late, "state": "read"}
        await conn.execute(update(row).where(row.c.key == "k03").values(sent))
    (ayse,) = (await desk.card(CARD)).citizens
    assert len(ayse.deliveries) == DELIVERIES
    assert ayse.deliveries[:2] == (
        DeliveryView("expiry", "telegram", Post.READ, "", late),
        DeliveryView("expiry", "telegram", Post.PENDING, "", NOW),
    )
    (bora,) = (await desk.card(OTHER_CARD)).citizens
    assert [each.kind for each in bora.deliveries] == ["suspended"]


async def test_consents_are_told_with_their_end(desk: Desk) -> None:
    """Also those given before the person was known by name."""
    await desk.office.ask(AYSE, RecordConsent((CONSENT,)))
    later = desk.office.at(NOW + timedelta(minutes=5))
    await later.paired(AYSE, AYSE_ANSWERS, terms=TERMS)
    row = tables.consents
    async with desk.office.database.begin() as conn:
        withdrawn = {"withdrawn_at": later.now}
        await conn.execute(update(row).where(row.c.document == "consent").values(withdrawn))
    (view,) = (await desk.card(CARD)).citizens
    assert view.consents == (
        ConsentView("terms", "2021-01", "telegram", later.now, None),
        ConsentView("consent", "2021-01", "telegram", NOW, later.now),
    )


async def test_many_with_one_phone_are_a_handful(desk: Desk, vault: Vault) -> None:
    """The newest of them, and that there are more."""
    await desk.office.paired(AYSE, AYSE_ANSWERS)
    async with desk.office.database.begin() as conn:
        (ayse,) = (await conn.execute(tables.citizens.select())).all()
        for number in range(HANDFUL):
            key = bytes([number]) * 16
            profile = vault.seal(b'{"first_name": "Nur"}', b"citizens:" + key)
            values = {**ayse._mapping, "id": 100 + number, "identity_key": key, "profile": profile}
            await conn.execute(tables.citizens.insert().values(values))
    found = await desk.phone(AYSES_PHONE)
    assert [view.name for view in found.citizens] == ["Nu•"] * HANDFUL
    assert found.more
    assert not (await desk.card(CARD)).more
