"""What only stores in a database have to get right: other processes, other times, and databases that say no."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from springtide.capacity.learned import Learned
from springtide.errors import InputError, PermanentError, TemporaryError
from springtide.record import database
from springtide.record.exposition import FILE, exposition
from springtide.record.looks import errors_measured
from springtide.record.sql import open_store
from unit.record.run_builders import NOON, PLAN, a_phase, a_run, an_ended_phase, an_ended_run

WRITER = """
import sys
from springtide.record.sql import open_store
from unit.record.run_builders import a_run, an_ended_phase

with open_store(sys.argv[1]) as store:
    store.save(a_run(phases=(an_ended_phase("phase-" + sys.argv[2]),)))
"""


def test_runs_are_there_when_the_store_is_opened_again(url: str) -> None:
    run = a_run(plan=PLAN, phases=(an_ended_phase(),))
    with open_store(url) as store:
        store.save(run)
        totals = store.totals()

    with open_store(url) as store:
        assert (store.latest(), store.totals()) == ((run,), totals)


def test_metrics_are_written_once_the_run_is_kept(url: str, tmp_path: Path) -> None:
    with open_store(url, metrics_directory=tmp_path / "metrics") as store:
        store.save(an_ended_run())

        assert (tmp_path / "metrics" / FILE).read_bytes() == exposition(store.totals())


def test_a_run_is_kept_even_when_its_metrics_cannot_be_written(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with open_store(url, metrics_directory=tmp_path / "file") as store:
        with pytest.raises(TemporaryError) as failed:
            store.save(an_ended_run())

        assert failed.value.code == "metrics_unwritable"
        assert store.latest() == (an_ended_run(),)


@contextmanager
def asked_of_samples() -> Iterator[list[str]]:
    """Yield what databases are asked of samples meanwhile."""
    asked: list[str] = []

    def ask(*given: Any) -> None:
        asked.extend(each for each in given[2:3] if each.startswith("SELECT") and "springtide_totals" in each)

    event.listen(Engine, "before_cursor_execute", ask)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", ask)


def test_what_is_learned_of_a_service_reads_the_samples_of_no_other(url: str) -> None:
    with open_store(url) as store:
        store.save_learned("web", Learned(errors={"auto-0123": 0.1}))
        with asked_of_samples() as asked:
            store.save_learned("web", Learned(errors={"seasonal-4567": 0.2}))
            store.measure(errors_measured("web", now=NOON))
        with asked_of_samples() as all_of_them:
            told = {total.labels: total.value for total in store.totals() if total.name.endswith("model_error_ratio")}

    assert ["WHERE" in each for each in all_of_them] == [False]
    assert {"WHERE" in each for each in asked} == {True}
    assert told == {(("policy", "web"), ("model", "seasonal")): 0.2}


def test_processes_may_open_a_new_store_at_the_same_time(url: str) -> None:
    tests = Path(__file__).parents[2]
    paths = f"{tests}:{tests.parent / 'include'}"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(n)], env={"PYTHONPATH": paths}, stderr=subprocess.PIPE)
        for n in range(6)
    ]
    said = [writer.communicate(timeout=60)[1].decode() for writer in writers]

    assert said == [""] * 6
    with open_store(url) as store:
        assert {phase.phase for phase in store.get(a_run().run_id).phases} == {f"phase-{n}" for n in range(6)}


def test_a_record_that_is_not_json_is_refused_and_nothing_is_kept(url: str) -> None:
    with open_store(url) as store:
        with pytest.raises(PermanentError, match="refused") as refused:
            store.save(a_run(plan={"replicas": 3, "demand": math.nan}))
        assert refused.value.code == "store_refused"
        assert (store.latest(), store.totals()) == ((), ())


def test_a_phase_that_fails_to_be_kept_leaves_the_run_as_it_was(url: str) -> None:
    with open_store(url) as store:
        store.save(a_run())
        with pytest.raises(PermanentError):
            store.save_phase(a_run().run_id, replace(a_phase(), message=None))  # type: ignore[arg-type]
        assert store.get(a_run().run_id) == a_run()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "runs.db",
        "mysql://ada:hunter2@host/runs",
        "sqlite://",
        "sqlite:///:memory:",
        "postgres://ada:hunter2@host/runs",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(wrong: str) -> None:
    with pytest.raises(InputError, match="allowed: sqlite:////var") as refused:
        open_store(wrong)

    assert refused.value.code == "store_url_invalid"
    assert "hunter2" not in refused.value.message


def test_a_database_that_does_not_answer_is_temporary_and_keeps_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PGHOST", "PGPORT", "PGPASSWORD"):
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(TemporaryError, match="does not answer") as away:
        open_store("postgresql://ada:hunter2@127.0.0.1:1/runs")

    assert away.value.code == "store_unavailable"
    assert "hunter2" not in away.value.message


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(TemporaryError, match=f"{tmp_path}/file/sub cannot be created") as away:
        open_store(f"sqlite:///{tmp_path}/file/sub/runs.db")

    assert away.value.code == "store_unavailable"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_text("this is a letter, not a database\n" * 100)

    with pytest.raises(PermanentError, match="not a database") as refused:
        open_store(f"sqlite:///{path}")

    assert refused.value.code == "store_refused"


def test_a_writer_that_waits_too_long_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database._SQLITE, "timeout", 0.05)
    path = tmp_path / "runs.db"
    with open_store(f"sqlite:///{path}") as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(TemporaryError, match="locked"):
                store.save(a_run())
            assert store.latest() == ()
        finally:
            other.close()
        store.save(a_run())
        assert store.latest() == (a_run(),)


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with open_store(f"sqlite:///{path}") as store:
        store.save(a_run())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            assert store.latest() == (a_run(),)
        finally:
            other.close()


def test_a_store_may_share_a_database_with_another_alembic(url: str) -> None:
    with open_store(url):
        pass
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('airflow')"))
    with open_store(url) as store:
        store.save(a_run())
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("airflow",)]
    engine.dispose()
