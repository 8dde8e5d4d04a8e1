"""Runs, their phases, and the totals that metrics are read from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_RECORD = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "springtide_runs",
        sa.Column("run_id", sa.String(250), primary_key=True),
        sa.Column("policy", sa.String(253), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("deployment", sa.String(253), nullable=False),
        sa.Column("service", sa.String(253), nullable=False),
        sa.Column("strategy", sa.String(64), nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("trigger", sa.String(32), nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("plan", _RECORD),
        sa.Column("verdict", _RECORD),
        sa.Column("error", _RECORD),
    )
    op.create_index("ix_springtide_runs_started_at", "springtide_runs", ["started_at"])
    op.create_index("ix_springtide_runs_policy_started_at", "springtide_runs", ["policy", "started_at"])
    op.create_table(
        "springtide_phases",
        sa.Column(
            "run_id", sa.String(250), sa.ForeignKey("springtide_runs.run_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("phase", sa.String(64), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("seconds", sa.Double),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_table(
        "springtide_totals",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("labels", sa.String(512), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Remove the tables and everything in them."""
    op.drop_table("springtide_totals")
    op.drop_table("springtide_phases")
    op.drop_table("springtide_runs")
