"""Staff, their audit, broadcasts, and what is counted of the talk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add what the staff's work needs."""
    make_staff()
    make_audit()
    make_broadcasts()
    extend_deliveries()
    make_marks()


def make_staff() -> None:
    """Who works at the console, and who is signed in."""
    op.create_table(
        "staff",
        sa.Column("id", sa.Integer),
        *(text(name) for name in ("name", "folded", "role", "password")),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("last_step", BIG, nullable=False),
        number("failures"),
        moment("locked_until", nullable=True),
        reference("staff", "address_id", "addresses.id", nullable=True),
        sa.Column("link_key", sa.LargeBinary(16)),
        moment("link_until", nullable=True),
        moment("created_at"),
        moment("left_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_staff"),
        *(
            sa.UniqueConstraint(name, name=f"uq_staff_{name}")
            for name in ("folded", "address_id", "link_key")
        ),
    )
    op.create_table(
        "visits",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        reference("visits", "staff_id", "staff.id"),
        *(moment(name) for name in ("began_at", "seen_at", "ends_at")),
        sa.PrimaryKeyConstraint("key", name="pk_visits"),
    )
    op.create_index("ix_visits_staff_id", "visits", ["staff_id"])


def make_audit() -> None:
    """What the staff did, in a chain."""
    op.create_table(
        "audit",
        sa.Column("id", BIG, autoincrement=False),
        moment("at"),
        *(text(name) for name in ("who", "act", "subject")),
        sa.Column("detail", sa.LargeBinary, nullable=False),
        sa.Column("before", sa.LargeBinary(32), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])
    op.create_index("ix_audit_at", "audit", ["at", "id"])


def make_broadcasts() -> None:
    """What the staff send to many, who approved it, and how it goes."""
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.Integer),
        text("title"),
        text("stage"),
        sa.Column("urgent", sa.Boolean, nullable=False),
        *(text(name) for name in ("texts", "templates", "audience")),
        sa.Column("resend_unknown", sa.Boolean, nullable=False),
        sa.Column("failure_limit", sa.Float(53), nullable=False),
        reference("broadcasts", "author_id", "staff.id"),
        number("version"),
        moment("starts_at", nullable=True),
        moment("created_at"),
        moment("updated_at"),
        *(moment(name, nullable=True) for name in ("approved_at", "started_at", "ended_at")),
        sa.Column("last_address", sa.Integer),
        moment("as_of", nullable=True),
        number("reached"),
        number("planned"),
        text("left_out"),
        moment("planned_at", nullable=True),
        text("pause_cause"),
        text("counted"),
        moment("counted_at", nullable=True),
        text("baseline"),
        moment("running_since", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_broadcasts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_broadcasts_stage", "broadcasts", ["stage", "id"])
    op.create_table(
        "approvals",
        reference("approvals", "broadcast_id", "broadcasts.id"),
        reference("approvals", "staff_id", "staff.id"),
        number("version"),
        moment("at"),
        sa.PrimaryKeyConstraint("broadcast_id", "staff_id", name="pk_approvals"),
    )
    op.create_table(
        "samples",
        reference("samples", "broadcast_id", "broadcasts.id"),
        text("channel"),
        moment("at"),
        number("settled"),
        number("sent"),
        sa.PrimaryKeyConstraint("broadcast_id", "channel", "at", name="pk_samples"),
    )


def extend_deliveries() -> None:
    """Which broadcast a delivery belongs to; those wait apart."""
    op.add_column("deliveries", sa.Column("broadcast_id", sa.Integer))
    op.drop_index("ix_deliveries_pending", "deliveries")
    op.drop_index("ix_deliveries_held", "deliveries")
    due = ["channel", "urgency", "due_at", "id"]
    index_some(
        "ix_deliveries_pending", due, "state = 'pending' AND broadcast_id IS NULL"
    )
    index_some(
        "ix_deliveries_broadcast",
        ["broadcast_id", "channel", "due_at", "id"],
        "state = 'pending' AND broadcast_id IS NOT NULL",
    )
    outcomes = ["broadcast_id", "channel", "state", "cause"]
    op.create_index("ix_deliveries_outcomes", "deliveries", outcomes)


def make_marks() -> None:
    """What is counted of the talk, by the hour."""
    op.create_table(
        "marks",
        moment("hour"),
        text("name"),
        sa.Column("count", BIG, nullable=False),
        sa.PrimaryKeyConstraint("hour", "name", name="pk_marks"),
    )


def text(name: str) -> sa.Column[str]:
    """A word that is always there."""
    return sa.Column(name, sa.String, nullable=False)


def number(name: str) -> sa.Column[int]:
    """A number that is always there."""
    return sa.Column(name, sa.Integer, nullable=False)


def moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """A point in time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def reference(table: str, name: str, target: str, *, nullable: bool = False) -> sa.Column[int]:
    """The number of a row elsewhere."""
    foreign = sa.ForeignKey(target, name=f"fk_{table}_{name}")
    return sa.Column(name, sa.Integer, foreign, nullable=nullable)


def index_some(name: str, columns: list[str], condition: str) -> None:
    """An index over the deliveries that fulfil the condition."""
    where = sa.text(condition)
    op.create_index(name, "deliveries", columns, sqlite_where=where, postgresql_where=where)
