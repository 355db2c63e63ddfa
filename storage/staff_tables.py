"""The tables of the staff's work: who they are, what they did, what they send to many.

Tables only, as in ``storage.tables``, where the ``Table`` objects stand.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, Index, LargeBinary
from sqlmodel import Field

from storage.columns import BIG, Moment, Record


class StaffRow(Record, table=True):
    """Somebody who works at the console. ``folded`` is the name as it is compared.

    ``password`` is an argon2id hash, ``secret`` the sealed key of the one-time codes (RFC 6238),
    ``last_step`` the newest step of them that was used: no code opens twice. ``address_id`` is the
    linked messenger account; ``link_key`` is the blind index of the code that links one. The name
    of who has left stays, for the audit speaks of it.
    """

    __tablename__ = "staff"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    folded: str = Field(unique=True)
    role: str
    password: str
    secret: bytes
    last_step: int = Field(sa_type=BIG)
    failures: int
    locked_until: datetime | None = Field(sa_type=Moment)
    address_id: int | None = Field(foreign_key="addresses.id", unique=True)
    link_key: bytes | None = Field(sa_type=LargeBinary(16), unique=True)
    link_until: datetime | None = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    left_at: datetime | None = Field(sa_type=Moment)


class VisitRow(Record, table=True):
    """Somebody signed in at the console; ``key`` is the SHA-256 of what the cookie holds."""

    __tablename__ = "visits"

    key: bytes = Field(sa_type=LargeBinary(32), primary_key=True)
    staff_id: int = Field(foreign_key="staff.id", index=True)
    began_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)


class AuditRow(Record, table=True):
    """What somebody of the staff did or looked at. Each row holds the hash of the one before.

    ``subject`` names a row ("broadcast:7", "citizen:12"), ``detail`` is sealed JSON; ``hash`` is
    keyed, so that who has only the database cannot make a chain that holds.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject", "id"), Index("ix_audit_at", "at", "id"))

    id: int = Field(sa_type=BIG, primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Moment)
    who: str
    act: str
    subject: str
    detail: bytes
    before: bytes = Field(sa_type=LargeBinary(32))
    hash: bytes = Field(sa_type=LargeBinary(32))


class BroadcastRow(Record, table=True):
    """A message from staff to an audience, from its draft to its end.

    ``texts``, ``templates`` (by language), ``audience``, ``left_out`` and ``counted`` are JSON.
    ``version`` grows with every change of a draft. ``last_address`` and ``as_of`` bound the
    audience since its approval; ``reached`` is how far its deliveries are written, ``planned`` how
    many those are, ``planned_at`` when all were. ``counted`` is what had become of them at
    ``counted_at``, ``baseline`` the same when it last began to run; both in real time, as is
    ``running_since``.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (
        Index("ix_broadcasts_stage", "stage", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    title: str
    stage: str
    urgent: bool
    texts: str
    templates: str
    audience: str
    resend_unknown: bool
    failure_limit: float = Field(sa_type=Float(53))
    author_id: int = Field(foreign_key="staff.id")
    version: int
    starts_at: datetime | None = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)
    approved_at: datetime | None = Field(sa_type=Moment)
    started_at: datetime | None = Field(sa_type=Moment)
    ended_at: datetime | None = Field(sa_type=Moment)
    last_address: int | None
    as_of: datetime | None = Field(sa_type=Moment)
    reached: int
    planned: int
    left_out: str
    planned_at: datetime | None = Field(sa_type=Moment)
    pause_cause: str
    counted: str
    counted_at: datetime | None = Field(sa_type=Moment)
    baseline: str
    running_since: datetime | None = Field(sa_type=Moment)


class ApprovalRow(Record, table=True):
    """Somebody approved a version of a broadcast; each of the staff once."""

    __tablename__ = "approvals"

    broadcast_id: int = Field(foreign_key="broadcasts.id", primary_key=True)
    staff_id: int = Field(foreign_key="staff.id", primary_key=True)
    version: int
    at: datetime = Field(sa_type=Moment)


class SampleRow(Record, table=True):
    """How many of a broadcast's deliveries on a channel were dealt with, and how many of those were
    sent, at a moment of real time."""

    __tablename__ = "samples"

    broadcast_id: int = Field(foreign_key="broadcasts.id", primary_key=True)
    channel: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment, primary_key=True)
    settled: int
    sent: int


class MarkRow(Record, table=True):
    """How often something happened in an hour: in the talk (answered:first_name, saved, …), or
    records handed in by a system (fed:<name of its key>)."""

    __tablename__ = "marks"

    hour: datetime = Field(sa_type=Moment, primary_key=True)
    name: str = Field(primary_key=True)
    count: int = Field(sa_type=BIG)
