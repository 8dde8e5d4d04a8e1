"""Requests that stay on the node that they come from: no node loses its last endpoint by a switch."""

from __future__ import annotations

import pytest

from springtide.errors import InputError, WorkloadFailed
from springtide.record.model import RunOutcome
from springtide.run import phases
from springtide.sandbox.history import Loss
from springtide.strategy import blue_green
from support.simulation import Simulation
from support.two_nodes import EXTERNAL, INTERNAL, SECOND, on_two_nodes, serving_nodes, with_a_closed_node

BOTH = {"sandbox", SECOND}
SERVICES = [pytest.param(INTERNAL, id="internal"), pytest.param(EXTERNAL, id="external")]


def losses(simulation: Simulation) -> list[Loss]:
    """Return when a caller could not be answered."""
    return list(simulation.world.history.losses)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("start", "target"), [(4, 6), (6, 4), (2, 5)])
def test_a_switch_leaves_an_endpoint_on_each_node(service: dict[str, str], start: int, target: int) -> None:
    simulation = on_two_nodes(start, service=service)
    assert serving_nodes(simulation) == BOTH

    assert simulation.run(target) is RunOutcome.SUCCEEDED
    assert serving_nodes(simulation) == BOTH
    assert losses(simulation) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_node_that_is_known_to_take_no_new_pods_refuses_the_run(service: dict[str, str]) -> None:
    simulation = with_a_closed_node(on_two_nodes(4, service=service))
    with pytest.raises(InputError, match=r"1 of the 2 nodes on which pods serve now take no new ones: sandbox-2\."):
        phases.calculate_capacity(simulation.ports(), simulation.request(6))


@pytest.mark.parametrize("service", SERVICES)
def test_where_nodes_are_unknown_the_places_of_the_new_pods_decide(service: dict[str, str]) -> None:
    """As by the shipped Role, which reads no nodes: the finding is not there, and nothing is switched."""
    simulation = with_a_closed_node(on_two_nodes(4, service=service, only_warn=("traffic_policy",)))

    with pytest.raises(WorkloadFailed, match="no new pod is ready on sandbox-2: all 6 new pods have their nodes"):
        simulation.run(6)

    assert simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    assert losses(simulation) == []
    assert serving_nodes(simulation) == BOTH


def test_without_that_decision_callers_of_one_node_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check on the check: what the run would do, and what it costs."""
    monkeypatch.setattr(blue_green, "uncovered", lambda *_: None)
    simulation = with_a_closed_node(on_two_nodes(4, only_warn=("traffic_policy",)))
    with pytest.raises(WorkloadFailed, match="connection refused"):
        simulation.run(6)

    assert f"has no endpoint on {SECOND}" in [loss.why for loss in losses(simulation)]


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_fewer_pods_than_nodes_that_serve_are_refused(strategy: str) -> None:
    simulation = on_two_nodes(2, type=strategy)
    with pytest.raises(InputError, match=r"pods serve on 2 nodes now \(sandbox, sandbox-2\), and 1 pods leave 1"):
        phases.calculate_capacity(simulation.ports(), simulation.request(1))


def test_in_batches_the_run_is_refused() -> None:
    simulation = on_two_nodes(4, overlap="batched")
    with pytest.raises(InputError, match=r"Use overlap: full, or strategy in_place\."):
        phases.calculate_capacity(simulation.ports(), simulation.request(6))
