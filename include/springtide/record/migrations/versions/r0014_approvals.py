"""Preparations that a person has approved ahead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_approvals",
        sa.Column("policy", sa.String(253), primary_key=True),
        sa.Column("event", sa.String(253), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("record", _RECORD, nullable=False),
    )


def downgrade() -> None:
    """Remove the table: every plan waits for a person again."""
    op.drop_table("springtide_approvals")
