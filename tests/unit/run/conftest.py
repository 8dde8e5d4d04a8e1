"""What needs a PostgreSQL is collected where there is one, and in CI always, which fails when there is none."""

from __future__ import annotations

from support.postgres_server import is_wanted

collect_ignore = [] if is_wanted() else ["test_databases.py"]
