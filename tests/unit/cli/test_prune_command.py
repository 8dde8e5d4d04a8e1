"""`springtide prune`: it says what would go, and removes it only when it is told to."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.clock import SystemClock
from springtide.record.model import RunOutcome
from springtide.record.sql import open_store
from unit.record.run_builders import a_run


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with a run of half a year ago and one of now."""
    made = f"sqlite:///{tmp_path}/runs.db"
    now = SystemClock().now()
    with open_store(made) as store:
        for name, age in (("old", 200), ("new", 0)):
            run = a_run(name, started_at=now - timedelta(days=age))
            store.save(run.with_outcome(RunOutcome.SUCCEEDED, at=now))
    return made


def prune(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["prune", "--store", url, *arguments])


def left(url: str) -> list[str]:
    with open_store(url) as store:
        return [run.run_id for run in store.latest()]


def test_without_apply_it_says_what_would_go_and_removes_nothing(url: str) -> None:
    result = prune(url, "--older-than", "180d")

    assert result.exit_code == 0
    assert "runs 1 would be removed, 1 kept" in result.stdout
    assert "add --apply" in result.stdout
    assert left(url) == ["new", "old"]


def test_it_removes_what_is_older_and_says_how_much(url: str) -> None:
    answer = json.loads(prune(url, "--older-than", "180d", "--apply", "-o", "json").stdout)

    assert (answer["removed"]["runs"], answer["kept"]["runs"], answer["is_dry"]) == (1, 1, False)
    assert left(url) == ["new"]


def test_an_age_that_is_none_is_refused(url: str) -> None:
    result = prune(url, "--older-than", "1d", "--apply")

    assert result.exit_code == 1
    assert "age_invalid" in result.stderr
    assert left(url) == ["new", "old"]
