"""What sweeps and runs decided lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_decisions",
        sa.Column("policy", sa.String(253), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_index("ix_springtide_decisions_at", "springtide_decisions", ["at"])


def downgrade() -> None:
    """Remove the table and everything in it."""
    op.drop_table("springtide_decisions")
