"""What a real Airflow is asked for: every scenario on a workload of its own under load, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from e2e.command import Finished
from e2e.manifests import policy
from e2e.workloads import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.manifests import Json
    from e2e.outcomes import Then
    from e2e.real_airflow import Ran, RealAirflow
    from e2e.workloads import Workload

CURRENT = 2
TARGET = 4
RATE = 8
"""Requests a second on fresh and as many on kept connections, to each of the workloads."""

QUICK = Pace(2)
SLOW = Pace(20)
"""Each wait takes so long that it leaves the worker, also where a busy machine begins the task 10 s late."""

DEMAND = 200
ASKED_BY_DEMAND = 3
"""Replicas: of 100 requests a second each, and a target of 0.7."""

READY_WITHIN = "120s"
HORIZON = timedelta(hours=2)
LEAD = timedelta(minutes=1)
ANSWER = "/dags/scale_service/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a scenario came to: its DAG runs in their order, and what is there once its load has stopped."""

    runs: tuple[Ran, ...]
    then: Then

    def story(self) -> str:
        """Return what the runs did, for the message of a failing test."""
        return "\n".join(map(str, self.runs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scenario: the policy of its service in a namespace, and how it is played."""

    service: str
    policy: Callable[[str], Json]
    play: Callable[[Workload, RealAirflow], Ended]
    pace: Pace = QUICK

    def policy_in(self, namespace: str) -> Json:
        """Return its policy, whose waits are as long as its pace says."""
        document = self.policy(namespace)
        document["spec"]["strategy"] |= {"propagation": f"{self.pace.seconds}s"}
        return document


def there_and_back(workload: Workload, airflow: RealAirflow, strategy: str) -> Ended:
    """To so many replicas and, once they serve, to as many as before."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    there = airflow.scaled(workload.service, TARGET, strategy)
    assert there.state == "success", there
    when.with_exactly(TARGET)
    back = airflow.scaled(workload.service, CURRENT, strategy)
    return Ended((there, back), when.then(back.finished))


def raised_and_released(workload: Workload, airflow: RealAirflow) -> Ended:
    """An autoscaler's minimum is raised, and released."""
    when = workload.given.web(replicas=CURRENT).an_autoscaler(CURRENT, 20).under_load(rate=RATE)
    raised = airflow.scaled(workload.service, TARGET, "floor")
    assert raised.state == "success", raised
    when.with_exactly(TARGET).with_the_autoscaler_at(TARGET, 20, held=True)
    released = airflow.scaled(workload.service, "release", "policy")
    return Ended((raised, released), when.then(released.finished))


def asked_once(workload: Workload, airflow: RealAirflow) -> Ended:
    """One run by blue-green."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    ran = airflow.scaled(workload.service, TARGET, "blue_green")
    return Ended((ran,), when.then(ran.finished))


def approved(workload: Workload, airflow: RealAirflow) -> Ended:
    """A run that waits for a person, has written nothing by then, and is approved."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    run_id = airflow.scale(workload.service, TARGET, "blue_green")
    airflow.until("it waits for a person", lambda: is_asking(airflow, run_id))
    see = workload.scenario.see
    assert see.inventory() == when.before.inventory, see.describe()
    airflow.until("the answer counts", lambda: has_answered(airflow, run_id))
    ran = airflow.ran("scale_service", run_id)
    return Ended((ran,), when.then(ran.finished))


def is_asking(airflow: RealAirflow, run_id: str) -> bool:
    """Tell whether a run waits for its approval."""
    return airflow.tasks("scale_service", run_id).get("approve") == "awaiting_input"


def has_answered(airflow: RealAirflow, run_id: str) -> bool:
    """Approve where a run waits for it; tell whether it has gone on.

    Airflow 3.3.2 asks a second time where an answer comes before its scheduler has seen that the task waits.
    """
    answer = ANSWER.format(run_id=run_id)
    if is_asking(airflow, run_id) and not airflow.call("GET", answer)["response_received"]:
        airflow.call("PATCH", answer, json={"chosen_options": ["Approve"], "params_input": {}})
    return airflow.tasks("scale_service", run_id).get("approve") == "success"


def prepared(workload: Workload, airflow: RealAirflow) -> Ended:
    """An event of the calendar: Airflow's own schedule starts its preparation, which starts the run."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    write_calendar(airflow.folder / "calendars" / "sales.yaml", workload.service, "past")
    parents = awaited(airflow, "prepare_events", lambda run: run["run_type"] == "scheduled")
    preparation = airflow.ran("prepare_events", parents[0])
    children = awaited(airflow, "scale_service", lambda run: run["conf"].get("service") == workload.service)
    runs = [airflow.ran("scale_service", run_id) for run_id in children]
    return Ended((preparation, *runs), when.then(runs[-1].finished))


def simulated(workload: Workload, airflow: RealAirflow) -> Ended:
    """A backfill over the events of the last days: each is a simulated preparation, and nothing is written."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    airflow.until("the calendar is known", lambda: bool(airflow.runs("prepare_events")))
    now = datetime.now(UTC)
    window = {"from_date": (now - timedelta(days=3)).isoformat(), "to_date": (now - timedelta(hours=1)).isoformat()}
    airflow.call("POST", "/backfills", json={"dag_id": "prepare_events", "max_active_runs": 2} | window)
    backfilled = awaited(airflow, "prepare_events", lambda run: run["run_type"] == "backfill")
    runs = [airflow.ran("prepare_events", run_id) for run_id in backfilled]
    return Ended(tuple(runs), when.then(Finished(0, {}, "")))


def swept(workload: Workload, airflow: RealAirflow) -> Ended:
    """One sweep over every service, once it is turned on; only this one has another number than its demand asks for."""
    when = workload.under_load(replicas=CURRENT, rate=RATE)
    airflow.call("PATCH", "/dags/adjust_capacity", json={"is_paused": False})
    (run_id,) = awaited(airflow, "adjust_capacity", lambda run: run["run_type"] == "scheduled")
    sweep = airflow.ran("adjust_capacity", run_id)
    children = awaited(airflow, "scale_service", lambda run: run["conf"].get("service") == workload.service)
    runs = [airflow.ran("scale_service", run_id) for run_id in children]
    return Ended((sweep, *runs), when.then(runs[-1].finished))


def awaited(airflow: RealAirflow, dag: str, is_wanted: Callable[[Json], bool]) -> list[str]:
    """Wait until a DAG has runs of this kind; return their ids."""

    def found() -> list[str]:
        return sorted(run["dag_run_id"] for run in airflow.runs(dag) if is_wanted(run))

    airflow.until(f"{dag} has such a run", lambda: bool(found()))
    return found()


CALENDAR = """\
apiVersion: springtide/v1
kind: EventCalendar
metadata: {{name: sales, owner: e2e}}
spec:
  timezone: UTC
  events:
    - {{name: over, start: {over}, duration: 1h, lead: 15m, services: {{{past}: {{replicas: {target}}}}}}}
    - {{name: flash, start: {flash}, duration: 1h, lead: 1m, services: {{{coming}: {{replicas: {target}}}}}}}
"""


def write_calendar(file: Path, coming: str, past: str) -> None:
    """Write an event of yesterday, and one whose preparation is due at once."""
    now = datetime.now(UTC)
    over = f"{now - timedelta(days=1):%Y-%m-%dT%H}:00"
    flash = f"{now + LEAD + timedelta(seconds=10):%Y-%m-%dT%H:%M:%S}"
    file.write_text(CALENDAR.format(over=over, flash=flash, past=past, coming=coming, target=TARGET))


def write_demand(file: Path) -> None:
    """Write two days of steady demand, and some hours more for what begins later."""
    start = datetime.now(UTC) - timedelta(days=2)
    minutes = round((timedelta(days=2) + HORIZON) / timedelta(minutes=1))
    lines = [f"{start + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},{DEMAND}" for minute in range(minutes)]
    file.write_text("\n".join(["timestamp,value", *lines, ""]))


def steady(namespace: str, *, replicas: int = CURRENT, overlap: str = "full", kind: str = "blue_green") -> Json:
    """Return the policy of a service that wants so many replicas for good."""
    document = policy(namespace, smoke_path="/healthz", ready_within=READY_WITHIN, overlap=overlap)
    document["spec"]["capacity"] = {"models": [{"model": "fixed", "replicas": replicas}]}
    document["spec"]["strategy"] |= {"type": kind}
    return document


def broken(namespace: str) -> Json:
    """Return the policy of a service whose smoke test fails after the switch."""
    document = policy(namespace, smoke_path="/not-there", ready_within=READY_WITHIN, only_warn=("smoke",))
    document["spec"]["capacity"] = {"models": [{"model": "fixed", "replicas": CURRENT}]}
    return document


def asking(namespace: str) -> Json:
    """Return the policy of a service each of whose plans a person approves."""
    document = steady(namespace, replicas=TARGET)
    document["spec"]["approval"] = {"always": True}
    return document


def demanding(namespace: str) -> Json:
    """Return the policy of a service that needs what its demand asks for."""
    document = steady(namespace)
    document["spec"] |= {
        "demand": {"source": "file", "path": "demand.csv", "unit": "requests/s", "lookback": "1h"},
        "capacity": {"models": [{"model": "target_utilization", "per_replica": 100, "target": 0.7}]},
    }
    return document


CASES = (
    Case(service="blue", policy=steady, play=partial(there_and_back, strategy="blue_green"), pace=SLOW),
    Case(service="batched", policy=partial(steady, overlap="batched"), play=partial(there_and_back, strategy="policy")),
    Case(service="place", policy=steady, play=partial(there_and_back, strategy="in_place")),
    Case(service="floor", policy=partial(steady, kind="floor"), play=raised_and_released),
    Case(service="broken", policy=broken, play=asked_once),
    Case(service="asking", policy=asking, play=approved),
    Case(service="coming", policy=steady, play=prepared),
    Case(service="past", policy=steady, play=simulated),
)
SWEPT = Case(service="swept", policy=demanding, play=swept)
"""After all others: it looks at every service, and all but its own have what their policies ask for by then."""
