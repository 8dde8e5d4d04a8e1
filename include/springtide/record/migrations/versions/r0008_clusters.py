"""The cluster of a run: the same names in two clusters are two workloads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; without a value, as for all runs of before, it is the default cluster."""
    op.add_column("springtide_runs", sa.Column("cluster", sa.String(250), nullable=True))


def downgrade() -> None:
    """Remove the column: which cluster a run was in is lost with it."""
    op.drop_column("springtide_runs", "cluster")
