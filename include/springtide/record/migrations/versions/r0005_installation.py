"""Which installation the store is of; its one row is made by whoever asks first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table("springtide_installation", sa.Column("id", sa.String(64), primary_key=True))


def downgrade() -> None:
    """Remove the table and what is in it."""
    op.drop_table("springtide_installation")
