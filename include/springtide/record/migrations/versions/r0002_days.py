"""Days of services, and what was learned from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "springtide_days",
        sa.Column("policy", sa.String(253), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("peak", sa.Double),
        sa.Column("required", sa.Integer),
        sa.Column("actual", sa.Double),
        sa.Column("saturation", sa.Double),
        sa.Column("quality", sa.String(32), nullable=False),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_table(
        "springtide_learned",
        sa.Column("policy", sa.String(253), primary_key=True),
        sa.Column("record", _RECORD, nullable=False),
    )


def downgrade() -> None:
    """Remove the tables and everything in them."""
    op.drop_table("springtide_learned")
    op.drop_table("springtide_days")
