"""The proof that people were erased, links that were used, and what was said from an address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add what a citizen's rights need."""
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("way", "counts", "staying")),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_at", "erasures", ["at"])
    op.create_table(
        "passages",
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_passages"),
    )
    op.create_index("ix_passages_used_at", "passages", ["used_at"])
    op.create_index("ix_inbox_address_key", "inbox", ["address_key"])
