"""What is on record, compared with what the model says must be; and what the messengers saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from conversations.events import Address
from storage import Connection, Database, Vault, tables
from storage.conversations import address_key, message_key
from storage.vault import row
from tests.benchmarks.citizens import Citizen, card_number, hes_code, identity_number
from tests.faults.stage import Stage
from tests.faults.writers import Model

NOTICE = "toplu taşımada kullanılamıyor"
"""Stands in the notice of a suspended card, and in no answer."""
OPEN = ("pending", "sending", "unknown")
ARRIVED = ("sent", "delivered", "read")
PARKED = {"no_template"}
"""Why a notice may be held: a day has passed, and WhatsApp takes no free text after that."""
DOCUMENTS = {"notice", "consent", "terms"}


def note_answers(stage: Stage, model: Model) -> None:
    """What webhooks have answered since the last time."""
    attempts, stage.telegram.attempts[:] = list(stage.telegram.attempts), []
    for each in attempts:
        if each.code == 200 and isinstance(each.lane, tuple):
            model.answer(_telegram(each.lane[1]), f"u{each.update_id}", repr(each.asked))
    posts, stage.twilio.posts[:] = list(stage.twilio.posts), []
    for post in posts:
        if post.status == 200 and post.url.endswith("/whatsapp"):
            sender = post.fields["From"].removeprefix("whatsapp:")
            model.answer(Address("whatsapp", sender), post.fields["MessageSid"], post.body)


def _telegram(chat: Any) -> Address:
    return Address("telegram", str(chat))


@dataclass
class Verdict:
    """``lost`` was told and is not there; ``repeated`` came more than once; ``wrong`` is the rest.
    ``held`` waits for the operator."""

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notices: int = 0
    held: int = 0


async def open_notices(stage: Stage) -> int:
    """How many notices of suspended cards are still under way."""
    database = Database.as_it_is(stage.url)
    try:
        async with database.read() as connection:
            delivery = tables.deliveries.c
            waiting = select(func.count()).where(
                delivery.kind == "suspended", delivery.state.in_(OPEN), delivery.channel != "web"
            )
            return int(await connection.scalar(waiting) or 0)
    finally:
        await database.close()


async def judge(stage: Stage, model: Model) -> Verdict:
    """Compare; all processes have ended."""
    note_answers(stage, model)
    verdict = Verdict(wrong=list(dict.fromkeys(model.wrong)))
    database = Database.as_it_is(stage.url)
    try:
        async with database.read() as connection:
            judging = _Judge(connection, Vault(stage.ring), model, verdict)
            await judging.registrations()
            await judging.consents()
            await judging.messages()
            await judging.words()
            await judging.notices(_told(stage, model))
            if not stage.server:
                await judging.wholeness()
    finally:
        await database.close()
    return verdict


def _told(stage: Stage, model: Model) -> Counter[int]:
    """How often each citizen was told that the card is suspended, as their messenger has it."""
    found: Counter[int] = Counter()
    people = {message: person for person in stage.twilio.people for message in [person.address]}
    for number, (citizen, address) in model.saved.items():
        if address.channel == "telegram":
            bubbles = stage.telegram.world.chats[citizen.chat].bubbles.values()
            texts = [str(bubble.content.get("text")) for bubble in bubbles if bubble.is_ours]
        elif address.channel == "whatsapp":
            person = people[f"whatsapp:{address.id}"]
            texts = [each.body for each in person.messages if each.direction == "outbound-api"]
        else:
            continue
        found[number] = sum(NOTICE in text for text in texts)
    return found


class _Judge:
    def __init__(
        self, connection: Connection, vault: Vault, model: Model, verdict: Verdict
    ) -> None:
        self._connection = connection
        self._vault = vault
        self._model = model
        self._verdict = verdict

    async def registrations(self) -> None:
        """Everybody who was told so is paired, exactly once, as they wanted; nobody else is."""
        link, card, citizen, address = (
            each.c for each in (tables.links, tables.cards, tables.citizens, tables.addresses)
        )
        rows = await self._connection.execute(
            select(card.number_key, citizen.identity_key, link.hes_key, address.key, card.status)
            .select_from(tables.links)
            .join(tables.cards, card.id == link.card_id)
            .join(tables.citizens, citizen.id == link.citizen_id)
            .join(tables.addresses, address.id == link.address_id)
            .where(link.ended_at.is_(None))
        )
        found = Counter(tuple(each) for each in rows)
        expected = Counter(
            self._row(citizen, address) for citizen, address in self._model.saved.values()
        )
        self._lose("registrations", expected - found)
        self._complain("on record more than they were told", found - expected)
        profiles = await self._profiles()
        for told, _ in self._model.saved.values():
            if profiles.get(self._index("identity", identity_number(told.number))) != _wanted(told):
                self._verdict.lost.append("somebody's answers are not as the review showed them")

    def _row(self, citizen: Citizen, address: Address) -> tuple[Any, ...]:
        number = citizen.number
        return (
            self._index("card", card_number(number)),
            self._index("identity", identity_number(number)),
            self._index("hes", hes_code(number)),
            address_key(self._vault, address),
            "SUSPENDED" if number in self._model.suspended else "ACTIVE",
        )

    def _index(self, purpose: str, text: str) -> bytes:
        return self._vault.index(purpose, text)

    async def _profiles(self) -> Mapping[bytes, tuple[str, ...]]:
        import json

        citizen = tables.citizens.c
        found = {}
        for key, sealed in await self._connection.execute(
            select(citizen.identity_key, citizen.profile)
        ):
            plain = json.loads(self._vault.open(sealed, row("citizens", key)))
            found[key] = tuple(
                str(plain[name]) for name in ("first_name", "last_name", "email", "phone")
            )
        return found

    async def consents(self) -> None:
        """Each of them has consented to every document, once."""
        consent = tables.consents.c
        rows = await self._connection.execute(
            select(tables.addresses.c.key, consent.document).join(
                tables.addresses, tables.addresses.c.id == consent.address_id
            )
        )
        found = Counter(tuple(each) for each in rows)
        expected = Counter(
            (address_key(self._vault, address), document)
            for _, address in self._model.saved.values()
            for document in DOCUMENTS
        )
        self._lose("consents", expected - found)

    async def messages(self) -> None:
        """Whatever was answered 2xx is kept with its answer."""
        inbox = set((await self._connection.execute(select(tables.inbox.c.key))).scalars())
        lost = [
            f"{address.channel} {message}"
            for address, messages in self._model.answered.items()
            for message in messages
            if message_key(self._vault, address, message) not in inbox
        ]
        self._lose("answered messages", lost)

    async def words(self) -> None:
        """Whatever of the Ministry's was taken is on record."""
        count = await self._connection.scalar(select(func.count()).select_from(tables.risk_changes))
        if count != len(self._model.words):
            say = (
                self._verdict.lost if (count or 0) < len(self._model.words) else self._verdict.wrong
            )
            say.append(f"{len(self._model.words)} words of the Ministry's were taken, {count} kept")

    async def notices(self, told: Counter[int]) -> None:
        """Whose card was suspended was told so; who was told more than once is marked."""
        delivery = tables.deliveries.c
        rows = await self._connection.execute(
            select(tables.addresses.c.key, delivery.state, delivery.cause, delivery.repeats)
            .join(tables.addresses, tables.addresses.c.id == delivery.address_id)
            .where(delivery.kind == "suspended")
        )
        by_key: dict[bytes, list[Any]] = {}
        for each in rows:
            by_key.setdefault(each.key, []).append(each)
        for number in self._model.suspended:
            _, address = self._model.saved[number]
            self._notice(address, by_key.pop(address_key(self._vault, address), []), told[number])
        self._complain("notices to others", by_key)

    def _notice(self, address: Address, kept: list[Any], told: int) -> None:
        self._verdict.notices += 1
        states = [f"{each.state} {each.cause}".strip() for each in kept]
        if len(kept) != 1:
            self._verdict.lost.append(f"a notice has {len(kept)} rows: {states}")
        elif kept[0].state == "held" and kept[0].cause in PARKED:
            self._verdict.held += 1
        elif kept[0].state not in ARRIVED:
            self._verdict.lost.append(f"a notice of {address.channel} is {states[0]}")
        elif told < 1:
            self._verdict.lost.append(f"a notice of {address.channel} is {states[0]}, never came")
        if kept and told > 1:
            said = f"{address.channel}: a notice came {told} times, marked {kept[0].repeats}"
            self._verdict.repeated.append(said)
            if told > 1 + kept[0].repeats:
                self._verdict.wrong.append(said)

    async def wholeness(self) -> None:
        """The file itself is sound."""
        found = await self._connection.exec_driver_sql("PRAGMA integrity_check")
        said = [str(each[0]) for each in found]
        if said != ["ok"]:
            self._verdict.lost.append(f"integrity_check: {said[:3]}")

    def _lose(self, what: str, found: Iterable[Any]) -> None:
        if missing := list(found):
            self._verdict.lost.append(f"{what}: {len(missing)} ({missing[0]!r:.80})")

    def _complain(self, what: str, found: Iterable[Any]) -> None:
        if some := list(found):
            self._verdict.wrong.append(f"{what}: {len(some)} ({some[0]!r:.80})")


def _wanted(citizen: Citizen) -> tuple[str, ...]:
    lines = citizen.lines()
    return lines[2], lines[3], lines[6], citizen.phone
