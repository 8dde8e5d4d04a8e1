"""Engines: which databases serve, how they are connected to, and what their errors become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from springtide.errors import InputError, PermanentError, TemporaryError
from springtide.extras import requires_extra

TIMEOUT_SECONDS: Final = 10
"""How long the store is waited for: to connect, for a lock, for an answer. Every run asks it a few times."""

WRITE_LOCK: Final = 0x5350_5249_4E47
"""The advisory lock that PostgreSQL's writers hold for their few milliseconds, as SQLite's single writer does."""

EXAMPLES: Final = "sqlite:////var/lib/springtide/runs.db or postgresql://USER:PASSWORD@HOST/NAME"


def engine_for(url: str) -> Engine:
    """Return an engine for `url`; a SQLite file's directory is made. Nothing is connected to yet.

    Raises:
        InputError: the URL cannot be read, or names another database (`store_url_invalid`).
        TemporaryError: the directory cannot be created (`store_unavailable`).
        PermanentError: PostgreSQL's driver is not installed (`extra_missing`).
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(_with_directory(parsed), connect_args=_SQLITE)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        parsed = parsed.set(drivername="postgresql+psycopg")
        with requires_extra("postgresql"):  # SQLAlchemy imports the driver here
            engine = create_engine(parsed, connect_args=_POSTGRESQL, pool_pre_ping=True, pool_timeout=TIMEOUT_SECONDS)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that no other writer of the store runs beside."""
    # A run is read, merged and written whole, by several processes: two at once would each drop the other's phase.
    with engine.execution_options(springtide_writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(WRITE_LOCK)))
        yield connection


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn the database library's errors into springtide's.

    Raises:
        TemporaryError: the database does not answer (`store_unavailable`).
        PermanentError: it does not take what it was given (`store_refused`).
    """
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise TemporaryError(
            f"the store {_shown(engine)} does not answer: {_first_line(error)}. Check that it runs and can be reached.",
            code="store_unavailable",
        ) from error
    except SQLAlchemyError as error:
        raise PermanentError(
            f"the store {_shown(engine)} refused: {_first_line(error)}.", code="store_refused"
        ) from error


_SQLITE: Final[dict[str, Any]] = {"timeout": TIMEOUT_SECONDS, "isolation_level": None}
"""Transactions begin where `_begin` says, not where the driver guesses."""

_POSTGRESQL: Final[dict[str, Any]] = {
    "connect_timeout": TIMEOUT_SECONDS,
    "tcp_user_timeout": TIMEOUT_SECONDS * 1000,
    "prepare_threshold": None,  # prepared statements do not survive a pooler such as Airflow's pgbouncer
    "application_name": "springtide",
}


def _parsed(url: str) -> URL:
    wrong = InputError(
        f"the store's URL cannot be used; allowed: {EXAMPLES}.", code="store_url_invalid", field="store_url"
    )
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise wrong from None  # the cause would show the URL, with its password
    backend = parsed.drivername.partition("+")[0]
    if backend not in {"sqlite", "postgresql"} or (backend == "sqlite" and parsed.database in {None, "", ":memory:"}):
        raise wrong
    return parsed


def _with_directory(url: URL) -> URL:
    directory = Path(url.database or "").parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TemporaryError(
            f"the store's directory {directory} cannot be created: {error.strerror}. Create it, or set another store.",
            code="store_unavailable",
            field="store_url",
        ) from error
    return url


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # With a write-ahead log a power cut may lose the last records, and corrupts nothing: the runs are in the cluster.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # Who reads first and writes then may be refused at once; a writer says so at its start, and waits its turn.
        writes = connection.get_execution_options().get("springtide_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    else:
        # Per transaction, since a pooler passes no start-up options on.
        limits = "SELECT set_config('statement_timeout', :limit, true), set_config('lock_timeout', :limit, true)"
        connection.execute(text(limits), {"limit": f"{TIMEOUT_SECONDS}s"})


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _first_line(error: SQLAlchemyError) -> str:
    # The lines after the first quote the statement and its values, which belong in no log.
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().partition("\n")[0]
