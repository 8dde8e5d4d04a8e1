"""deploy/airflow/clean: what it has Airflow forget, which log files go, and which number of days it refuses."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from architecture.sources import ROOT

CLEAN: Final = ROOT / "deploy" / "airflow" / "clean"
AGES: Final = {"old/attempt=1.log": 31, "young/attempt=1.log": 29}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home of Airflow with two log files, and a program `airflow` that writes down what it is asked for."""
    program = tmp_path / "bin" / "airflow"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >"{tmp_path}/asked"\n')
    program.chmod(0o755)
    for name, days in AGES.items():
        file = tmp_path / "logs" / name
        file.parent.mkdir(parents=True)
        file.write_text("a line\n")
        then = (datetime.now(UTC) - timedelta(days=days, hours=1)).timestamp()
        for path in (file, file.parent):
            os.utime(path, (then, then))
    return tmp_path


def clean(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "AIRFLOW_HOME": str(home)}
    return subprocess.run([CLEAN, *words], env=environment, capture_output=True, text=True, timeout=30, check=False)


def logs(home: Path) -> list[str]:
    return [str(file.relative_to(home / "logs")) for file in (home / "logs").rglob("*.log")]


def test_airflow_forgets_what_is_older_than_thirty_days_and_keeps_no_copy_of_it(home: Path) -> None:
    before = datetime.now(UTC)

    assert clean(home).returncode == 0

    asked = (home / "asked").read_text().splitlines()
    assert asked[:2] == ["db", "clean"]
    assert {"--yes", "--skip-archive", "--error-on-cleanup-failure"} <= set(asked)
    tables = asked[asked.index("--tables") + 1].split(",")
    assert {"dag_run", "task_instance", "xcom", "log"} <= set(tables)
    assert not {"dag", "dag_version"} & set(tables)
    then = datetime.fromisoformat(asked[asked.index("--clean-before-timestamp") + 1])
    assert timedelta(0) <= then + timedelta(days=30) - before.replace(microsecond=0) < timedelta(minutes=1)


def test_old_log_files_go_with_it(home: Path) -> None:
    clean(home)

    assert logs(home) == ["young/attempt=1.log"]


def test_cached_demand_that_nobody_asks_for_goes_too(home: Path) -> None:
    demand = home / "springtide" / "demand"
    demand.mkdir(parents=True)
    for name, days in (("old.npz", 31), ("young.npz", 29)):
        (demand / name).write_text("")
        then = (datetime.now(UTC) - timedelta(days=days, hours=1)).timestamp()
        os.utime(demand / name, (then, then))

    clean(home)

    assert [file.name for file in demand.iterdir()] == ["young.npz"]


def test_another_number_of_days_counts_for_both(home: Path) -> None:
    clean(home, "60")

    assert len(logs(home)) == len(AGES)


@pytest.mark.parametrize("words", ["6", "0", "-30", "a month", "30d"])
def test_a_number_that_would_forget_what_is_under_way_is_refused(home: Path, words: str) -> None:
    done = clean(home, words)

    assert (done.returncode, len(logs(home))) == (2, len(AGES))
    assert words in done.stderr
    assert not (home / "asked").exists()


def test_log_files_stay_where_airflow_could_not_forget(home: Path) -> None:
    (home / "bin" / "airflow").write_text("#!/bin/sh\nexit 1\n")

    assert clean(home).returncode == 1
    assert len(logs(home)) == len(AGES)
