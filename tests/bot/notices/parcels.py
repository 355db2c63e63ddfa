"""A leased delivery to begin with; everybody in it is invented."""

from __future__ import annotations

from conversations.events import Address
from storage import Parcel, Urgency

PARCEL = Parcel(
    id=1,
    key="deadline:7:2021-01-15:7",
    kind="deadline",
    urgency=Urgency.REMINDER,
    recipient=7,
    address=Address("telegram", "1001"),
    locale="tr",
    about={},
    attempts=1,
    repeats=0,
    last="",
    expires_at=None,
    opted_out=False,
    reminders_off=False,
    blocked=False,
    heard_at=None,
    step="",
    travels=False,
)
