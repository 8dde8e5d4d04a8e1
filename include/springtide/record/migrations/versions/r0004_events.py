"""What events hold for services, and how long preparations took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "springtide_notes",
        sa.Column("service", sa.String(253), primary_key=True),
        sa.Column("occurrence", sa.String(253), primary_key=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_index("ix_springtide_notes_kept_until", "springtide_notes", ["kept_until"])
    op.create_table(
        "springtide_preparations",
        sa.Column("run_id", sa.String(250), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("pods", sa.Integer, nullable=False),
    )
    op.create_index("ix_springtide_preparations_began_at", "springtide_preparations", ["began_at"])


def downgrade() -> None:
    """Remove the tables and everything in them."""
    op.drop_table("springtide_preparations")
    op.drop_table("springtide_notes")
