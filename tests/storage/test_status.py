"""A card's status follows from its facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conversations.actions import Status, Verdict
from storage.changes import Standing
from storage.registry import status_of

DEADLINE = datetime(2021, 1, 14, 21, tzinfo=UTC)
BEFORE = DEADLINE - timedelta(microseconds=1)
LATER = DEADLINE + timedelta(days=30)


@pytest.mark.parametrize(
    ("suspended", "verdict", "valid_until", "now", "expected"),
    [
        (False, None, None, BEFORE, Standing(Status.UNPAIRED, "never_paired")),
        (False, None, None, DEADLINE, Standing(Status.PASSIVE, "deadline_passed")),
        (False, Verdict.UNCHECKED, None, BEFORE, Standing(Status.ACTIVE, "paired")),
        (False, Verdict.UNCHECKED, None, DEADLINE, Standing(Status.ACTIVE, "paired")),
        (False, Verdict.VALID, LATER, DEADLINE, Standing(Status.ACTIVE, "paired")),
        (False, Verdict.VALID, None, DEADLINE, Standing(Status.ACTIVE, "paired")),
        (False, Verdict.VALID, DEADLINE, BEFORE, Standing(Status.ACTIVE, "paired")),
        (False, Verdict.VALID, DEADLINE, DEADLINE, Standing(Status.PASSIVE, "code_expired")),
        (False, Verdict.VALID, BEFORE, BEFORE, Standing(Status.UNPAIRED, "code_expired")),
        (False, Verdict.NOT_FOUND, None, BEFORE, Standing(Status.UNPAIRED, "code_not_found")),
        (False, Verdict.NOT_FOUND, LATER, DEADLINE, Standing(Status.PASSIVE, "code_not_found")),
        (False, Verdict.EXPIRED, None, DEADLINE, Standing(Status.PASSIVE, "code_expired")),
        (False, Verdict.MISMATCH, None, DEADLINE, Standing(Status.PASSIVE, "code_mismatch")),
        (False, Verdict.UNCHECKED, BEFORE, BEFORE, Standing(Status.UNPAIRED, "code_expired")),
        (False, Verdict.MISMATCH, LATER, BEFORE, Standing(Status.UNPAIRED, "code_mismatch")),
        (False, Verdict.EXPIRED, LATER, BEFORE, Standing(Status.UNPAIRED, "code_expired")),
        (True, Verdict.VALID, LATER, BEFORE, Standing(Status.SUSPENDED, "suspended")),
        (True, None, None, DEADLINE, Standing(Status.SUSPENDED, "suspended")),
        (True, None, None, BEFORE, Standing(Status.SUSPENDED, "suspended")),
        (True, Verdict.VALID, LATER, DEADLINE, Standing(Status.SUSPENDED, "suspended")),
        (True, Verdict.EXPIRED, None, DEADLINE, Standing(Status.SUSPENDED, "suspended")),
    ],
)
def test_the_status_follows_from_suspension_then_link_then_deadline(
    suspended: bool,
    verdict: Verdict | None,
    valid_until: datetime | None,
    now: datetime,
    expected: Standing,
) -> None:
    """Suspension rules over all; a living link over the deadline."""
    standing = status_of(
        suspended=suspended, verdict=verdict, valid_until=valid_until, now=now, deadline=DEADLINE
    )
    assert standing == expected
