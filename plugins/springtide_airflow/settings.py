"""What the environment and the store's connection say to Airflow's processes: the plugin reads them here alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import InputError
from springtide.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

STORE_CONNECTION: Final = "springtide_store"
"""The Airflow connection of the store of runs: Airflow masks a connection's password, and not a variable."""

_POSTGRESQL: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_DRIVER: Final = "postgresql+psycopg"


def airflow_settings() -> Settings:
    """Return what the environment says. Airflow itself is asked nothing, so a DAG file may call it.

    Policies and calendars are beside `plugins/` unless the environment says where; springtide's own files are in
    AIRFLOW_HOME, and so are both folders where pip has installed it.
    """
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "springtide"
    return Settings.from_environment(os.environ, home=home, base=_project(Path(__file__).resolve().parent) or home)


def _project(package: Path) -> Path | None:
    """Return the folder that holds `plugins/`; None where this package lies among installed ones."""
    return package.parents[1] if package.parent.name == "plugins" else None


def store_url() -> str:
    """Return the URL of the store of runs: of the connection `springtide_store`, else what the environment says.

    It works in tasks, in the triggerer, and while the DAG processor reads a DAG file: all of them may ask Airflow for
    connections. A process that may not (`airflow dags reserialize`) sees AIRFLOW_CONN_SPRINGTIDE_STORE alone.

    Raises:
        InputError: there is such a connection, and it cannot be used (`store_url_invalid`).
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = Connection.get(STORE_CONNECTION)
    except AirflowNotFoundException:
        return airflow_settings().store_url
    except PermissionError as error:
        raise _refused("Airflow does not let this process read it") from error
    return _url_of(connection)


def _url_of(connection: Connection) -> str:
    """Return the URL of the database, as SQLAlchemy writes it. It holds the password: it stands in no message."""
    from sqlalchemy import URL

    if connection.conn_type == "sqlite":
        path = "/".join(filter(None, (connection.host, connection.schema)))
        if not path:
            raise _refused("its host must be the path of the SQLite file")
        return f"sqlite:///{path}"
    if connection.conn_type not in _POSTGRESQL:
        raise _refused(f"its type must be postgres or sqlite, not {connection.conn_type!r}")
    if not connection.host or not connection.schema:
        raise _refused("its host and its schema, the name of the database, must be set")
    url = URL.create(
        _DRIVER,
        username=connection.login or None,
        password=connection.password or None,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query={name: value for name, value in connection.extra_dejson.items() if isinstance(value, str)},
    )
    return url.render_as_string(hide_password=False)


def _refused(problem: str) -> InputError:
    message = f"connection {STORE_CONNECTION!r}: {problem}."
    return InputError(message, code="store_url_invalid", field=STORE_CONNECTION)
