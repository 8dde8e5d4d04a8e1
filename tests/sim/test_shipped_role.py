"""The Role that is shipped: whole runs under it, and what the preflight says where one of its rights is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from springtide.errors import InputError, SpringtideError
from springtide.events.sweep import Inspection
from springtide.fleet.inspection import inspect_service
from springtide.fleet.looking import LOOK_RIGHTS
from springtide.kube.client import Right
from springtide.kube.listed import ListedKube
from springtide.overview.replicas import seen_in
from springtide.plan.model import ScalingPlan
from springtide.plan.rights import WATCH_RIGHTS
from springtide.record.model import RunOutcome, ScalingRun
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases, pipeline
from springtide.run.admission import plan_capacity
from springtide.run.ports import Ports, RunRequest
from springtide.run.release import expired_floors, release_request
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from springtide.workload import WorkloadKind
from support.builders import policy
from support.courses import FAILING, SUCCEEDING, Course, autoscaler
from support.other_kinds import simulation_of
from support.role import bind, recorded_rights, shipped_rights
from support.simulation import NAMESPACE, WAITS, WORKLOAD, Simulation, others
from support.watching import watching

NODES = Right(verb="list", group="", resource="nodes")
PAGE_RIGHTS = [Right(verb="list", group="apps", resource=resource) for resource in ("deployments", "statefulsets")]
"""What no run takes, and the page of services does: one list instead of a read for each."""
SYSTEM = Right(verb="get", group="", resource="namespaces", name="kube-system")
OUTSIDE = {NODES, SYSTEM}
"""What no Role of a namespace can grant: room on nodes is told as not checked, and the cluster known by other uids."""


def record_of(simulation: Simulation) -> ScalingRun:
    return simulation.store.get("run-1")


def end_of(simulation: Simulation, target: int) -> tuple[str, set[Right]]:
    """Do a whole run; return its outcome, or the code of the error that the user sees, and what it was refused."""
    with recorded_rights(simulation) as rights:
        try:
            end = pipeline.run(simulation.telling_ports("run-1"), simulation.request(target)).value
        except SpringtideError as error:
            end = error.code
    return end, refused(rights)


def refused(rights: dict[Right, bool]) -> set[Right]:
    return {right for right, had in rights.items() if not had}


@pytest.mark.parametrize("course", [*SUCCEEDING, *FAILING], ids=lambda course: course.name)
def test_a_whole_run_ends_under_the_role_as_without_it(course: Course) -> None:
    free = course.simulation()
    try:
        expected = pipeline.run(free.ports("run-1"), free.request(course.target)).value
    except SpringtideError as error:
        expected = error.code

    simulation = bind(course.simulation())

    assert end_of(simulation, course.target) == (expected, OUTSIDE)
    assert record_of(simulation).outcome is record_of(free).outcome


def keda(simulation: Simulation) -> Simulation:
    spec = {"minReplicaCount": 2, "maxReplicaCount": 9, "scaleTargetRef": {"name": "web"}}
    metadata = {"name": "web", "namespace": NAMESPACE}
    simulation.world.apply(
        {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}
    )
    simulation.world.settle()
    return simulation


def hpa(simulation: Simulation) -> Simulation:
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()
    return simulation


BOTH_WAYS: tuple[Json, ...] = (
    {"http": {"path": "/healthz", "samples": 2, "via": "api_server"}},
    {"http": {"path": "/healthz", "samples": 2}},
)


def quota(simulation: Simulation) -> Simulation:
    """Put a quota there with room for everything: then the runs in flight are looked at as well."""
    metadata = {"name": "large", "namespace": NAMESPACE}
    simulation.world.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "100"}}}
    )
    simulation.world.settle()
    return simulation


@dataclass(frozen=True)
class Way:
    """How a workload is scaled, with what is around it."""

    strategy: str
    around: Callable[[Simulation], Simulation] = lambda simulation: simulation
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT

    def simulation(self) -> Simulation:
        """Return the settled cluster."""
        if self.kind is not WorkloadKind.DEPLOYMENT:
            return simulation_of(self.kind, 2, strategy=self.strategy)
        return self.around(Simulation.of(2, strategy=self.strategy, smoke=BOTH_WAYS))


WAYS = {
    "blue_green": Way("blue_green", quota),
    "in_place": Way("in_place"),
    "floor over an HPA": Way("floor", hpa),
    "floor over KEDA": Way("floor", keda),
    "in_place on a StatefulSet": Way("in_place", kind=WorkloadKind.STATEFUL_SET),
    "in_place on a Rollout": Way("in_place", kind=WorkloadKind.ROLLOUT),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_every_strategy_succeeds_with_checks_by_every_way(way: Way) -> None:
    assert end_of(bind(way.simulation()), 4) == ("succeeded", OUTSIDE)


def scaled_meanwhile(simulation: Simulation) -> None:
    simulation.world.apply(replicas(simulation, 3), manager="kubectl")
    simulation.world.settle()


def replicas(simulation: Simulation, number: int) -> Json:
    deployment = simulation.deployment("web") or {}
    return deployment | {"spec": deployment["spec"] | {"replicas": number}}


def owned_by_another(simulation: Simulation) -> None:
    ports = simulation.ports("run-2")
    request = simulation.request(5, "run-2")
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))


def lease_deleted(simulation: Simulation) -> None:
    simulation.world.core.writes.delete(KINDS["leases"], Ref("leases", NAMESPACE, WORKLOAD.lease_name))


@dataclass(frozen=True)
class Refusal:
    """What happens before a phase of the run, what the user is told, and how its record ends."""

    phase: str
    happens: Callable[[Simulation], None]
    code: str
    outcome: RunOutcome


REFUSALS = {
    "the plan is stale": Refusal("create_instances", scaled_meanwhile, "plan_stale", RunOutcome.FAILED),
    "another run owns it": Refusal("create_instances", owned_by_another, "service_busy", RunOutcome.FAILED),
    "it was owned before": Refusal("calculate_capacity", owned_by_another, "service_busy", RunOutcome.FAILED),
    "its Lease is deleted": Refusal("run_phase", lease_deleted, "lease_gone", RunOutcome.NEEDS_ATTENTION),
}


@pytest.mark.parametrize("is_bound", [True, False], ids=["under the Role", "as administrator"])
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
def test_a_run_that_is_refused_tells_why_and_its_record_ends(
    monkeypatch: pytest.MonkeyPatch, refusal: Refusal, *, is_bound: bool
) -> None:
    simulation = Simulation.of(2)
    simulation = bind(simulation) if is_bound else simulation
    original = getattr(phases, refusal.phase)
    happened: list[bool] = []

    def interrupted(*arguments: object, **options: object) -> object:
        if not happened:
            happened.append(True)
            refusal.happens(simulation)
        return original(*arguments, **options)

    monkeypatch.setattr(phases, refusal.phase, interrupted)

    end, lacked = end_of(simulation, 4)

    assert end == refusal.code
    assert lacked <= OUTSIDE
    assert record_of(simulation).outcome is refusal.outcome
    assert (record_of(simulation).error or {})["code"] == refusal.code


def test_a_plan_that_nobody_approved_is_told_and_its_record_ends() -> None:
    simulation = Simulation.of(2)
    simulation.policy = policy(strategy=WAITS | {"type": "blue_green"}, smoke=[], approval={"above": "1.5x"})

    assert end_of(bind(simulation), 4) == ("approval_missing", OUTSIDE)
    assert record_of(simulation).outcome is RunOutcome.FAILED


@pytest.mark.parametrize("write", [2, 4, 6, 8, 10, 12])
def test_what_a_crash_left_is_ended_under_the_role(write: int) -> None:
    simulation = bind(Simulation.of(2))
    simulation.world.faults = FaultPlan().at(Match(write=write), Fault(FaultKind.CRASH_AFTER))
    with recorded_rights(simulation) as rights:
        with pytest.raises(Crashed):
            pipeline.run(simulation.ports("run-1"), simulation.request(4))
        simulation.world.faults = FaultPlan()
        report = reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: False)

    assert report.refused == ()
    assert [run.status.value for run in report.runs] == ["ended"]
    assert refused(rights) <= OUTSIDE


def test_a_floor_is_given_back_under_the_role() -> None:
    simulation = bind(WAYS["floor over KEDA"].simulation())
    with recorded_rights(simulation) as rights:
        until = simulation.world.now() + timedelta(minutes=10)
        pipeline.run(simulation.ports("run-1"), replace(simulation.request(4), until=until))
        simulation.world.advance(900)
        (held,) = expired_floors(simulation.ports("release"), [simulation.policy])
        request = release_request(held.policy, run_id="run-2", requested_by="a test", reason="its time is over")
        outcome = pipeline.run(simulation.ports("run-2"), request)

    assert outcome is RunOutcome.SUCCEEDED
    assert refused(rights) <= OUTSIDE


def touched_in_mid_run(simulation: Simulation) -> None:
    """Let somebody write to the stable ReplicaSet right before the run's first write to it, which loses its swap."""

    def touch() -> None:
        (replica_set,) = simulation.world.store.select("replicasets", NAMESPACE)
        metadata = replica_set["metadata"]
        annotations = metadata.get("annotations", {}) | {"example.com/seen": "yes"}
        simulation.world.apply(replica_set | {"metadata": metadata | {"annotations": annotations}}, manager="somebody")

    pause = Fault(FaultKind.PAUSE, meanwhile=touch)
    simulation.world.faults = FaultPlan().at(Match(method="PATCH", path="/replicasets/"), pause)


def without_a_node() -> Simulation:
    """Return a cluster whose one node has no place for pods that are added; another one comes a few seconds later."""
    simulation = Simulation.of(2, node_pods=4, strategy="in_place", only_warn=["nodes"])
    world = simulation.world
    world.apply(others(2))
    world.settle()
    world.core.timeline.after(10, lambda: world.add_node("pool-1"))
    return simulation


def test_every_right_of_the_role_is_used_by_a_course() -> None:
    used: set[Right] = set()
    for way in WAYS.values():
        simulation = bind(way.simulation())
        touched_in_mid_run(simulation)
        with recorded_rights(simulation) as rights:
            ports = watching(simulation.telling_ports("run-1"), simulation.world, token=simulation.token)
            assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED
            reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: False)
            seen_in(simulation.ports().kube, NAMESPACE, [simulation.policy])
        used |= set(rights)
    waiting = bind(without_a_node())  # what a node autoscaler says is read while pods wait for a node
    with recorded_rights(waiting) as rights:
        assert pipeline.run(waiting.ports("run-1"), waiting.request(4)) is RunOutcome.SUCCEEDED
    used |= set(rights)
    alone = bind(Way("floor").simulation())  # nothing owns its replicas: whether KEDA is about to is looked at, too
    with recorded_rights(alone) as rights, pytest.raises(InputError):
        plan_capacity(alone.ports(), alone.request(4))
    used |= set(rights)
    swept = bind(WAYS["in_place"].simulation())
    with recorded_rights(swept) as rights:
        looked_at_by_lists(swept)
    used |= set(rights)

    assert used - OUTSIDE == set(shipped_rights())


def looked_at_by_lists(simulation: Simulation) -> Inspection:
    """Return what a look finds in a namespace of several services."""
    ports = simulation.ports("sweep")
    listed = ListedKube(ports.kube, ports.clock, {NAMESPACE})
    return inspect_service(replace(ports, kube=listed), simulation.policy)


LISTABLE = {"services", "deployments", "statefulsets", "rollouts", "leases", "scaledobjects"}
"""What single reads get one by one, and a look by lists lists."""


@pytest.mark.parametrize("right", [None, *shipped_rights()], ids=str)
def test_a_look_by_lists_finds_what_single_reads_find(right: Right | None) -> None:
    for way in WAYS.values():
        # Who may list needs no right to get each: a run, which gets them, names the right that it misses.
        is_only_got = right is not None and right.verb == "get" and right.resource in LISTABLE
        by_lists = found_by(looked_at_by_lists, bind(way.simulation(), without=right))
        alone = found_by(looked_at_alone, bind(way.simulation(), without=None if is_only_got else right))

        assert by_lists == alone


def found_by(look: Callable[[Simulation], Inspection], simulation: Simulation) -> Json | str:
    """Return what a look finds but for its times, or the code of its error."""
    try:
        record = look(simulation).to_record()
    except SpringtideError as error:
        return error.code
    del record["lately_ready"]
    if record["minimum"]:
        del record["minimum"]["looked_at"]
    return record


def looked_at_alone(simulation: Simulation) -> Inspection:
    """Return what a look finds that reads each object by itself."""
    return inspect_service(simulation.ports("sweep"), simulation.policy)


def named(ports: Ports, request: RunRequest) -> set[str]:
    """Return the rights that the preflight says are missing, in its own words."""
    try:
        messages: Iterable[str] = messages_of(plan_capacity(ports, request))
    except InputError as error:
        if error.code != "rbac_missing":
            raise
        messages = [error.message]
    found = [match for message in messages if (match := re.search(r"are missing: (.*?)\. Apply", message))]
    return {right for match in found for right in match[1].split(", ")}


def messages_of(plan: ScalingPlan) -> list[str]:
    return [finding.message for finding in plan.findings if finding.check == "rights"]


def of_any_name(right: str) -> str:
    verb, resource, *_ = right.split()
    return f"{verb} {resource}"


@pytest.mark.parametrize("right", PAGE_RIGHTS, ids=str)
def test_the_page_of_services_names_the_right_that_only_it_takes(right: Right) -> None:
    missing: set[str] = set()
    for way in WAYS.values():
        simulation = bind(way.simulation(), without=right)
        seen = seen_in(simulation.ports().kube, NAMESPACE, [simulation.policy])
        missing |= {each.unknown for each in seen.values() if each.ready is None}

    assert len(missing) == 1
    assert all(f'cannot {right.verb} resource "{right.resource}"' in why for why in missing)


@pytest.mark.parametrize(
    "right", [right for right in shipped_rights() if right not in {*PAGE_RIGHTS, *LOOK_RIGHTS, *WATCH_RIGHTS}], ids=str
)
def test_the_preflight_names_exactly_the_right_that_is_missing(right: Right) -> None:
    missing: set[str] = set()
    for way in WAYS.values():
        simulation = bind(way.simulation(), without=right)
        missing |= {of_any_name(each) for each in named(simulation.ports(), simulation.request(4))}

    assert missing == {str(right)}


def test_under_the_whole_role_nothing_is_named() -> None:
    for way in WAYS.values():
        simulation = bind(way.simulation())

        assert named(simulation.ports(), simulation.request(4)) == set()
