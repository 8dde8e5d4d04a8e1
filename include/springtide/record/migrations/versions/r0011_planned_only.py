"""A dry run of before stood as succeeded, and changed nothing: it was planned only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0014"
branch_labels = None
depends_on = None

_RUNS = sa.table("springtide_runs", sa.column("outcome", sa.String), sa.column("dry_run", sa.Boolean))


def upgrade() -> None:
    """Say of every dry run that succeeded what it did."""
    _turn("succeeded", "planned_only")


def downgrade() -> None:
    """Call them as before; what was refused is failed there, which knows no such outcome."""
    _turn("planned_only", "succeeded")
    op.execute(_RUNS.update().where(_RUNS.c.outcome == "refused").values(outcome="failed"))


def _turn(before: str, after: str) -> None:
    op.execute(_RUNS.update().where(_RUNS.c.dry_run, _RUNS.c.outcome == before).values(outcome=after))
