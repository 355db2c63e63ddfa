"""Suspensions, the risk feed, deliveries and their pace, imports, and attempts to travel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add what issues from knowing more than the links."""
    extend_records()
    make_suspensions()
    make_risks()
    make_deliveries()
    make_contents()
    make_imports()
    make_boardings()


def extend_records() -> None:
    """What conversations, addresses and cards have besides."""
    op.add_column("conversations", text("step", server_default=""))
    heard = ["heard_at", "address_key"]
    index_some("ix_conversations_open_heard_at", "conversations", heard, "step <> ''")
    op.add_column("addresses", moment("reminders_off_at", nullable=True))
    op.add_column("addresses", moment("blocked_at", nullable=True))
    op.add_column("cards", moment("suspended_until", nullable=True))
    op.create_index("ix_cards_changed_at", "cards", ["changed_at", "id"])
    index_some("ix_links_open_until", "links", ["valid_until", "id"], "ended_at IS NULL")


def make_suspensions() -> None:
    """Cards that are held back, and why."""
    op.create_table(
        "suspensions",
        sa.Column("id", sa.Integer),
        reference("suspensions", "card_id", "cards.id"),
        key("hes_key"),
        moment("started_at"),
        moment("until", nullable=True),
        moment("ended_at", nullable=True),
        sa.Column("end_cause", sa.String),
        sa.PrimaryKeyConstraint("id", name="pk_suspensions"),
    )
    index_columns("suspensions", "card_id")
    still_open = "ended_at IS NULL"
    index_some("uq_suspensions_open", "suspensions", ["card_id", "hes_key"], still_open, True)
    index_some("ix_suspensions_open_code", "suspensions", ["hes_key"], still_open)
    index_some("ix_suspensions_open_until", "suspensions", ["until"], still_open)


def make_risks() -> None:
    """What the Ministry says of codes."""
    op.create_table(
        "risks",
        key("hes_key"),
        sa.Column("hes_code", sa.LargeBinary),
        sa.Column("risky", sa.Boolean, nullable=False),
        moment("changed_at"),
        moment("until", nullable=True),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("hes_key", name="pk_risks"),
    )
    index_columns("risks", "updated_at")
    op.create_table(
        "risk_changes",
        key("id_key"),
        moment("received_at"),
        sa.PrimaryKeyConstraint("id_key", name="pk_risk_changes"),
    )
    index_columns("risk_changes", "received_at")


def make_deliveries() -> None:
    """What goes out unasked, and how fast."""
    op.create_table(
        "deliveries",
        sa.Column("id", BIG),
        text("key"),
        text("kind"),
        sa.Column("urgency", sa.Integer, nullable=False),
        text("channel"),
        reference("deliveries", "address_id", "addresses.id"),
        reference("deliveries", "card_id", "cards.id", nullable=True),
        reference("deliveries", "link_id", "links.id", nullable=True),
        text("about"),
        text("state"),
        text("cause"),
        moment("due_at"),
        moment("expires_at", nullable=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("worker", sa.String),
        moment("rest_until", nullable=True),
        sa.Column("provider_id", sa.String),
        moment("created_at"),
        moment("sent_at", nullable=True),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("key", name="uq_deliveries_key"),
        sqlite_autoincrement=True,
    )
    index_columns("deliveries", "address_id", "card_id", "link_id")
    due = ["channel", "urgency", "due_at", "id"]
    index_some("ix_deliveries_pending", "deliveries", due, "state = 'pending'")
    index_some("ix_deliveries_sending", "deliveries", ["rest_until"], "state = 'sending'")
    index_some("ix_deliveries_unknown", "deliveries", ["rest_until"], "state = 'unknown'")
    index_some("ix_deliveries_held", "deliveries", ["channel"], "state = 'held'")
    known = "provider_id IS NOT NULL"
    index_some("ix_deliveries_provider_id", "deliveries", ["provider_id"], known)
    op.create_table(
        "paces",
        text("name"),
        sa.Column("tat", sa.Float(53), nullable=False),
        sa.Column("paused_until", sa.Float(53), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("name", name="pk_paces"),
    )


def make_contents() -> None:
    """Texts that WhatsApp keeps for us."""
    op.create_table(
        "contents",
        text("name"),
        text("sid"),
        text("approval"),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("name", name="pk_contents"),
    )


def make_imports() -> None:
    """How far files of cards were read."""
    counts = ("position", "line", "added", "changed", "known", "bad")
    op.create_table(
        "imports",
        text("fingerprint"),
        *(sa.Column(name, BIG, nullable=False) for name in counts),
        moment("updated_at"),
        moment("finished_at", nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_imports"),
    )


def make_boardings() -> None:
    """Attempts to travel on suspended cards, and the reports of them."""
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer),
        moment("from_at"),
        moment("to_at"),
        moment("made_at"),
        sa.Column("attempts", sa.Integer, nullable=False),
        text("sha256"),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
    )
    op.create_table(
        "boardings",
        sa.Column("id", sa.Integer),
        key("key"),
        reference("boardings", "card_id", "cards.id"),
        text("validator_id"),
        moment("at"),
        moment("received_at"),
        reference("boardings", "report_id", "reports.id", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_boardings"),
        sa.UniqueConstraint("key", name="uq_boardings_key"),
    )
    index_columns("boardings", "card_id", "report_id")
    index_some("ix_boardings_unreported", "boardings", ["at"], "report_id IS NULL")


def key(name: str) -> sa.Column[bytes]:
    """A blind index."""
    return sa.Column(name, sa.LargeBinary(16), nullable=False)


def text(name: str, *, server_default: str | None = None) -> sa.Column[str]:
    """A word that is always there."""
    return sa.Column(name, sa.String, nullable=False, server_default=server_default)


def moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """A point in time."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def reference(table: str, name: str, target: str, *, nullable: bool = False) -> sa.Column[int]:
    """The number of a row elsewhere."""
    foreign = sa.ForeignKey(target, name=f"fk_{table}_{name}")
    return sa.Column(name, sa.Integer, foreign, nullable=nullable)


def index_columns(table: str, *columns: str) -> None:
    """An index for each column."""
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])


def index_some(
    name: str, table: str, columns: list[str], condition: str, unique: bool = False
) -> None:
    """An index over the rows that fulfil the condition."""
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
