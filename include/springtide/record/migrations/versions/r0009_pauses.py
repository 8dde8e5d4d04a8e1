"""Services that are paused, and those that were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_pauses",
        sa.Column("service", sa.String(253), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_index("ix_springtide_pauses_ended_at", "springtide_pauses", ["ended_at"])


def downgrade() -> None:
    """Remove the table: what was paused goes on by itself with the version before."""
    op.drop_table("springtide_pauses")
