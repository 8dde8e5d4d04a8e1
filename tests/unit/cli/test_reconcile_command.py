"""`springtide reconcile` on runs whose process died, in virtual time."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from springtide.cli.main import app
from springtide.errors import PermanentError
from springtide.labels import ASIDE_OF, STATE
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from springtide.verify.verdict import CheckResult, Verdict, VerdictStatus
from springtide.workload import Workload
from support.builders import policy, policy_text
from support.simulation import NAMESPACE, SMOKE, WAITS, WORKLOAD, Simulation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(policy_text())
    return tmp_path


def crash(simulation: Simulation, run_id: str, *, write: int) -> None:
    """Let a run die at one of its writes; what waits in the cluster comes to rest."""
    simulation.world.faults = FaultPlan().at(Match(write=write), Fault(FaultKind.CRASH_AFTER))
    with pytest.raises(Crashed):
        simulation.run(4, run_id)
    simulation.world.faults = FaultPlan()
    simulation.world.settle()


def reconciled(folder: Path, *options: str) -> tuple[Result, list[Any]]:
    result = CliRunner().invoke(app, ["reconcile", "--policies", str(folder), "--output", "json", *options])
    return result, json.loads(result.stdout or "[]")


def is_free(simulation: Simulation) -> bool:
    lease = simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
    assert lease is not None
    return not lease["spec"].get("holderIdentity")


def test_a_run_whose_process_died_is_undone(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "cli-1", write=5)

    result, runs = reconciled(folder)

    assert result.exit_code == 0
    assert [(run["run_id"], run["status"], run["outcome"]) for run in runs] == [("cli-1", "ended", "rolled_back")]
    assert is_free(simulation)
    assert len(simulation.world.pods(NAMESPACE)) == 2


def test_a_run_that_had_passed_its_smoke_test_is_finished(simulation: Simulation, folder: Path) -> None:
    simulation.world.faults = FaultPlan().at(Match(method="DELETE"), Fault(FaultKind.CRASH_BEFORE))
    with pytest.raises(Crashed):
        simulation.run(4, "cli-1")
    simulation.world.faults = FaultPlan()

    result, runs = reconciled(folder)

    assert (result.exit_code, runs[0]["outcome"]) == (0, "succeeded")
    assert is_free(simulation)
    assert len(simulation.world.pods(NAMESPACE)) == 4


def test_a_run_that_was_found_late_has_the_time_that_it_needs(simulation: Simulation, folder: Path) -> None:
    """The owner died before the old pods drained; what it had left of its deadline is long over."""
    simulation.world.faults = FaultPlan().at(
        Match(method="PATCH", path="/replicasets/.*/scale$"), Fault(FaultKind.CRASH_BEFORE)
    )
    with pytest.raises(Crashed):
        simulation.run(4, "cli-1")
    simulation.world.faults = FaultPlan()
    simulation.world.advance(3600)

    result, runs = reconciled(folder)

    assert (result.exit_code, runs[0]["outcome"]) == (0, "succeeded")


def test_a_run_of_airflow_is_left_to_airflow(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "manual__2026", write=5)

    result, runs = reconciled(folder)

    assert (result.exit_code, runs[0]["status"]) == (0, "alive")
    assert not is_free(simulation)


def test_a_run_that_is_named_is_taken_as_gone(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "manual__2026", write=5)

    result, runs = reconciled(folder, "--run", "manual__2026")

    assert (result.exit_code, runs[0]["outcome"]) == (0, "rolled_back")
    assert is_free(simulation)


def test_a_broken_policy_file_keeps_no_other_run_from_its_end(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "cli-1", write=5)
    (folder / "broken.yaml").write_text("kind: Nonsense\n")

    result, runs = reconciled(folder)

    assert (result.exit_code, runs[0]["outcome"]) == (1, "rolled_back")
    assert "broken.yaml" in result.stderr
    assert is_free(simulation)


def test_what_cannot_be_proven_needs_a_person_who_then_frees_it(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "cli-1", write=5)
    own = select(simulation, {"app": "web", "by": "somebody"})

    result, runs = reconciled(folder)
    again, same = reconciled(folder)

    assert (result.exit_code, runs[0]["status"], runs[0]["outcome"]) == (1, "needs_attention", "needs_attention")
    assert "springtide roll-back web" in runs[0]["message"]
    assert (again.exit_code, same[0]["status"]) == (1, "needs_attention")
    assert not is_free(simulation)

    select(simulation, own)
    undone = CliRunner().invoke(app, ["roll-back", "web", "--policies", str(folder), "-o", "json"])
    assert (undone.exit_code, json.loads(undone.stdout)["outcome"]) == (0, "rolled_back")
    assert is_free(simulation)


def test_a_living_run_that_stands_still_is_told_and_left_alone(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "manual__2026", write=5)
    simulation.world.advance(600)

    result, runs = reconciled(folder)

    assert (result.exit_code, runs[0]["status"]) == (1, "stalled")
    assert "is its DAG paused" in runs[0]["message"]
    assert not is_free(simulation)


def test_a_cluster_that_does_not_answer_is_asked_again_later(simulation: Simulation, folder: Path) -> None:
    crash(simulation, "cli-1", write=5)
    simulation.world.faults = FaultPlan().at(Match(path="/leases$"), Fault(FaultKind.REFUSED), times=20)

    result, runs = reconciled(folder)

    assert (result.exit_code, runs) == (75, [])
    assert "cluster_unreachable" in result.stderr
    assert not is_free(simulation)


def test_a_limit_that_is_none_is_refused(simulation: Simulation, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash(simulation, "cli-1", write=5)
    monkeypatch.setenv("SPRINGTIDE_RECONCILE_RUNS", "none")

    result = CliRunner().invoke(app, ["reconcile", "--policies", str(folder)])

    assert result.exit_code == 1
    assert "SPRINGTIDE_RECONCILE_RUNS: 'none' is not a whole number from 1 to 64" in result.stderr
    assert not is_free(simulation)


def test_where_no_run_is_under_way_it_says_so(simulation: Simulation, folder: Path) -> None:
    simulation.run(4, "cli-1")

    result = CliRunner().invoke(app, ["reconcile", "--policies", str(folder)])

    assert (result.exit_code, result.stdout.strip()) == (0, "no run owns a workload: there is nothing to reconcile")


def test_policies_that_point_nowhere_are_an_error_and_not_a_clean_sweep(simulation: Simulation, tmp_path: Path) -> None:
    assert simulation.world.get("services", NAMESPACE, "web")

    result = CliRunner().invoke(app, ["reconcile", "--policies", str(tmp_path)])

    assert result.exit_code == 1
    assert "--namespace" in result.stderr


def select(simulation: Simulation, selector: dict[str, str]) -> dict[str, str]:
    """Change the Service's selector as somebody with kubectl would; return what it was."""
    served = simulation.world.get("services", NAMESPACE, "web")
    assert served is not None
    service = deepcopy(served)
    was = dict(service["spec"]["selector"])
    service["spec"]["selector"] = selector
    simulation.world.apply(service)
    return was


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"run"', "null-ish"])
def test_a_lease_that_nobody_can_read_keeps_no_other_run_from_being_ended(
    simulation: Simulation, folder: Path, text: str
) -> None:
    crash(simulation, "cli-1", write=5)
    simulation.world.apply(strange_lease(text))

    result, runs = reconciled(folder)

    assert [run["status"] for run in runs] == ["ended"]
    assert is_free(simulation)
    assert result.exit_code == 1
    assert "lease_unreadable" in result.stderr
    assert "springtide-other" in result.stderr


def test_a_held_run_is_undone_when_somebody_says_so(
    monkeypatch: pytest.MonkeyPatch, simulation: Simulation, folder: Path
) -> None:
    undecided = Verdict.of([CheckResult("promql", VerdictStatus.INCONCLUSIVE, "nobody can say")])
    monkeypatch.setattr("springtide.run.phases.verdict_of", lambda *_: undecided)
    simulation.policy = policy(strategy=WAITS | {"type": "blue_green", "on_inconclusive": "hold"}, smoke=list(SMOKE))
    with pytest.raises(PermanentError, match="The policy holds"):
        simulation.run(4, "cli-1")
    kept = not is_free(simulation) and len(set_aside(simulation)) == 1

    undone = CliRunner().invoke(app, ["roll-back", "web", "--policies", str(folder), "-o", "json"])

    assert kept
    assert json.loads(undone.stdout)["outcome"] == "rolled_back"
    assert is_free(simulation)
    assert set_aside(simulation) == []


def set_aside(simulation: Simulation) -> list[str]:
    """Return the names of the ReplicaSets that are set aside."""
    sets = simulation.world.store.select("replicasets", NAMESPACE)
    return [each["metadata"]["name"] for each in sets if ASIDE_OF in each["metadata"].get("labels", {})]


def strange_lease(text: str) -> dict[str, Any]:
    """Return the Lease of another workload, with something that is no run in it."""
    metadata = {
        "name": Workload(namespace=NAMESPACE, deployment="other", service="other").lease_name,
        "namespace": NAMESPACE,
        "annotations": {STATE: text},
    }
    spec = {"holderIdentity": "cli-2", "leaseTransitions": 1}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
