"""A report that does not come through hides no cause and leaves no record running; the end completes it later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from springtide.errors import InputError, PermanentError
from springtide.kube.client import Right
from springtide.record.model import RunOutcome, ScalingRun
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases, pipeline
from springtide.run.ports import RunRef
from springtide.run.state import Phase
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from support.builders import policy
from support.role import bind
from support.simulation import NAMESPACE, WAITS, WORKLOAD, Simulation

READ_LEASES = Right(verb="get", group="coordination.k8s.io", resource="leases")
FAILING = [{"http": {"path": "/healthz", "samples": 1, "expect": 204, "when": "after_switch"}}]


@pytest.fixture
def simulation() -> Simulation:
    """A run under the shipped Role whose smoke test fails."""
    made = bind(Simulation.of(2))
    made.policy = policy(strategy=WAITS | {"type": "in_place"}, smoke=FAILING, preflight={"only_warn": ["smoke"]})
    return made


def record_of(simulation: Simulation) -> ScalingRun:
    return simulation.store.get("run-1")


def failed(simulation: Simulation, *, at_the_report: Callable[[Simulation], object]) -> PermanentError:
    """Do the run, with something that happens right before its report; return what the user is told."""

    def on_phase(phase: Phase) -> None:
        if phase is Phase.REPORT:
            at_the_report(simulation)

    with pytest.raises(PermanentError) as caught:
        pipeline.run(simulation.ports("run-1"), simulation.request(4), on_phase)
    return caught.value


def without_the_right(simulation: Simulation) -> None:
    """As when somebody edits the Role in mid-run."""
    bind(simulation, without=READ_LEASES)


def without_the_api_server(simulation: Simulation) -> None:
    simulation.world.faults = lambda _call: Fault(FaultKind.REFUSED)


@pytest.mark.parametrize(
    ("happens", "words"),
    [(without_the_right, 'cannot get resource "leases"'), (without_the_api_server, "the API server cannot be reached")],
)
def test_the_cause_comes_first_and_the_record_ends(
    simulation: Simulation, happens: Callable[[Simulation], object], words: str
) -> None:
    error = failed(simulation, at_the_report=happens)

    first, second = error.message.splitlines()
    assert error.code == "smoke_failed"
    assert "0 of 1 answered 204" in first
    assert second.startswith("How the run ended could not be written down: ")
    assert words in second
    assert record_of(simulation).outcome is RunOutcome.NEEDS_ATTENTION
    assert (record_of(simulation).error or {})["code"] == "smoke_failed"


@pytest.mark.parametrize("happens", [without_the_right, without_the_api_server])
def test_whoever_ends_the_run_later_completes_its_record(
    simulation: Simulation, happens: Callable[[Simulation], object]
) -> None:
    failed(simulation, at_the_report=happens)
    bind(simulation)
    simulation.world.faults = FaultPlan()

    report = reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: False)

    assert [run.outcome for run in report.runs] == [RunOutcome.ROLLED_BACK]
    assert record_of(simulation).outcome is RunOutcome.ROLLED_BACK
    assert (record_of(simulation).error or {})["code"] == "smoke_failed"


def test_a_report_by_itself_tells_what_it_was_refused_and_why_the_run_had_failed(simulation: Simulation) -> None:
    """As the last task in Airflow does, which knows from another one why the run failed."""
    ports = simulation.ports("run-1")
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    without_the_right(simulation)

    with pytest.raises(PermanentError, match="the real reason\nHow the run ended"):
        phases.report(
            ports, RunRef(workload=WORKLOAD, run_id="run-1"), InputError("the real reason", code="plan_stale")
        )

    assert record_of(simulation).outcome is RunOutcome.NEEDS_ATTENTION
    assert (record_of(simulation).error or {})["message"] == "the real reason"
