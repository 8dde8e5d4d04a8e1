"""A store of each earlier springtide, with rows in it, is brought up to date and read back whole.

The rows are written in plain SQL with the columns that the tables had then: no model of today has a say in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from springtide.record import schema
from springtide.record.database import engine_for, writing
from springtide.record.model import PhaseStatus, RunOutcome
from springtide.record.sql import open_store

AT: Final = "2026-11-11 12:00:00+00:00"
LATER: Final = "2026-11-11 12:01:00+00:00"
DAY: Final = "2026-11-10"

Row = Mapping[str, Any]

ROWS: Final[dict[str, dict[str, Row]]] = {
    "0001": {
        "springtide_runs": {
            "run_id": "run-1",
            "policy": "checkout",
            "namespace": "shop",
            "deployment": "checkout",
            "service": "checkout",
            "strategy": "blue_green",
            "requested_by": "ada",
            "reason": "singles day",
            "trigger": "manual",
            "dry_run": False,
            "outcome": "succeeded",
            "started_at": AT,
            "ended_at": LATER,
            "plan": {"current": 2, "replicas": 4, "reason": "asked for"},
            "verdict": None,
            "error": None,
        },
        "springtide_phases": {
            "run_id": "run-1",
            "phase": "create_instances",
            "attempt": 1,
            "status": "succeeded",
            "started_at": AT,
            "ended_at": LATER,
            "seconds": 60.0,
            "message": "4 of 4",
        },
        "springtide_totals": {"name": "springtide_runs_total", "labels": '[["outcome", "succeeded"]]', "value": 7.0},
    },
    "0002": {
        "springtide_days": {
            "policy": "checkout",
            "day": DAY,
            "peak": 900.0,
            "required": 9,
            "actual": 4.0,
            "saturation": 0.5,
            "quality": "pass",
            "record": {},
        },
        "springtide_learned": {"policy": "checkout", "record": {}},
    },
    "0003": {
        "springtide_rehearsals": {
            "run_id": "rehearsal-1",
            "policy": "checkout",
            "event": "sale",
            "at": AT,
            "verdict": "pass",
            "per_replica": 100.0,
            "is_limit": True,
            "record": {},
        },
    },
    "0004": {
        "springtide_notes": {"service": "checkout", "occurrence": "shop.sale.1", "kept_until": LATER, "record": {}},
        "springtide_preparations": {"run_id": "prepare-1", "began_at": AT, "seconds": 90.0, "runs": 2, "pods": 6},
    },
    "0005": {"springtide_installation": {"id": "a-shop"}},
    "0006": {"springtide_decisions": {"policy": "checkout", "at": AT, "record": {}}},
}
"""What each revision has brought: a row for each of its tables."""

REVISIONS: Final = sorted(ROWS)


def put(connection: Connection, table: str, row: Row) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    written = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}
    typed = ", ".join(_typed(connection, table, name) for name in row) if _is_postgresql(connection) else values
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({typed})"), written)


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _typed(connection: Connection, table: str, name: str) -> str:
    types = {column["name"]: column["type"] for column in inspect(connection).get_columns(table)}
    kind = types[name].compile(connection.dialect)
    return f"CAST(:{name} AS {kind})"


def rows_until(revision: str) -> dict[str, Row]:
    return {table: row for of in REVISIONS if of <= revision for table, row in ROWS[of].items()}


def stored(connection: Connection, table: str, row: Row) -> dict[str, str]:
    found = connection.execute(text(f"SELECT * FROM {table}")).mappings().one()
    return {name: str(found[name]) for name in row}


def test_every_released_revision_is_here() -> None:
    known = {script.revision for script in ScriptDirectory.from_config(schema.config()).walk_revisions()}

    assert set(REVISIONS) <= known
    assert known - set(REVISIONS) == {revision for revision in known if revision > REVISIONS[-1]}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_an_earlier_springtide_keeps_every_row(url: str, revision: str) -> None:
    engine = engine_for(url)
    with writing(engine) as connection:
        schema.upgrade(connection, revision)
        for table, row in rows_until(revision).items():
            put(connection, table, row)
        before = {table: stored(connection, table, row) for table, row in rows_until(revision).items()}

    with open_store(url) as store:
        run = store.get("run-1")
        (total,) = store.totals()
        installation = store.installation()

    with engine.connect() as connection:
        assert schema.revision(connection) == schema.HEAD
        assert {table: stored(connection, table, row) for table, row in rows_until(revision).items()} == before
    engine.dispose()
    assert (run.outcome, run.seconds, run.reason) == (RunOutcome.SUCCEEDED, 60.0, "singles day")
    assert [(phase.phase, phase.status, phase.seconds) for phase in run.phases] == [
        ("create_instances", PhaseStatus.SUCCEEDED, 60.0)
    ]
    assert (total.name, total.value) == ("springtide_runs_total", 7.0)
    assert (installation == "a-shop") is (revision >= "0005")
