"""A Lease speaks for its own workload: what it says of another one is not acted on."""

from __future__ import annotations

import json

import pytest

from springtide import labels
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases
from support.simulation import NAMESPACE, WORKLOAD, Simulation


@pytest.mark.parametrize("target", [{"namespace": "other"}, {"deployment": "other"}], ids=str)
def test_a_run_of_another_workload_is_told_and_left_alone(target: dict[str, str]) -> None:
    simulation = Simulation.of(2)
    ports = simulation.ports()
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    lease = simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name)
    assert lease is not None
    state = json.loads(lease["metadata"]["annotations"][labels.STATE])
    state["plan"]["target"] |= target
    annotations = lease["metadata"]["annotations"] | {labels.STATE: json.dumps(state)}
    simulation.world.apply(lease | {"metadata": lease["metadata"] | {"annotations": annotations}}, manager="kubectl")
    written = len(simulation.world.history.calls)

    report = reconcile_round(simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)

    (problem,) = [problem for problem in report.problems if "which has a Lease of its own" in problem]
    assert f"Lease {WORKLOAD.lease_name}" in problem
    assert not [call for call in simulation.world.history.calls[written:] if call.write]
