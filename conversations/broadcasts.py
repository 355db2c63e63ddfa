"""What a broadcast is and may become: its audience, its stages, its text, and who may do what.

Values and tables only; every face of the product (command, console, chat) and the records speak of
broadcasts in these words. Knows no messenger, no sentence and no table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from conversations.outcomes import Invalid
from conversations.replies import Param, Word

# --- who may do what ------------------------------------------------------------------------


class Role(StrEnum):
    """What somebody of the staff is there for."""

    AUTHOR = "author"
    APPROVER = "approver"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Act(StrEnum):
    """What is done to a broadcast. ``GIVE_BACK`` returns it to its author; ``RETRY`` sends to those
    again whom it failed to reach."""

    WRITE = "write"
    TEST = "test"
    SUBMIT = "submit"
    GIVE_BACK = "give_back"
    APPROVE = "approve"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


_WRITERS = frozenset({Role.AUTHOR})
_JUDGES = frozenset({Role.APPROVER})
_SENDERS = frozenset({Role.APPROVER, Role.OPERATOR})
_ALL_HANDS = frozenset({Role.AUTHOR, Role.APPROVER, Role.OPERATOR})

RIGHTS: Mapping[Act, frozenset[Role]] = MappingProxyType(
    {
        Act.WRITE: _WRITERS,
        Act.TEST: _ALL_HANDS,
        Act.SUBMIT: _WRITERS,
        Act.GIVE_BACK: _JUDGES,
        Act.APPROVE: _JUDGES,
        Act.START: _SENDERS,
        # Whoever sees something go wrong may stop it; to go on is another matter.
        Act.PAUSE: _ALL_HANDS,
        Act.RESUME: _SENDERS,
        Act.CANCEL: _ALL_HANDS,
        Act.RETRY: _SENDERS,
    }
)
"""Which roles may do what. Who wrote a broadcast never approves it, whatever the role."""


class Stage(StrEnum):
    """Where a broadcast stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


MOVES: Mapping[Act, frozenset[Stage]] = MappingProxyType(
    {
        Act.WRITE: frozenset({Stage.DRAFT}),
        Act.TEST: frozenset({Stage.DRAFT, Stage.SUBMITTED, Stage.APPROVED, Stage.SCHEDULED}),
        Act.SUBMIT: frozenset({Stage.DRAFT}),
        Act.GIVE_BACK: frozenset({Stage.SUBMITTED}),
        Act.APPROVE: frozenset({Stage.SUBMITTED}),
        Act.START: frozenset({Stage.APPROVED, Stage.SCHEDULED}),
        Act.PAUSE: frozenset({Stage.RUNNING}),
        Act.RESUME: frozenset({Stage.PAUSED}),
        Act.CANCEL: frozenset(Stage) - {Stage.FINISHED, Stage.CANCELLED},
        Act.RETRY: frozenset({Stage.RUNNING, Stage.PAUSED, Stage.FINISHED}),
    }
)
"""In which stages each act is possible."""


class Refusal(Exception):
    """Something cannot be done to a broadcast. ``code`` and ``params`` say why.

    role: that is not their role · stage: not where it stands · own: the author does not approve ·
    approved: they have approved it already · changed: it is no longer what they saw · unknown:
    there is none of that number · past: a start that has passed · nobody: it would reach nobody ·
    unlinked: no messenger account is linked · unsound: a value that cannot be used.
    """

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    @property
    def word(self) -> Word:
        """What the catalogues say of it; roles, stages and values are words of theirs, too."""
        named = {name: Word(f"broadcast.{name}.{value}") for name, value in self.params.items()}
        return Word(f"refusal.{self.code}", named)


UNSOUND = ("channel", "failure_limit", "locale", "not_told_days", "template")
"""What a Refusal can call unsound."""

APPROVALS, URGENT_APPROVALS = 1, 2
"""How many of the staff must approve a broadcast, none of them its author."""


def approvals_wanted(urgent: bool) -> int:
    """How many have to approve it."""
    return URGENT_APPROVALS if urgent else APPROVALS


# --- whom it is for -------------------------------------------------------------------------


class Group(StrEnum):
    """Whom a broadcast concerns, by the cards paired from their address.

    ``UNFINISHED`` has no card that was paired with a good code; the others have one in that status.
    """

    ALL = "all"
    UNFINISHED = "unfinished"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    PASSIVE = "passive"


WITH_CARD = frozenset({Group.ACTIVE, Group.SUSPENDED, Group.PASSIVE})
"""Everybody in these has a card to speak of."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Criteria that all have to be fulfilled; what is left empty does not matter.

    ``registered_since`` and ``code_ends_before`` are days in Istanbul. ``not_told_days``: nothing
    was sent to them unasked in so many days.
    """

    group: Group = Group.ALL
    channels: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    registered_since: date | None = None
    code_ends_before: date | None = None
    not_told_days: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """As JSON knows it; what is empty is left out."""
        days = {
            "registered_since": self.registered_since,
            "code_ends_before": self.code_ends_before,
        }
        plain: dict[str, Any] = {
            "group": str(self.group),
            "channels": list(self.channels),
            "locales": list(self.locales),
            **{name: day.isoformat() for name, day in days.items() if day is not None},
            "not_told_days": self.not_told_days,
        }
        return {name: value for name, value in plain.items() if value not in ([], None)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What ``to_plain`` wrote."""

        def day(name: str) -> date | None:
            return date.fromisoformat(plain[name]) if plain.get(name) else None

        return cls(
            Group(plain.get("group", Group.ALL)),
            tuple(plain.get("channels", ())),
            tuple(plain.get("locales", ())),
            day("registered_since"),
            day("code_ends_before"),
            plain.get("not_told_days"),
        )


class LeftOut(StrEnum):
    """Why somebody of the audience is not written to; the first reason that fits counts."""

    OPTED_OUT = "opted_out"
    BLOCKED = "blocked"
    DECLINED = "declined"
    NO_CHANNEL = "no_channel"
    TOLD_RECENTLY = "told_recently"
    NO_TEMPLATE = "no_template"


# --- what it says ---------------------------------------------------------------------------

PLACEHOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "ad": "name",
        "son_gun": "deadline",
        "kalan_gun": "days",
        "kart_sonu": "card",
        "kod_bitis": "until",
    }
)
"""What may stand in braces in a text, and what is put there."""

_OF_A_CARD = frozenset({"kart_sonu", "kod_bitis"})
"""What only somebody with a card has."""

LONGEST: Mapping[str, int] = MappingProxyType(
    {"telegram": 4096, "whatsapp": 1024, "web": 4096, "terminal": 4096}
)
"""UTF-16 units that one message can carry: Bot API, sendMessage; Twilio, WhatsApp templates."""
ROOM = 120
"""Of these, kept for what is put into the placeholders and for the line that says how to stop."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_LINES = re.compile(r"\n{3,}")
UNSEEN = frozenset({"Cc", "Cs", "Co", "Cn"})
"""Unicode's categories of what is no character for people."""


def broadcast_text(text: str, audience: Audience) -> str:
    """A text as it is kept: NFC, trimmed, fit for one message to everybody of the audience.

    Raise Invalid: broadcast.empty, broadcast.placeholder, broadcast.braces, broadcast.no_card,
    broadcast.unseen, broadcast.long.
    """
    clean = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    clean = _LINES.sub("\n\n", "\n".join(line.rstrip() for line in clean.split("\n")))
    if not clean:
        raise Invalid("broadcast.empty")
    if any(unicodedata.category(sign) in UNSEEN for sign in clean if sign != "\n"):
        raise Invalid("broadcast.unseen")
    for name in _BRACES.findall(clean):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
            raise Invalid("broadcast.placeholder", name=f"{{{name}}}", known=known)
        if name in _OF_A_CARD and audience.group not in WITH_CARD:
            raise Invalid("broadcast.no_card", name=f"{{{name}}}")
    if set(_BRACES.sub("", clean)) & {"{", "}"}:
        raise Invalid("broadcast.braces")
    most = min(LONGEST[channel] for channel in audience.channels or LONGEST) - ROOM
    length = len(clean.encode("utf-16-le")) // 2
    if length > most:
        raise Invalid("broadcast.long", length=length, limit=most)
    return clean


def placeholders(text: str) -> tuple[str, ...]:
    """The placeholders of a text in the order in which they first stand there."""
    return tuple(dict.fromkeys(_BRACES.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced; ``values`` by their names there."""
    return _BRACES.sub(lambda found: values[found[1]], text)
