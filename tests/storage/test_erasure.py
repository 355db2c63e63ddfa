"""Erasing a person: what goes, what stays, and the proof."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from conversations.actions import (
    AmendPerson,
    CardsFound,
    Document,
    Done,
    ErasePerson,
    FindRecord,
    LookUpCards,
    LookUpPerson,
    PersonAmended,
    PersonErased,
    PersonFound,
    RecordConsent,
    RecordFound,
    RecordRefused,
    Status,
    Staying,
    WithdrawConsent,
)
from conversations.events import Address
from storage import tables
from storage.conversations import Conversations, Kept, address_key
from storage.vault import Vault
from tests.storage.people import (
    AYSE,
    AYSE_ANSWERS,
    AYSE_AT_WHATSAPP,
    BORA,
    BORA_ANSWERS,
    CARD,
    CODE,
    NOW,
    Office,
    word,
)

NUMBER = str(AYSE_ANSWERS["identity_number"])
DOCUMENTS = (Document("notice", "2021-01"), Document("consent", "2021-01"))


@pytest.fixture
async def town(office: Office) -> Office:
    """Ayşe at two messengers and Bora are paired."""
    await office.ask(AYSE, RecordConsent(DOCUMENTS))
    await office.paired(AYSE, AYSE_ANSWERS)
    await office.paired(AYSE_AT_WHATSAPP, AYSE_ANSWERS)
    await office.paired(BORA, BORA_ANSWERS)
    return office


async def keys_everywhere(office: Office) -> set[bytes]:
    """Every blind index that is in any table."""
    found: set[bytes] = set()
    async with office.database.read() as conn:
        for table in tables.metadata.sorted_tables:
            for column in table.columns:
                if column.name.endswith("key") and column.type.python_type is bytes:
                    found |= set(await conn.scalars(select(column)))
    return found


async def test_nothing_leads_to_them_any_more(town: Office, vault: Vault) -> None:
    """By identity number, phone, card, code or address of any messenger; others are as before."""
    talks = Conversations(vault)
    async with town.database.begin() as conn:
        kept = [Kept(AYSE, "1", b"answer")]
        await talks.keep(conn, {AYSE: b"state"}, kept, NOW)
    assert await town.ask(AYSE, ErasePerson()) == [PersonErased(True)]
    theirs = {
        vault.index("identity", NUMBER),
        vault.index("phone", str(AYSE_ANSWERS["phone"])),
        vault.index("card", CARD),
        vault.index("hes", CODE),
        address_key(vault, AYSE),
        address_key(vault, AYSE_AT_WHATSAPP),
    }
    assert not theirs & await keys_everywhere(town)
    assert (await town.ask(BORA, LookUpPerson()))[0] != PersonFound(None)


async def test_the_last_answer_is_nobodys(office: Office, vault: Vault) -> None:
    """It waits for its message to come again; whose that was does not stand beside it."""
    async with office.database.begin() as conn:
        kept = [Kept(AYSE, "1", b"erased"), Kept(BORA, "1", b"next question")]
        await Conversations(vault).keep(conn, {AYSE: None, BORA: b"state"}, kept, NOW)
    async with office.database.read() as conn:
        owners = set(await conn.scalars(select(tables.inbox.c.address_key)))
    assert address_key(vault, BORA) in owners
    assert address_key(vault, AYSE) not in owners
    assert len(owners) == 2


async def test_what_is_left_says_only_that_it_was_done(town: Office) -> None:
    """When, how it was asked for, how much; and the consents, without anybody to them."""
    await town.ask(AYSE, ErasePerson())
    (proof,) = await town.rows(tables.erasures)
    assert (proof.at, proof.way, proof.staying) == (NOW, "telegram", "")
    counted = json.loads(proof.counts)
    assert (counted["people"], counted["links"], counted["addresses"]) == (1, 2, 2)
    consents = await town.rows(tables.consents)
    assert {each.citizen_id for each in consents} == {None}


async def test_they_can_register_again(town: Office) -> None:
    """As anybody new."""
    await town.ask(AYSE, ErasePerson())
    saved = await town.paired(AYSE, AYSE_ANSWERS)
    assert saved.cards[0].status is Status.ACTIVE


async def test_a_suspension_outlives_it(town: Office) -> None:
    """Nobody gets rid of one by asking to be forgotten; a second pairing finds it."""
    await town.hear(word())
    (erased,) = await town.ask(AYSE, ErasePerson())
    assert erased == PersonErased(True, (Staying.SUSPENSION, Staying.CARD))
    record = await town.card(CARD)
    assert record is not None
    assert (record.status, record.holder, record.link) == (Status.SUSPENDED, None, None)
    saved = await town.paired(AYSE, AYSE_ANSWERS)
    assert saved.cards[0].status is Status.SUSPENDED


async def test_who_is_not_on_record_is_told_so(town: Office) -> None:
    """And nothing proves what was not done."""
    assert await town.ask(Address("telegram", "9"), ErasePerson()) == [PersonErased(False)]
    assert await town.rows(tables.erasures) == []


async def test_a_request_on_paper(town: Office) -> None:
    """By identity number, wherever they write from."""
    async with town.database.begin() as conn:
        erased = await town.registry.erase(conn, NUMBER, NOW, "paper")
        again = await town.registry.erase(conn, NUMBER, NOW, "paper")
    assert erased.anything
    assert not again.anything
    assert await town.ask(AYSE, LookUpCards()) == [CardsFound(())]


async def test_the_whole_record_is_for_its_owner(town: Office) -> None:
    """Who knows the identity number of the person of this address."""
    (found,) = await town.ask(AYSE, FindRecord(NUMBER))
    assert isinstance(found, RecordFound)
    assert found.answers["email"] == "ayse@example.com"
    assert [card.number for card in found.cards] == [CARD]
    assert [channel for channel, _ in found.addresses] == ["telegram", "whatsapp"]
    assert await town.ask(AYSE, FindRecord("17291716060")) == [RecordRefused()]
    assert await town.ask(BORA, FindRecord(NUMBER)) == [RecordRefused()]


async def test_an_answer_is_amended(town: Office) -> None:
    """The identity number never, whatever is handed in."""
    new = {"email": None, "identity_number": "17291716060"}
    assert await town.ask(AYSE, AmendPerson(new)) == [PersonAmended()]
    (found,) = await town.ask(AYSE, LookUpPerson())
    assert isinstance(found, PersonFound)
    assert found.answers is not None
    assert (found.answers["email"], found.answers["identity_number"]) == (None, NUMBER)


async def test_withdrawn_consent_holds_no_more(town: Office) -> None:
    """From the first time on; and nothing reaches the address unasked."""
    assert await town.ask(AYSE, WithdrawConsent()) == [Done()]
    await town.at(NOW + timedelta(days=1)).ask(AYSE, WithdrawConsent())
    consents = await town.rows(tables.consents)
    assert [each.withdrawn_at for each in consents if each.document == "consent"] == [NOW]
    first = next(each for each in await town.rows(tables.addresses) if each.channel == "telegram")
    assert first.opted_out_at == NOW
