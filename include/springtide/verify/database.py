"""Is a PostgreSQL server fit for what is about to happen? One look by SQL, and a pure judgement of it.

A database that does not answer is a finding, not an error: what a run does about it is the run's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from springtide.extras import requires_extra
from springtide.policy.scaling.databases import DatabaseCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLook:
    """What one look saw; `error` says why it saw nothing. `lag_seconds` is the slowest standby's, or its own."""

    is_primary: bool = False
    free_connections: int = 0
    standbys: int = 0
    lag_seconds: float = 0.0
    error: str | None = None


class Databases(Protocol):
    """Looks at databases."""

    def look(self, check: DatabaseCheck) -> DatabaseLook:
        """Return what is seen now; what goes wrong on the way is the look's `error`, never raised."""
        ...


class NoDatabases:
    """Where nobody has said how a database is reached."""

    def look(self, check: DatabaseCheck) -> DatabaseLook:
        """Return that nothing can be seen."""
        return DatabaseLook(error=f"connection {check.connection!r} is not configured here")


class PostgresDatabases:
    """`Databases` over psycopg: one short connection for each look. `address_of` returns None for what it lacks."""

    def __init__(self, address_of: Callable[[str], str | None]) -> None:
        self._address_of = address_of

    def look(self, check: DatabaseCheck) -> DatabaseLook:
        """Return what is seen now."""
        with requires_extra("postgresql"):
            import psycopg

        address = self._address_of(check.connection)
        if address is None:
            return NoDatabases().look(check)
        seconds = max(1, int(check.timeout.total_seconds()))
        limit = f"-c statement_timeout={seconds * 1000}"
        try:
            with psycopg.connect(address, connect_timeout=seconds, options=limit, autocommit=True) as connection:
                row = connection.execute(_SQL).fetchone()
        except psycopg.OperationalError as error:
            first, *_ = str(error).splitlines() or [type(error).__name__]
            return DatabaseLook(error=first[:_TEXT_LIMIT])
        except psycopg.Error as error:  # its text may hold the address, and with it the password
            return DatabaseLook(error=f"{type(error).__name__}: look at connection {check.connection!r}")
        assert row is not None
        return DatabaseLook(
            is_primary=not row[0], free_connections=int(row[1]), standbys=int(row[2]), lag_seconds=float(row[3])
        )


_TEXT_LIMIT: Final = 200
_SQL: Final = """
SELECT pg_is_in_recovery(),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),
       CASE WHEN NOT pg_is_in_recovery()
                THEN (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0) FROM pg_stat_replication)
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0) END
"""


def unfit(check: DatabaseCheck, look: DatabaseLook) -> str | None:
    """Return everything that is wrong with the database, with both numbers; None when it is fit."""
    if look.error is not None:
        return f"database {check.name} does not answer: {look.error}"
    # Every shortfall at once: who mends a database at night wants the whole list, not one entry for each attempt.
    lag = check.max_lag.total_seconds()
    wrong = ["it is a standby, and must be the primary"] if check.role == "primary" and not look.is_primary else []
    if look.free_connections < check.free_connections:
        wrong.append(f"{look.free_connections} connections are free, {check.free_connections} must be")
    if look.standbys < check.standbys:
        wrong.append(f"{look.standbys} standbys are streaming, {check.standbys} must be")
    if look.lag_seconds > lag:
        wrong.append(f"replication is {look.lag_seconds:.1f} s behind, at most {lag:.0f} s are allowed")
    return f"database {check.name}: {'; '.join(wrong)}" if wrong else None
