"""What rehearsals of events came to, service by service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_rehearsals",
        sa.Column("run_id", sa.String(250), primary_key=True),
        sa.Column("policy", sa.String(253), primary_key=True),
        sa.Column("event", sa.String(253), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=False),
        sa.Column("per_replica", sa.Double),
        sa.Column("is_limit", sa.Boolean),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_index("ix_springtide_rehearsals_policy_at", "springtide_rehearsals", ["policy", "at"])


def downgrade() -> None:
    """Remove the table and everything in it."""
    op.drop_table("springtide_rehearsals")
