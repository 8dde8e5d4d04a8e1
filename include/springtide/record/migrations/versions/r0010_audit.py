"""Who asked for what by REST and pages, and why; with the keys that make a repeat harmless."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_audit",
        sa.Column("record_id", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(250), nullable=False),
        sa.Column("dag_id", sa.String(250), nullable=False),
        sa.Column("service", sa.String(253), nullable=False),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("key", sa.String(250), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("record", _RECORD, nullable=False),
    )
    op.create_index("ix_springtide_audit_at", "springtide_audit", ["at"])
    op.create_index("ix_springtide_audit_service", "springtide_audit", ["service", "at"])
    op.create_index("ix_springtide_audit_key", "springtide_audit", ["who", "key"])
    op.create_index("ix_springtide_audit_run_id", "springtide_audit", ["run_id"])


def downgrade() -> None:
    """Remove the table: who asked for what is lost with it."""
    op.drop_table("springtide_audit")
