"""Citizens, addresses, cards, links, consents: the actions of the talk, carried out.

Rules of pairing live in ``pairing``, of a card's status in ``standing``. Nothing here knows what is
said to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import (
    CardsFound,
    CodeChecked,
    Done,
    Finding,
    KeepVerdict,
    LookUpCards,
    LookUpPerson,
    PersonFound,
    RecordConsent,
    SaveLink,
    SetNotices,
    Verdict,
    VerdictKept,
)
from conversations.events import Address
from storage import tables
from storage.asked import Asked
from storage.cards import CardRecord, Cards, once_paired_from
from storage.pairing import Pairing
from storage.people import Consent, People
from storage.standing import DEAD_CODES
from storage.vault import Vault


class Registry:
    """The register. All its functions work inside the caller's transaction."""

    def __init__(
        self, vault: Vault, *, deadline: datetime, code_on_several_cards: bool = True
    ) -> None:
        self._people = People(vault)
        self._cards = Cards(vault, self._people, deadline)
        self._pairing = Pairing(
            self._people, self._cards, code_on_several_cards=code_on_several_cards
        )

    async def perform(self, conn: AsyncConnection, asked: Sequence[Asked]) -> list[Finding]:
        """Carry out the actions; one finding for each, in the same order.

        All consents are recorded first, together; the rest follows in the order asked.
        """
        await self._pairing.claim(conn, [each.action for each in asked])
        await self._record_consents(conn, asked)
        return [await self._finding(conn, each) for each in asked]

    async def card(self, conn: AsyncConnection, number: str, now: datetime) -> CardRecord | None:
        """All that is held of a card at that moment, unmasked; None if the card is not known."""
        return await self._cards.record(conn, number, now)

    async def _finding(self, conn: AsyncConnection, asked: Asked) -> Finding:
        match asked.action:
            case RecordConsent():
                return Done()
            case SaveLink() as action:
                return await self._pairing.save(conn, asked, action)
            case KeepVerdict(checked):
                return await self._keep_verdict(conn, checked, asked.now)
            case LookUpCards():
                return await self._look_up_cards(conn, asked)
            case LookUpPerson():
                return await self._look_up_person(conn, asked.address)
            case SetNotices(wanted):
                await self._people.set_notices(conn, asked.address, wanted, asked.now)
                return Done()
        raise TypeError(f"not an action of the records: {type(asked.action).__name__}")

    async def _record_consents(self, conn: AsyncConnection, asked: Sequence[Asked]) -> None:
        given = [
            (each, document)
            for each in asked
            if isinstance(each.action, RecordConsent)
            for document in each.action.documents
        ]
        if not given:
            return
        senders = await self._people.keep_senders(conn, [each for each, _ in given])
        consents = (
            Consent(each, document, sender, sender.citizen_id)
            for each, document in given
            for sender in [senders[each.address]]
        )
        await self._people.record(conn, consents)

    async def _keep_verdict(
        self, conn: AsyncConnection, checked: CodeChecked, now: datetime
    ) -> VerdictKept:
        # "Could not be checked" says nothing about the code, so it changes nothing.
        if checked.verdict is Verdict.UNCHECKED:
            return VerdictKept(checked)
        link = tables.links.c
        kept = await conn.execute(
            update(tables.links)
            .where(link.id.in_(checked.links), link.ended_at.is_(None))
            .values(verdict=str(checked.verdict), checked_at=now, valid_until=checked.valid_until)
            .returning(link.id, link.card_id)
        )
        judged = {each.id: each.card_id for each in kept}
        await self._cards.settle(conn, judged.values(), now)
        if checked.verdict not in DEAD_CODES or not judged:
            return VerdictKept(checked)
        return VerdictKept(checked, await self._restore(conn, judged, now))

    async def _restore(
        self, conn: AsyncConnection, denied: Mapping[int, int], now: datetime
    ) -> bool:
        """Undo the renewals that failed (cards by denied link); say whether all could be undone."""
        cards = [
            card for link, card in denied.items() if await self._pairing.restore(conn, link, now)
        ]
        await self._cards.settle(conn, cards, now, event="code_restored")
        return len(cards) == len(denied)

    async def _look_up_cards(self, conn: AsyncConnection, asked: Asked) -> CardsFound:
        sender = await self._people.sender(conn, asked.address)
        if sender is None:
            return CardsFound(())
        return CardsFound(await self._cards.views(conn, asked.now, once_paired_from(sender.id)))

    async def _look_up_person(self, conn: AsyncConnection, address: Address) -> PersonFound:
        sender = await self._people.sender(conn, address)
        if sender is None:
            return PersonFound(None)
        consents = await self._people.consents(conn, sender)
        if sender.citizen_id is None:
            return PersonFound(None, consents)
        citizen = await self._people.citizen(conn, sender.citizen_id)
        return PersonFound(citizen.profile, consents)
