"""`springtide report`: a week of advice that stands in the store, beside demand from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.plan.recent import SweepDecision
from springtide.record.sql import open_store
from support.builders import policy_text

BEGIN = datetime(2026, 11, 16, tzinfo=UTC)
END = BEGIN + timedelta(days=7)
RANGE = ["--from", BEGIN.isoformat(), "--to", END.isoformat()]
RATE = {"model": "target_utilization", "per_replica": 100, "target": 0.7}
CALENDAR = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {name: sales, owner: commerce}
spec:
  timezone: UTC
  cap: {cost_per_hour: 100, cost_per_pod_hour: 0.25}
  events: []
"""


def samples() -> Iterator[str]:
    yield "timestamp,value"
    for number in range(7 * 24 * 12 + 1):
        at = BEGIN + timedelta(minutes=5 * number)
        yield f"{at.isoformat()},{900 if 8 <= at.hour < 20 else 300}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with policies, demand, and a store with a week of advice about `web`."""
    monkeypatch.chdir(tmp_path)
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "demand.csv").write_text("\n".join(samples()))
    demand = {"source": "file", "path": "demand.csv", "unit": "requests/s", "lookback": "1h"}
    for name in ("web", "quiet"):
        target = {"namespace": "shop", "deployment": name, "service": name}
        text = policy_text(name, mode="advise", target=target, demand=demand, capacity={"models": [RATE]})
        (policies / f"{name}.yaml").write_text(text)
    with open_store(f"sqlite:///{tmp_path}/runs.db") as store:
        store.save_decisions([advice(number) for number in range(7 * 24 * 4)], now=END)
    return tmp_path


def advice(number: int, **values: Any) -> SweepDecision:
    at = BEGIN + number * timedelta(minutes=15)
    planned = 10 if 7 <= at.hour < 20 else 4
    ran = 10 if 9 <= at.hour < 21 else 4
    decision = SweepDecision(
        policy="web", at=at, before=planned, planned=planned, observed=ran, ready=ran, advises=True
    )
    return replace(decision, **values)


def run(place: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(
        app, ["report", *arguments, "--policies", str(place / "policies"), "--store", f"sqlite:///{place}/runs.db"]
    )
    assert result.exit_code == code, result.output
    return result


def test_people_get_what_it_comes_to_first(place: Path) -> None:
    printed = " ".join(run(place, *RANGE, "--cost-per-pod-hour", "0.1").output.split())

    assert "web had too few pods in" in printed
    assert "with springtide it would have had too few in no minute." in printed
    assert printed.index("web had too few pods") < printed.index("violated minutes")
    assert "Mon 2026-11-16" in printed


def test_programs_get_every_figure(place: Path) -> None:
    answer = json.loads(run(place, "web", *RANGE, "--cost-per-pod-hour", "0.1", "-o", "json").output)

    (found,) = answer["reports"]
    assert answer["without_report"] == {}
    assert found["sweeps"] == 7 * 24 * 4
    assert found["as_it_is"]["violated_minutes"] > 0 == found["with_springtide"]["violated_minutes"]
    assert found["with_springtide"]["cost"] == pytest.approx(0.1 * found["with_springtide"]["pod_hours"])
    assert found["with_springtide"]["changes"] == 14


def test_the_cost_of_a_pod_is_the_calendars(place: Path) -> None:
    calendars = place / "calendars"
    calendars.mkdir()
    (calendars / "sales.yaml").write_text(CALENDAR)

    answer = json.loads(run(place, "web", *RANGE, "--calendars", str(calendars), "-o", "json").output)

    theirs = answer["reports"][0]["as_it_is"]
    assert theirs["cost"] == pytest.approx(0.25 * theirs["pod_hours"])


def test_the_page_is_one_file(place: Path) -> None:
    page = place / "week.html"
    run(place, *RANGE, "--html", str(page))

    assert page.read_text().startswith("<!doctype html>")
    assert "web had too few pods" in page.read_text()


def test_a_service_without_a_report_keeps_no_other_from_its_own(place: Path) -> None:
    with open_store(f"sqlite:///{place}/runs.db") as store:
        store.save_decisions([advice(0, policy="quiet", observed=None, ready=None)], now=END)
    result = run(place, *RANGE, code=1)

    printed = " ".join(result.output.split())
    assert "web had too few pods in" in printed
    assert "advice_missing: quiet: policy quiet: there is nothing to compare" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quiet", *RANGE], "policy quiet was not advised in this range: set mode: advise"),
        (["--from", "2020-01-01", "--to", "2020-01-08"], "no policy was advised from 2020-01-01"),
        (["--from", "2026-11-20", "--to", "2026-11-19"], "--from must lie before --to"),
        (["nobody", *RANGE], "there is no policy 'nobody'"),
    ],
)
def test_what_nothing_can_be_said_about_is_told(place: Path, arguments: list[str], message: str) -> None:
    assert message in " ".join(run(place, *arguments, code=1).output.split())


def test_what_was_run_by_hand_and_what_acted_is_no_advice(place: Path) -> None:
    with open_store(f"sqlite:///{place}/runs.db") as store:
        others = [advice(number, planned=1, before=9, advises=False) for number in range(4)]
        store.save_decisions([*others, advice(0, by_hand=True)], now=END)

    answer = json.loads(run(place, "web", *RANGE, "-o", "json").output)

    assert answer["reports"][0]["sweeps"] == 7 * 24 * 4 - 4
