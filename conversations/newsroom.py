"""What the staff's talk asks of the records, and what they find: values alone.

Every action is allowed or not by whoever's account it comes from, at the moment it is carried out;
what the talk remembers of somebody's role decides only what is offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from conversations.broadcasts import Act, Audience, LeftOut, Role, Stage
from conversations.replies import Param

# --- findings -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StaffFound:
    """Whose account this is. ``waiting`` is how many broadcasts they could approve."""

    name: str
    role: Role
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class NotStaff:
    """The account is nobody's of the staff. Nothing was changed and nothing is told."""


@dataclass(frozen=True, slots=True)
class StaffLinked:
    """The account is from now on that of the member of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class NotLinked:
    """Nothing was linked: nobody was given the code (unknown), or accounts of this messenger
    cannot be linked (elsewhere)."""

    code: str


@dataclass(frozen=True, slots=True)
class BroadcastView:
    """A broadcast in a list. ``version`` is what was seen of it."""

    id: int
    version: int
    stage: Stage
    title: str
    author: str


@dataclass(frozen=True, slots=True)
class BroadcastsFound:
    """Broadcasts to choose from: those that wait for this member's approval, or those there are."""

    waiting: bool
    views: tuple[BroadcastView, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a broadcast goes, as it was last counted. ``rate`` is sent a second, ``ends_at`` by the
    product's clock; None where it cannot be said."""

    total: int
    settled: int
    sent: int
    failed: int
    rate: float | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BroadcastFound:
    """A broadcast in full. ``acts`` are what this member may do to it now; ``approvals`` who has
    approved it, ``templates`` by language; ``pace`` is None before it begins to run."""

    view: BroadcastView
    texts: Mapping[str, str]
    audience: Audience
    acts: tuple[Act, ...] = ()
    urgent: bool = False
    templates: Mapping[str, str] | None = None
    starts_at: datetime | None = None
    approvals: tuple[str, ...] = ()
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class DraftAllowed:
    """This member may send such a draft for approval; nothing was kept."""

    audience: Audience
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BroadcastMoved:
    """It was done, and this is where the broadcast stands now."""

    id: int
    act: Act
    stage: Stage


@dataclass(frozen=True, slots=True)
class BroadcastRefused:
    """It cannot be done; code and params of ``broadcasts.Refusal``. Nothing was changed."""

    code: str
    params: Mapping[str, Param]


@dataclass(frozen=True, slots=True)
class AudienceCounted:
    """Who is written to by channel, who is left out by reason, and how it reads for somebody
    invented."""

    reached: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[LeftOut, int], ...]
    samples: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Everybody who is written to."""
        return sum(count for _, count in self.reached)


@dataclass(frozen=True, slots=True)
class AudienceUncounted:
    """The count did not come in time."""


StaffFinding = (
    StaffFound
    | NotStaff
    | StaffLinked
    | NotLinked
    | BroadcastsFound
    | BroadcastFound
    | DraftAllowed
    | BroadcastMoved
    | BroadcastRefused
    | AudienceCounted
    | AudienceUncounted
)


# --- actions --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookUpStaff:
    """Find whose account this is."""


@dataclass(frozen=True, slots=True)
class LinkStaff:
    """Make this account that of the member who was given the code."""

    code: str


@dataclass(frozen=True, slots=True)
class ListBroadcasts:
    """Find the broadcasts that wait for this member's approval, or those that there are."""

    waiting: bool


@dataclass(frozen=True, slots=True)
class LookUpBroadcast:
    """Find all of a broadcast."""

    id: int


@dataclass(frozen=True, slots=True)
class CheckDraft:
    """Find whether this member may send such a draft for approval."""

    audience: Audience
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SubmitBroadcast:
    """Keep a draft and ask for its approval. ``texts`` are by language."""

    audience: Audience
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MoveBroadcast:
    """Approve, give back or pause the broadcast of which that version was seen."""

    act: Act
    id: int
    version: int


StaffAction = (
    LookUpStaff
    | LinkStaff
    | ListBroadcasts
    | LookUpBroadcast
    | CheckDraft
    | SubmitBroadcast
    | MoveBroadcast
)


# --- errands --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CountAudience:
    """Count whom a broadcast would reach at this moment. ``templates`` name the languages that
    WhatsApp has one for."""

    audience: Audience
    texts: Mapping[str, str]
    templates: Mapping[str, str]
    urgent: bool = False
