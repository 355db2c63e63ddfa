"""The check of the keys, the inbox, the conversations, and the register of citizens, addresses, cards and links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything."""
    make_ring()
    make_conversations()
    make_people()
    make_cards()
    make_links()
    make_consents()


def make_ring() -> None:
    """By which keys the records can be read."""
    op.create_table(
        "ring",
        sa.Column("id", sa.Integer),
        key("key_check"),
        sa.PrimaryKeyConstraint("id", name="pk_ring"),
    )


def make_conversations() -> None:
    """What was said, and where each conversation stands."""
    op.create_table(
        "inbox",
        key("key", primary_key=True),
        key("address_key"),
        moment("received_at"),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_inbox"),
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"])
    op.create_table(
        "conversations",
        key("address_key", primary_key=True),
        sa.Column("state", sa.LargeBinary, nullable=False),
        moment("updated_at"),
        moment("heard_at", nullable=True),
        sa.PrimaryKeyConstraint("address_key", name="pk_conversations"),
    )


def make_people() -> None:
    """Citizens, and the addresses they write from."""
    op.create_table(
        "citizens",
        sa.Column("id", sa.Integer),
        key("identity_key"),
        sa.Column("profile", sa.LargeBinary, nullable=False),
        key("phone_key", nullable=True),
        moment("created_at"),
        moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_citizens"),
        sa.UniqueConstraint("identity_key", name="uq_citizens_identity_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_citizens_phone_key", "citizens", ["phone_key"])
    op.create_table(
        "addresses",
        sa.Column("id", sa.Integer),
        key("key"),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("address", sa.LargeBinary, nullable=False),
        reference("addresses", "citizen_id", "citizens.id", nullable=True),
        sa.Column("locale", sa.String, nullable=False),
        moment("opted_out_at", nullable=True),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.UniqueConstraint("key", name="uq_addresses_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_addresses_citizen_id", "addresses", ["citizen_id"])


def make_cards() -> None:
    """Cards."""
    op.create_table(
        "cards",
        sa.Column("id", sa.Integer),
        key("number_key"),
        sa.Column("number", sa.LargeBinary, nullable=False),
        sa.Column("personalised", sa.Boolean),
        moment("suspended_at", nullable=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        moment("changed_at"),
        moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_cards"),
        sa.UniqueConstraint("number_key", name="uq_cards_number_key"),
    )
    op.create_index("ix_cards_status", "cards", ["status"])


def make_links() -> None:
    """Cards paired with codes, and what became of the cards."""
    op.create_table(
        "links",
        sa.Column("id", sa.Integer),
        reference("links", "card_id", "cards.id"),
        reference("links", "citizen_id", "citizens.id"),
        reference("links", "address_id", "addresses.id"),
        key("hes_key"),
        sa.Column("hes_code", sa.LargeBinary, nullable=False),
        moment("linked_at"),
        moment("ended_at", nullable=True),
        sa.Column("end_cause", sa.String),
        sa.Column("verdict", sa.String, nullable=False),
        moment("checked_at", nullable=True),
        moment("valid_until", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sqlite_autoincrement=True,
    )
    index_columns("links", "card_id", "citizen_id", "address_id")
    index_open_links("uq_links_open_card", "card_id", unique=True)
    index_open_links("ix_links_open_code", "hes_key")
    op.create_table(
        "card_history",
        sa.Column("id", sa.Integer),
        reference("card_history", "card_id", "cards.id"),
        moment("at"),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        reference("card_history", "link_id", "links.id", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_card_history"),
    )
    index_columns("card_history", "card_id", "link_id")


def make_consents() -> None:
    """Which texts were shown or accepted."""
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer),
        reference("consents", "address_id", "addresses.id"),
        reference("consents", "citizen_id", "citizens.id", nullable=True),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("document", "version", "locale", "sha256", "channel")
        ),
        moment("at"),
        moment("withdrawn_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    index_columns("consents", "address_id", "citizen_id")


def key(name: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[bytes]:
    """A blind index."""
    return sa.Column(name, sa.LargeBinary(16), nullable=nullable, primary_key=primary_key)


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


def index_open_links(name: str, column: str, *, unique: bool = False) -> None:
    """An index over the links that have not ended."""
    still_open = sa.text("ended_at IS NULL")
    op.create_index(
        name,
        "links",
        [column],
        unique=unique,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
