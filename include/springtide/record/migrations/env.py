"""What alembic runs: migrations in the transaction of the connection that `springtide.record.schema` hands over."""

from __future__ import annotations

from alembic import context

from springtide.record.schema import VERSION_TABLE
from springtide.record.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
