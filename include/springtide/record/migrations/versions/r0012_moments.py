"""What runs saw and wrote from one moment to the next, for people who look at a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "springtide_moments",
        sa.Column("moment_id", sa.Integer, primary_key=True),
        sa.Column(
            "run_id", sa.String(250), sa.ForeignKey("springtide_runs.run_id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stable", sa.Integer),
        sa.Column("new", sa.Integer),
        sa.Column("stable_serving", sa.Integer),
        sa.Column("new_serving", sa.Integer),
        sa.Column("write", sa.String(300)),
    )
    op.create_index("ix_springtide_moments_run_id", "springtide_moments", ["run_id"])


def downgrade() -> None:
    """Remove the table: how many pods runs saw over their seconds is lost with it."""
    op.drop_table("springtide_moments")
