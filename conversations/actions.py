"""What a turn asks of the world, and what the world may find.

An Action is a look at or a change to the records and runs in the turn's own transaction. An Errand
is a question to somebody else's system, or one that takes long, and runs after the commit. Either
answers with a Finding, which comes back to the conversation as ``Learned``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from conversations.newsroom import CountAudience, StaffAction, StaffFinding

Value = str | date | None
"""An answer as it is stored. ``None`` means the person has none (no surname, no e-mail)."""


class Status(StrEnum):
    """What a card may do on public transport."""

    UNPAIRED = "UNPAIRED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    PASSIVE = "PASSIVE"


class Verdict(StrEnum):
    """What the HES service says of a code and the person who gave it."""

    VALID = "valid"
    NOT_FOUND = "not_found"
    EXPIRED = "expired"
    MISMATCH = "mismatch"
    UNCHECKED = "unchecked"

    @property
    def denied(self) -> bool:
        """Whether the code cannot be lived on: unknown, at its end, or somebody else's."""
        return self in (Verdict.NOT_FOUND, Verdict.EXPIRED, Verdict.MISMATCH)


class Staying(StrEnum):
    """What is not erased, and by which duty: a suspension in force and attempts to travel during
    one (law 1593), the card itself, which is the card system's."""

    SUSPENSION = "suspension"
    ATTEMPTS = "attempts"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Document:
    """A text that people are shown or accept. Its words are in the catalogues."""

    name: str
    version: str


# --- findings -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CardView:
    """A paired card as its holder may see it."""

    card: int
    link: int
    number: str
    hes_code: str
    holder: str
    status: Status
    cause: str
    verified: bool
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose code it should be."""

    identity_number: str
    first_name: str
    last_name: str | None


@dataclass(frozen=True, slots=True)
class LinkSaved:
    """The cards are paired. ``holder`` is there so that an errand can ask whose the code is."""

    cards: tuple[CardView, ...]
    holder: Holder


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """The registry's rules forbid the pairing: card_taken, code_taken, code_in_use,
    identity_conflict, person_unknown. Nothing was changed."""

    code: str


@dataclass(frozen=True, slots=True)
class CardsFound:
    """The cards paired from this address, newest first."""

    cards: tuple[CardView, ...]


@dataclass(frozen=True, slots=True)
class PersonFound:
    """What is held of the person this address belongs to; ``None`` if nothing is."""

    answers: Mapping[str, Value] | None
    consents: tuple[tuple[str, str, datetime], ...] = ()
    """Document name, version and time of each consent given."""


@dataclass(frozen=True, slots=True)
class RecordFound:
    """All that is held of the person of this address, in full, for their own eyes."""

    answers: Mapping[str, Value]
    cards: tuple[CardView, ...]
    consents: tuple[tuple[str, str, datetime], ...]
    addresses: tuple[tuple[str, datetime], ...]
    """The channel of each, and since when it is known."""
    told: int
    """Notices and broadcasts that went to them."""


@dataclass(frozen=True, slots=True)
class RecordRefused:
    """The identity number given is not this person's. Nothing was shown."""


@dataclass(frozen=True, slots=True)
class PersonAmended:
    """What is held of the person was changed."""


@dataclass(frozen=True, slots=True)
class PersonErased:
    """What was held of whoever writes from this address is gone, if ``anything`` was; and what
    stays."""

    anything: bool
    staying: tuple[Staying, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticesFound:
    """What reaches this address unasked. ``stopped``: nothing at all; without ``reminders`` only
    what concerns a card at once."""

    reminders: bool
    stopped: bool


@dataclass(frozen=True, slots=True)
class LanguagesFound:
    """The locales there is a catalogue for."""

    locales: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeChecked:
    """What the HES service said. ``links`` are the links the question was about."""

    links: tuple[int, ...]
    verdict: Verdict
    valid_until: datetime | None = None
    risky: bool | None = None
    """Whether the code's owner is kept from travelling; None if that was not said."""


@dataclass(frozen=True, slots=True)
class VerdictKept:
    """A verdict is on record. ``restored``: the code was denied, and the confirmed one that it had
    replaced holds again on every card."""

    checked: CodeChecked
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The action was carried out and there is nothing to tell."""


Finding = (
    LinkSaved
    | LinkRefused
    | CardsFound
    | PersonFound
    | NoticesFound
    | RecordFound
    | RecordRefused
    | PersonAmended
    | PersonErased
    | LanguagesFound
    | CodeChecked
    | VerdictKept
    | Done
    | StaffFinding
)


# --- actions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """Keep as evidence that these documents were shown or accepted (law 6698, arts. 5, 10)."""

    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class SaveLink:
    """Pair a card with a code.

    ``answers`` with an identity number register a person; with only a card number they add a card
    to the person of this address; with only a code they renew it on ``cards``. ``terms`` is the
    contract accepted for it, if it was asked.
    """

    answers: Mapping[str, Value]
    cards: tuple[int, ...] = ()
    terms: Document | None = None
    relative: bool = False


@dataclass(frozen=True, slots=True)
class KeepVerdict:
    """Write down what the HES service said of these links."""

    checked: CodeChecked


@dataclass(frozen=True, slots=True)
class LookUpCards:
    """Find the cards paired from this address."""


@dataclass(frozen=True, slots=True)
class LookUpPerson:
    """Find what is held of the person of this address."""


@dataclass(frozen=True, slots=True)
class FindRecord:
    """Find all that is held of the person of this address, if that is their identity number."""

    identity_number: str


@dataclass(frozen=True, slots=True)
class AmendPerson:
    """Put these answers in place of what is held of the person of this address."""

    answers: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class WithdrawConsent:
    """From now on nothing is processed by consent at this address; nothing reaches it unasked
    (law 6698, art. 3/1-a)."""


@dataclass(frozen=True, slots=True)
class ErasePerson:
    """Erase whoever writes from this address (law 6698, arts. 7 and 11/1-e)."""


@dataclass(frozen=True, slots=True)
class LookUpLanguages:
    """Find which languages can be spoken."""


@dataclass(frozen=True, slots=True)
class LookUpNotices:
    """Find what reaches this address unasked."""


@dataclass(frozen=True, slots=True)
class SetNotices:
    """Let notices reach this address, or stop them (an opt-out and its withdrawal)."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class SetReminders:
    """Let everything reach this address, which ends an opt-out too; or all but the reminders."""

    wanted: bool


Action = (
    RecordConsent
    | SaveLink
    | KeepVerdict
    | LookUpCards
    | LookUpPerson
    | LookUpLanguages
    | LookUpNotices
    | FindRecord
    | AmendPerson
    | WithdrawConsent
    | ErasePerson
    | SetNotices
    | SetReminders
    | StaffAction
)


# --- errands --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskHesService:
    """Ask the Ministry's HES service whether the code lives and whose it is."""

    hes_code: str
    holder: Holder
    links: tuple[int, ...]
    cards: tuple[int, ...] = ()


Errand = AskHesService | CountAudience
