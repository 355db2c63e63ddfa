"""What a card's status is, and the actions of the talk, carried out.

``status_of`` is the one place where a status is decided. Rules of pairing live in ``pairing``, of
suspending in ``suspensions``. Nothing here knows what is said to anybody.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.actions import (
    AmendPerson,
    CardsFound,
    CodeChecked,
    Done,
    ErasePerson,
    Finding,
    FindRecord,
    KeepVerdict,
    LinkRefused,
    LookUpCards,
    LookUpNotices,
    LookUpPerson,
    PersonAmended,
    PersonErased,
    PersonFound,
    RecordConsent,
    RecordFound,
    RecordRefused,
    SaveLink,
    SetNotices,
    SetReminders,
    Status,
    Value,
    Verdict,
    VerdictKept,
    WithdrawConsent,
)
from conversations.events import Address
from storage import gate
from storage.asked import Asked
from storage.backups import Since
from storage.boardings import Boardings
from storage.cards import CardRecord, Cards
from storage.changes import Announce, Standing, unannounced
from storage.erasure import Erased, Erasure
from storage.pairing import Pairing
from storage.pairing_rules import Rules
from storage.passes import CodeQuestion, questions
from storage.people import Citizen, Consent, People, Sender, record
from storage.prepared import one
from storage.risks import Risks
from storage.suspensions import Suspensions
from storage.vault import Vault
from storage.verdicts import keep_verdicts, open_codes, renewals_among

# --- what a card's status is ----------------------------------------------------------------


def status_of(
    *,
    suspended: bool,
    verdict: Verdict | None,
    valid_until: datetime | None,
    now: datetime,
    deadline: datetime,
) -> Standing:
    """The status of a card; ``verdict`` is of its open link's code, None if there is no link.

    A suspension stands above all. A code that nobody could check yet is good enough. Whoever has no
    good code may travel until the deadline and not after it; with a good one the card lives again.
    """
    if suspended:
        return Standing(Status.SUSPENDED, "suspended")
    if verdict is not None and not verdict.denied and not _over(valid_until, now):
        return Standing(Status.ACTIVE, "paired")
    late = now >= deadline
    if verdict is None:
        cause = "deadline_passed" if late else "never_paired"
    else:
        cause = f"code_{verdict}" if verdict.denied else "code_expired"
    return Standing(Status.PASSIVE if late else Status.UNPAIRED, cause)


def _over(until: datetime | None, now: datetime) -> bool:
    return until is not None and until <= now


# --- who may change it ----------------------------------------------------------------------


class Registry:
    """The register. All its functions work inside the caller's transaction.

    ``announce`` is given every change of a card's status inside the transaction that makes it.
    """

    def __init__(
        self,
        vault: Vault,
        *,
        deadline: datetime,
        code_on_several_cards: bool = True,
        announce: Announce = unannounced,
    ) -> None:
        self._vault = vault
        self._people = People(vault)
        self.cards = self._cards = Cards(
            vault, self._people, partial(status_of, deadline=deadline), announce
        )
        self.boardings = Boardings(vault, self._cards)
        self.suspensions = Suspensions(self._cards)
        self.risks = Risks(vault, self._cards, self.suspensions)
        self._pairing = Pairing(
            vault,
            self._people,
            self._cards,
            self.suspensions,
            Rules(code_on_several_cards),
        )
        self._erasure = Erasure(vault, self._people, self._cards)

    async def perform(self, conn: AsyncConnection, asked: Sequence[Asked]) -> list[Finding]:
        """Carry out the actions; one finding for each, in the same order.

        All consents are recorded first, together; then cards are looked up and pairs saved, each
        all at once; the rest follows in the order asked.
        """
        await self._pairing.claim(conn, [each.action for each in asked])
        await self._record_consents(conn, asked)
        looking, saving = _of(LookUpCards, asked), _of(SaveLink, asked)
        cards = iter(await self._look_up_cards(conn, looking) if looking else ())
        links = iter(await self._pairing.save(conn, saving) if saving else ())
        findings: list[Finding] = []
        for each in asked:
            match each.action:
                case LookUpCards():
                    findings.append(next(cards))
                case SaveLink():
                    findings.append(next(links))
                case _:
                    findings.append(await self._finding(conn, each))
        return findings

    async def card(self, conn: AsyncConnection, number: str, now: datetime) -> CardRecord | None:
        """All that is held of a card at that moment, unmasked; None if the card is not known."""
        return await self._cards.record(conn, number, now)

    async def questions(
        self, conn: AsyncConnection, before: datetime, after: int, limit: int
    ) -> tuple[list[CodeQuestion], list[int]]:
        """The next codes to ask the HES service about, see ``passes.questions``."""
        return await questions(conn, self._vault, before, after, limit)

    async def keep_verdicts(
        self, conn: AsyncConnection, checked: Sequence[CodeChecked], now: datetime
    ) -> None:
        """Write what the HES service said when nobody was waiting for it; people are told.

        To be called before anything is locked: it closes the gate.
        """
        await gate.close(conn)
        await self._judge(conn, checked, now)

    async def set_reach(
        self, conn: AsyncConnection, address: Address, reachable: bool, now: datetime
    ) -> None:
        """Keep whether anything arrives at an address, as its messenger says."""
        await self._people.set_reach(conn, address, reachable, now)

    async def _finding(self, conn: AsyncConnection, asked: Asked) -> Finding:
        match asked.action:
            case RecordConsent():
                return Done()
            case KeepVerdict(checked):
                return await self._keep_verdict(conn, checked, asked)
            case LookUpPerson():
                return await self._look_up_person(conn, asked.address)
            case LookUpNotices():
                return await self._people.notices(conn, asked.address)
            case FindRecord(identity_number):
                return await self._find_record(conn, asked, identity_number)
            case AmendPerson(answers):
                return await self._amend(conn, asked, answers)
            case ErasePerson():
                way = asked.address.channel
                erased = await self._erasure.of_address(conn, asked.address, asked.now, way)
                return PersonErased(erased.anything, erased.staying)
            case WithdrawConsent():
                await self._people.withdraw(conn, asked.address, asked.now)
                return Done()
            case SetReminders(wanted):
                await self._people.set_reminders(conn, asked.address, wanted, asked.now)
                return Done()
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
        await one(conn, record(consents))

    async def _keep_verdict(
        self, conn: AsyncConnection, checked: CodeChecked, asked: Asked
    ) -> VerdictKept:
        sender = await self._people.sender(conn, asked.address)
        actor = None if sender is None else sender.id
        denied, restored = await self._judge(conn, [checked], asked.now, actor)
        return VerdictKept(checked, restored=bool(denied) and denied == restored)

    async def _judge(
        self,
        conn: AsyncConnection,
        checked: Sequence[CodeChecked],
        now: datetime,
        actor: int | None = None,
    ) -> tuple[set[int], set[int]]:
        """Keep verdicts; the cards whose code was denied, and those that got the former one back.

        "Could not be checked" says nothing about a code, so it changes nothing.
        """
        said = [each for each in checked if each.verdict is not Verdict.UNCHECKED]
        judged = await keep_verdicts(conn, said, now)
        for risky in (True, False):
            links = [link for each in said if each.risky is risky for link in each.links]
            if told := [link for link in links if link in judged]:
                await self.risks.told_by_service(conn, told, risky, now)
        await self._cards.settle(conn, judged.values(), now, actor=actor)
        denied = [link for each in said if each.verdict.denied for link in each.links]
        tried = {link: judged[link] for link in denied if link in judged}
        return set(tried.values()), await self._restore(conn, tried, now)

    async def _restore(
        self, conn: AsyncConnection, denied: Mapping[int, int], now: datetime
    ) -> set[int]:
        """Undo the renewals that failed (cards by denied link); the cards where it could be."""
        renewals = await renewals_among(conn, denied)
        cards = {
            card
            for link, card in denied.items()
            if link in renewals and await self._pairing.restore(conn, link, now)
        }
        # The code given back may have been called risky while it was replaced.
        await self.suspensions.follow(conn, await open_codes(conn, cards), now)
        await self._cards.settle(conn, cards, now, event="code_restored")
        return cards

    async def _look_up_cards(
        self, conn: AsyncConnection, asked: Sequence[Asked]
    ) -> list[CardsFound]:
        senders = await self._people.senders(conn, [each.address for each in asked])
        cards = await self._cards.paired_from(conn, [each.id for each in senders.values()])
        return [
            CardsFound(
                tuple(
                    self._cards.view(card, each.now)
                    for card in cards.get(sender.id if sender else 0, ())
                )
            )
            for each in asked
            for sender in [senders.get(each.address)]
        ]

    async def _look_up_person(self, conn: AsyncConnection, address: Address) -> PersonFound:
        sender = await self._people.sender(conn, address)
        if sender is None:
            return PersonFound(None)
        consents = await self._people.consents(conn, sender)
        if sender.citizen_id is None:
            return PersonFound(None, consents)
        citizen = await self._people.citizen(conn, sender.citizen_id)
        return PersonFound(citizen.profile, consents)

    async def _owner(
        self, conn: AsyncConnection, address: Address
    ) -> tuple[Sender, Citizen] | None:
        sender = await self._people.sender(conn, address)
        if sender is None or sender.citizen_id is None:
            return None
        return sender, await self._people.citizen(conn, sender.citizen_id)

    async def _find_record(
        self, conn: AsyncConnection, asked: Asked, identity_number: str
    ) -> RecordFound | RecordRefused:
        found = await self._owner(conn, asked.address)
        if found is None:
            return RecordRefused()
        _, citizen = found
        if not hmac.compare_digest(
            citizen.identity_key, self._people.identity_key(identity_number)
        ):
            return RecordRefused()
        return await self._record(conn, citizen, asked.now)

    async def record_of(
        self, conn: AsyncConnection, identity_number: str, now: datetime
    ) -> RecordFound | None:
        """All that is held of the person with that identity number; None if nothing is."""
        citizen = await self._people.by_identity(conn, identity_number)
        return None if citizen is None else await self._record(conn, citizen, now)

    async def erase(
        self, conn: AsyncConnection, identity_number: str, now: datetime, way: str
    ) -> Erased:
        """Erase the person with that identity number; ``way`` says how it was asked for."""
        return await self._erasure.of_identity(conn, identity_number, now, way)

    async def erase_again(self, conn: AsyncConnection, since: Since, now: datetime) -> int:
        """Erase who was erased since a backup was taken; how many."""
        return await self._erasure.again(conn, since, now)

    async def _record(self, conn: AsyncConnection, citizen: Citizen, now: datetime) -> RecordFound:
        cards = await self._cards.held_by(conn, citizen.id)
        views = tuple(self._cards.view(card, now) for card in cards)
        return await self._people.record(conn, citizen, views)

    async def _amend(
        self, conn: AsyncConnection, asked: Asked, answers: Mapping[str, Value]
    ) -> PersonAmended | LinkRefused:
        found = await self._owner(conn, asked.address)
        if found is None:
            return LinkRefused("person_unknown")
        await self._people.amend(conn, found[1], answers, asked.now)
        return PersonAmended()


def _of(kind: type, asked: Sequence[Asked]) -> list[Asked]:
    return [each for each in asked if isinstance(each.action, kind)]
