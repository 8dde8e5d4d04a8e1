"""The commands of docs/backup.md, run: a store is backed up, ruined and restored, and answers as before."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from springtide.errors import NotFound, PermanentError, TemporaryError
from springtide.record.database import engine_for
from springtide.record.model import RunOutcome
from springtide.record.sql import open_store
from support.postgres_server import OWNER, binaries, is_wanted
from unit.record.run_builders import a_phase, an_ended_run

IS_SQLITE_WANTED = shutil.which("sqlite3") is not None or bool(os.environ.get("CI"))
"""As for PostgreSQL: where it is installed, and always in CI, which fails when it is not."""

PAGE = Path(__file__).parents[3] / "docs" / "backup.md"


def commands(heading: str) -> list[str]:
    """Return the commands of one section of the page, in their order."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def shell(line: str, folder: Path, **variables: str) -> None:
    search = os.pathsep.join([str(binaries() or ""), os.environ["PATH"]])
    environment = os.environ | {"PATH": search} | variables
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", line],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"


def filled(url: str) -> object:
    with open_store(url) as store:
        store.save(an_ended_run(run_id="run-1", phases=(a_phase(),)))
        return answers(url)


def answers(url: str) -> object:
    with open_store(url) as store:
        return (store.latest(), store.totals(), store.installation())


@pytest.mark.skipif(not IS_SQLITE_WANTED, reason="the program sqlite3 is not installed")
def test_a_sqlite_store_is_restored_from_what_the_page_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    before = filled(url)
    backup, restore = commands("SQLite")
    with open_store(url):  # a backup is made while the store is in use
        shell(backup, tmp_path)
    with open_store(url) as store:
        store.save(an_ended_run(RunOutcome.FAILED, run_id="after-the-backup"))
    for file in tmp_path.glob("runs.db*"):
        file.write_bytes(b"ruined")

    with pytest.raises((PermanentError, TemporaryError)):
        answers(url)
    shell(restore, tmp_path)

    assert answers(url) == before
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.skipif(not is_wanted(), reason="PostgreSQL is not installed")
def test_a_postgresql_store_is_restored_from_what_the_page_says(
    tmp_path: Path, fresh_postgresql: Callable[[], str]
) -> None:
    url = fresh_postgresql()
    parsed = make_url(url)
    variables = {"PGHOST": str(parsed.query["host"]), "PGUSER": OWNER, "PGDATABASE": str(parsed.database)}
    before = filled(url)
    backup, restore = commands("PostgreSQL")
    shell(backup, tmp_path, **variables)
    engine = engine_for(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM springtide_runs")
        connection.exec_driver_sql("DROP TABLE springtide_installation")
    engine.dispose()

    with open_store(url) as store, pytest.raises(NotFound):
        store.get("run-1")
    shell(restore, tmp_path, **variables)

    assert answers(url) == before
