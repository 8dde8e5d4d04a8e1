"""A week of advice beside an HPA, in fast time: it ends in a report, and not one write stands in the API's record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app
from springtide.events.calendars import Calendars
from springtide.events.waves import ChildRunState
from springtide.fleet.child_runs import ChildRun
from springtide.fleet.conductor import Conductor, conducted, decided
from springtide.fleet.due import due_sweep
from springtide.fleet.looking import look_at_due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.ports import FleetPorts
from springtide.fleet.report import FleetReport
from springtide.policy.reading.folder import PolicyFolder
from springtide.record.sql import open_store
from springtide.run.assembly import Metrics, demand_of
from springtide.run.ports import Ports
from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from support.builders import policy_text
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation, web

QUARTER = 900
STEP = 300
HISTORY = timedelta(days=9)
PER_REPLICA = 100.0
TARGET = 0.8
"""Of the HPA that is there: a usual one, which is late where demand comes fast."""


def rate(at: datetime) -> float:
    """Return the demand of a shop that opens at nine, in requests a second."""
    hour = at.hour + at.minute / 60
    if 9 <= hour < 21:
        return 900 + 200 * math.sin(math.pi * (hour - 9) / 12)
    return 180 + 40 * math.sin(math.pi * hour / 12) ** 2


class NoRuns:
    """Child runs of which none may be started."""

    def start(self, run: ChildRun) -> None:
        raise AssertionError(f"{run.run_id} was started")

    def state(self, run_id: str) -> ChildRunState:
        raise AssertionError(f"{run_id} was asked for")

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        raise AssertionError(f"{run_ids} were asked for")

    def failure(self, run_id: str) -> str:
        raise AssertionError(f"{run_id} was asked for")


@dataclass
class Week:
    """The cluster, its HPA, and what springtide was told to do about it: nothing but to advise."""

    folder: Path
    days: int = 7
    world: World = field(default_factory=lambda: World(Settings(seed=1)))
    told: list[FleetReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        manifests = web(4, STARTUP="120s")
        manifests[1]["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] = 30
        hpa = autoscaler(4)
        hpa["spec"] |= {"minReplicas": 2, "maxReplicas": 30}
        self.world.apply(*manifests, hpa)
        self._metric()
        self.world.advance(600)
        self.begin = self.world.now()
        self.since = self.world.elapsed
        policies = self.folder / "policies"
        policies.mkdir()
        (policies / "web.yaml").write_text(policy_text("web", **self.spec()))
        (policies / "demand.csv").write_text("\n".join(self.samples()))
        # No policy names a mode: it is the installation's.
        self.policies = PolicyFolder(policies, None, "advise")

    def spec(self) -> Json:
        """Return the policy that a team with an HPA would try: a minimum under it."""
        return {
            "replicas": {"min": 2, "max": 30},
            "demand": {"source": "file", "path": "demand.csv", "unit": "requests/s", "step": "5m", "lookback": "8d"},
            "capacity": {"models": [{"model": "auto", "per_replica": PER_REPLICA, "autoscaler": "floor"}]},
            "strategy": {"type": "floor"},
            "smoke": [{"http": {"path": "/healthz", "samples": 1}}],
        }

    def samples(self) -> Iterator[str]:
        """Yield what was measured: nine days before the week, and the week."""
        yield "timestamp,value"
        at = self.begin - HISTORY
        while at <= self.begin + timedelta(days=self.days):
            yield f"{at.isoformat()},{rate(at):.1f}"
            at += timedelta(seconds=STEP)

    def play(self) -> None:
        """Let the week pass: the HPA's metric moves every five minutes, a sweep comes every quarter of an hour."""
        for tick in range(self.days * 24 * 3600 // STEP):
            if tick * STEP % QUARTER == 0:
                self.told.append(self._sweep(tick))
            self._metric()
            self.world.advance(STEP - (self.world.elapsed - self.since) % STEP)

    def _metric(self) -> None:
        hpa = self.world.get("horizontalpodautoscalers", NAMESPACE, "web")
        assert hpa is not None
        notes = {WANTED: str(math.ceil(rate(self.world.now()) / (PER_REPLICA * TARGET)))}
        self.world.apply(hpa | {"metadata": hpa["metadata"] | {"annotations": notes}})

    def _sweep(self, number: int) -> FleetReport:
        with open_store(self.store_url) as store:
            ports = Simulation(self.world, store, self.policies.get("web")).ports()
            metrics = Metrics(base=self.folder / "policies")
            ports = Ports(
                kube=ports.kube,
                clock=ports.clock,
                route=ports.route,
                store=store,
                demand=lambda policy: demand_of(policy, metrics),
            )
            fleet = FleetPorts(
                clock=self.world.clock,
                calendars=Calendars,
                policies=self.policies,
                open_ports=lambda: nullcontext(ports),
                open_store=lambda: nullcontext(store),
            )
            due = due_sweep(fleet)
            look = look_at_due(fleet, due)
            assert look.unseen == {}
            conductor = Conductor(
                fleet=fleet,
                runs=NoRuns(),
                memory=ProcessMemory(),
                decide=decided(fleet, lambda: look),
                parent=f"sweep-{number}",
            )
            return conducted(conductor, due, lambda _turn: None, pause=self.world.advance)

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.folder}/runs.db"

    def report(self, *arguments: str) -> str:
        """Return what `springtide report` prints of the week."""
        end = self.begin + timedelta(days=self.days)
        place = ["--policies", str(self.folder / "policies"), "--store", self.store_url, "--startup", "120"]
        asked = ["--from", self.begin.isoformat(), "--to", end.isoformat(), "--cost-per-pod-hour", "0.05"]
        result = CliRunner().invoke(app, ["report", *place, *asked, *arguments])
        assert result.exit_code == 0, result.output
        return result.output


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Week:
    played = Week(tmp_path_factory.mktemp("week"), request.config.getoption("--days-of-advice"))
    played.play()
    return played


@pytest.fixture(scope="module")
def found(week: Week) -> Any:
    return json.loads(week.report("-o", "json"))["reports"][0]


def test_not_one_write_stands_in_the_record_of_the_api(week: Week) -> None:
    calls = [call for call in week.world.history.calls if call.time >= week.since]

    assert len(calls) > week.days * 24 * 4 * 5
    assert {call.method for call in calls} == {"GET"}
    assert [call for call in calls if call.write or call.applied] == []
    assert week.world.store.select("leases", NAMESPACE) == []


def test_every_sweep_says_that_it_only_planned(week: Week) -> None:
    assert len(week.told) == week.days * 24 * 4
    assert {report.services["web"][:14] for report in week.told} == {"planned only: "}


def test_the_autoscaler_went_on_as_before(week: Week, found: Any) -> None:
    hpa = week.world.get("horizontalpodautoscalers", NAMESPACE, "web")
    assert hpa is not None
    assert hpa["spec"]["minReplicas"] == 2
    assert found["as_it_is"]["changes"] >= 2 * week.days


def test_the_week_is_compared_minute_by_minute(week: Week, found: Any) -> None:
    days = week.days
    assert found["sweeps"] == days * 24 * 4
    assert found["left_out_minutes"] == 0
    assert found["judged_minutes"] >= days * 24 * 60 - 60
    assert found["as_it_is"]["violated_minutes"] > days
    assert found["with_springtide"]["violated_minutes"] < found["as_it_is"]["violated_minutes"]
    assert found["with_springtide"]["cost"] == pytest.approx(0.05 * found["with_springtide"]["pod_hours"])
    assert found["with_springtide"]["changes"] > days


def test_a_manager_reads_what_it_comes_to_in_two_sentences(week: Week, found: Any) -> None:
    printed = " ".join(week.report("--html", str(week.folder / "week.html")).split())

    assert found["verdict"] in printed
    assert found["verdict"].startswith("web had too few pods in ")
    assert found["verdict"] in (week.folder / "week.html").read_text()
