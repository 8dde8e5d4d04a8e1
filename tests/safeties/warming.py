"""Nodes before pods: what a run does with its placeholders, and never with somebody else's number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from safeties.safety import Safety, answering, patched, wrapped
from springtide.kube.objects import Deployment
from springtide.kube.observation import Observation
from springtide.run import phase_table, phases, preflight
from springtide.run import warming as run_warming
from springtide.run.engine import Engine, Progress
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.strategy import warming
from springtide.strategy.model import Done, PlaceholdersSnapshot, RunOrder

Real = Callable[..., Any]

NODES = "sim/test_nodes_before_pods.py"
BEFORE = f"{NODES}::test_nodes_stand_before_the_pods_and_the_placeholders_go_back[in_place-0]"
BACK = f"{NODES}::test_where_the_policy_wants_nodes_or_nothing_no_pod_is_added"
FOREIGN = f"{NODES}::test_who_scales_the_placeholders_meanwhile_is_named_and_not_overwritten"


def ready_at_once(_observation: Observation, _order: RunOrder) -> Done:
    return Done("whoever waits for nodes loses time")


def without_waiting(patch: pytest.MonkeyPatch) -> None:
    rules = dict(phase_table._RULES)
    real = rules[Phase.NODES_READY]
    rules[real.phase] = replace(real, decide=lambda _strategy: ready_at_once)
    patch.setattr(phase_table, "_RULES", rules)


def any_number(present: Deployment, held: PlaceholdersSnapshot, replicas: int) -> None:
    """Take whatever number stands there for the run's own."""
    del present, held, replicas


def whatever_stands_there(observation: Observation, order: RunOrder) -> Any:
    """Give back what somebody else has set as well."""
    held = order.snapshot.placeholders
    present = observation.placeholders
    if held is None or present is None or present.replicas == held.replicas:
        return None
    return warming._scale(present, held.replicas, "give back whatever stands there")


def failing_with_its_nodes(work: Work, phase: Phase, patience: Any) -> Progress:
    return work.drive(phase, work.decide(phase), patience=patience)


def but_for_placeholders(real: Real) -> Real:
    def careless(self: Engine, **options: Any) -> None:
        real(replace(self, placeholders=None), **options)

    return careless


SAFETIES = (
    Safety(
        name="A run that warms nodes waits until its placeholders run",
        keeps="pods are added while there is no node for them, and wait as Unschedulable",
        take_out=without_waiting,
        seen_by=BEFORE,
        because="no pod of the workload found every node full",
    ),
    Safety(
        name="Placeholders go back as soon as every pod has a node",
        keeps="placeholders that lost their room wait beside what serves, and nodes are added for them",
        take_out=patched((warming, "_given_back"), to=answering(None)),
        seen_by=BEFORE,
        because="assert [2] == [2, 0]",
    ),
    Safety(
        name="A run that is undone gives its placeholders back",
        keeps="they stay raised, and their nodes are paid for, until somebody looks",
        take_out=patched((phases, "return_placeholders"), to=answering("")),
        seen_by=BACK,
        because="assert [2] == [2, 0]",
    ),
    Safety(
        name="A new owner stamps the placeholders as well",
        keeps="an owner that was given up raises them when it wakes, and nobody gives them back",
        take_out=wrapped(Engine, "stamp", but_for_placeholders),
        seen_by=f"{NODES}::test_an_owner_that_wakes_after_it_was_given_up_raises_nothing",
        because="assert [3] == []",
    ),
    Safety(
        name="A number of placeholders that the run did not write is left",
        keeps="a run writes over what somebody has set in its middle",
        take_out=patched((warming, "_given_back"), to=whatever_stands_there),
        seen_by=f"{FOREIGN}[7]",
        because="assert [2, 7, 0] == [2, 7]",
    ),
    Safety(
        name="Who scales the placeholders is told",
        keeps="the run waits for its deadline, and nobody knows why the nodes did not come",
        take_out=patched((warming, "_require_number"), to=any_number),
        seen_by=f"{FOREIGN}[0]",
        because="kubectl-edit (Update",
    ),
    Safety(
        name="A run goes on without its nodes",
        keeps="a node autoscaler that is slow keeps a service from growing",
        take_out=patched((run_warming, "_driven"), to=failing_with_its_nodes),
        seen_by=f"{NODES}::test_where_no_node_comes_the_run_goes_on_and_says_so_with_both_numbers",
        because="DeadlineExceeded",
    ),
    Safety(
        name="Placeholders that cannot make room are refused",
        keeps="new pods wait beside placeholders as important as they are",
        take_out=patched((preflight, "warming_findings"), to=answering(())),
        seen_by=f"{NODES}::test_placeholders_that_are_not_there_are_refused_beforehand",
        because="DID NOT RAISE",
    ),
)
