"""What people were told, so that everything is told once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_notifications",
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_index("ix_springtide_notifications_known_at", "springtide_notifications", ["known_at"])


def downgrade() -> None:
    """Remove the table and everything in it."""
    op.drop_table("springtide_notifications")
