"""What a card's status follows from. Pure: knows no table and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from conversations.actions import Status, Verdict

DEAD_CODES = {
    Verdict.NOT_FOUND: "code_not_found",
    Verdict.EXPIRED: "code_expired",
    Verdict.MISMATCH: "code_mismatch",
}
"""The verdicts that a code does not survive, and what they are called as causes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A card's status and why: suspended, paired, never_paired, deadline_passed, code_…"""

    status: Status
    cause: str


def status_of(
    *,
    suspended: bool,
    verdict: Verdict | None,
    valid_until: datetime | None,
    now: datetime,
    deadline: datetime,
) -> Standing:
    """The status of a card; ``verdict`` is of its open link's code, None if there is no link."""
    if suspended:
        return Standing(Status.SUSPENDED, "suspended")
    late = now >= deadline
    if verdict is None:
        want = "deadline_passed" if late else "never_paired"
    elif verdict in DEAD_CODES:
        want = DEAD_CODES[verdict]
    elif valid_until is not None and valid_until <= now:
        want = "code_expired"
    else:
        return Standing(Status.ACTIVE, "paired")
    return Standing(Status.PASSIVE if late else Status.UNPAIRED, want)
