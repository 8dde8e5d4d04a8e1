"""The store's schema and how it grows: alembic migrations that are shipped with the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, String, column, inspect, select, table

from springtide.errors import InputError
from springtide.record.database import writing

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0011"
"""The newest revision, known without loading alembic: opening a store that has it costs one query."""

VERSION_TABLE: Final = "springtide_schema"
"""Not alembic's own default: the database may be shared with Airflow, which has that one."""

SCRIPTS: Final = Path(__file__).parent / "migrations"


def ensure(engine: Engine) -> None:
    """Bring the store to the newest revision unless it has it; a new database gets its tables.

    Raises:
        InputError: the store is of a later springtide than this one (`store_newer`).
    """
    with engine.connect() as connection:
        stored = revision(connection)
    if stored == HEAD:
        return
    if stored is not None and not _is_known(stored):
        raise InputError(
            f"the store has revision {stored}, and the newest that this springtide knows is {HEAD}; install the later "
            "springtide.",
            code="store_newer",
        )
    if engine.dialect.name == "sqlite":
        _use_write_ahead_log(engine)
    # Two processes may both have seen the old revision: alembic looks again behind the lock, and does nothing twice.
    with writing(engine) as connection:
        upgrade(connection)


def revision(connection: Connection) -> str | None:
    """Return the revision that the store has; None when it has no tables yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version = column("version_num", String)
    return connection.execute(select(version).select_from(table(VERSION_TABLE, version))).scalar()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations up to `to` in the connection's transaction."""
    from alembic import command

    command.upgrade(config(connection), to)


def downgrade(connection: Connection, to: str) -> None:
    """Take the migrations after `to` back in the connection's transaction; "base" leaves no table."""
    from alembic import command

    command.downgrade(config(connection), to)


def config(connection: Connection | None = None) -> Config:
    """Return alembic's configuration for the shipped migrations."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


def _is_known(stored: str) -> bool:
    from alembic.script import ScriptDirectory

    return stored in {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def _use_write_ahead_log(engine: Engine) -> None:
    """Let readers and the writer work side by side. The file remembers it, so new files are asked once."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()
