"""The rules of pairing: what is on record and what is wanted in, a plan or a refusal out.

One card belongs to one person, one person may have several cards. Nothing is read or written here;
``pairing_facts`` reads, ``pairing`` writes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from conversations.actions import SaveLink, Verdict
from conversations.events import Address
from conversations.turkish import fold
from storage.people import Citizen, Profile, Sender, profile_of


class Refused(Exception):
    """A rule forbids the pairing; ``code`` as in ``LinkRefused``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """A card to pair: one that is known by ``id``, or a new one. ``link`` is its open link."""

    number: str
    key: bytes
    id: int | None = None
    link: Any = None
    suspended: bool = False

    def bars(self, citizen_id: int | None) -> bool:
        """Whether it is another's: suspended, or with a code that the HES service did not deny."""
        if self.link is None or self.link.citizen_id == citizen_id:
            return False
        return self.suspended or not Verdict(self.link.verdict).denied


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write once every rule has let it pass. ``rewrite``: the person's answers too."""

    citizen: Citizen
    rewrite: bool
    targets: tuple[Target, ...]
    code: str
    code_key: bytes

    @property
    def is_new(self) -> bool:
        """Whether nobody has that identity number yet."""
        return self.citizen.id is None


@dataclass(frozen=True, slots=True)
class Keys:
    """The blind indexes of what an action names; None where it does not."""

    code: bytes
    identity: bytes | None = None
    card: bytes | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is on record of everything that some actions name.

    ``users`` are the open links with a code. ``came_from`` are pairs of a card and an address from
    which it was paired for the one who holds it now.
    """

    senders: Mapping[Address, Sender] = field(default_factory=dict)
    known: Mapping[bytes, Citizen] = field(default_factory=dict)
    citizens: Mapping[int, Citizen] = field(default_factory=dict)
    by_number: Mapping[bytes, Target] = field(default_factory=dict)
    by_id: Mapping[int, Target] = field(default_factory=dict)
    users: Mapping[bytes, Sequence[Any]] = field(default_factory=dict)
    came_from: Set[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """``code_on_several_cards`` lets one person use a code more than once."""

    code_on_several_cards: bool

    def plan(self, address: Address, action: SaveLink, keys: Keys, facts: Facts) -> Plan:
        """Raise Refused."""
        citizen, rewrite = _person(facts.senders.get(address), action, keys, facts)
        targets = _targets(action, keys, facts)
        if any(target.bars(citizen.id) for target in targets):
            raise Refused("card_taken")
        cards = {target.id for target in targets}
        if bar := self.bar(facts.users.get(keys.code, ()), citizen.id, cards):
            raise Refused(bar)
        return Plan(citizen, rewrite, targets, str(action.answers["hes_code"]), keys.code)

    def bar(
        self, users: Collection[Any], citizen_id: int | None, cards: Set[int | None]
    ) -> str | None:
        """Why a code with these users may not go on these cards of the citizen, if it may not.

        A code that the HES service denied its present user is free for its owner.
        """
        others = [each for each in users if each.citizen_id != citizen_id]
        if any(not Verdict(each.verdict).denied for each in others):
            return "code_taken"
        mine = {each.card_id for each in users if each.citizen_id == citizen_id}
        if not self.code_on_several_cards and len(mine | cards) > 1:
            return "code_in_use"
        return None


def _person(
    sender: Sender | None, action: SaveLink, keys: Keys, facts: Facts
) -> tuple[Citizen, bool]:
    """Whose the cards are to be, and whether the answers rewrite what is held of them."""
    if keys.identity is not None:
        return _registering(sender, action, keys.identity, facts)
    if action.cards:
        return _owner(sender, action.cards, facts), False
    if sender is None or sender.citizen_id is None:
        raise Refused("person_unknown")
    return facts.citizens[sender.citizen_id], False


def _registering(
    sender: Sender | None, action: SaveLink, identity: bytes, facts: Facts
) -> tuple[Citizen, bool]:
    given = profile_of(action.answers)
    known = facts.known.get(identity)
    if known is None:
        return Citizen(None, identity, given), True
    if sender is not None and sender.citizen_id == known.id:
        return replace(known, profile={**known.profile, **given}), True
    if not _is_same_person(known.profile, given):
        raise Refused("identity_conflict")
    return known, False


def _owner(sender: Sender | None, card_ids: Collection[int], facts: Facts) -> Citizen:
    """The one citizen who holds all these cards and paired each from this address."""
    if sender is None:
        raise Refused("person_unknown")
    wanted = set(card_ids)
    held = [facts.by_id.get(card) for card in wanted if (card, sender.id) in facts.came_from]
    owners = {each.link.citizen_id for each in held if each is not None and each.link is not None}
    if len(held) != len(wanted) or len(owners) != 1:
        raise Refused("person_unknown")
    return facts.citizens[owners.pop()]


def _targets(action: SaveLink, keys: Keys, facts: Facts) -> tuple[Target, ...]:
    if keys.card is None:
        known = {card: facts.by_id[card] for card in action.cards if card in facts.by_id}
        return tuple(known[card] for card in sorted(known))
    number = str(action.answers["card_number"])
    return (facts.by_number.get(keys.card) or Target(number, keys.card),)


def _is_same_person(known: Profile, given: Profile) -> bool:
    """Whether birth date and name agree, however the name is spelt and with or without a second
    first name."""
    first, other = _words(known, "first_name"), _words(given, "first_name")
    common = min(len(first), len(other))
    return (
        known.get("birth_date") == given.get("birth_date")
        and _words(known, "last_name") == _words(given, "last_name")
        and common > 0
        and first[:common] == other[:common]
    )


def _words(profile: Profile, name: str) -> list[str]:
    return fold(str(profile.get(name) or "")).split()


def apart(wanted: Sequence[Set[Any]]) -> list[list[int]]:
    """The places of ``wanted`` in rounds, in order; no two of a round want the same thing.

    What comes later in ``wanted`` and shares a thing with an earlier one is in a later round.
    """
    rounds: list[list[int]] = []
    latest: dict[Any, int] = {}
    for place, things in enumerate(wanted):
        turn = max((latest[thing] + 1 for thing in things if thing in latest), default=0)
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(place)
        latest |= dict.fromkeys(things, turn)
    return rounds
