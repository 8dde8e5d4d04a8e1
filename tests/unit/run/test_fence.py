"""The fence: no write without owning the workload at that very moment, each one compared and stamped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from springtide import labels
from springtide.errors import Conflict, Fenced, NotFound, TemporaryError
from springtide.kube.objects import Deployment, Kind, KubeObject, ReplicaSet, Service, Version
from springtide.run import phases
from springtide.run.fence import Fence
from springtide.run.lease import read_lease, take_over
from springtide.run.ports import Ports
from springtide.strategy.model import Delete, Patch, Scale, Step
from support.simulation import NAMESPACE, WORKLOAD, Simulation


@pytest.fixture
def ports() -> Ports:
    """The ports of a run that owns the workload."""
    simulation = Simulation.of(2, strategy="in_place")
    ports = simulation.ports()
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    simulation.world.settle()
    return ports


@pytest.fixture
def fence(ports: Ports) -> Fence:
    return fence_of(ports)


def fence_of(ports: Ports) -> Fence:
    lease = read_lease(ports.kube, WORKLOAD)
    assert lease is not None
    return Fence(
        kube=ports.kube,
        clock=ports.clock,
        workload=WORKLOAD,
        run_id="run-1",
        holder=lease.holder,
        generation=lease.generation,
    )


def deployment(ports: Ports) -> Deployment:
    return Deployment(ports.kube.get(Kind.DEPLOYMENT, NAMESPACE, "web"))


def service(ports: Ports) -> Service:
    return Service(ports.kube.get(Kind.SERVICE, NAMESPACE, "web"))


def pause(ports: Ports, *, version: Version | None = None) -> Patch:
    return Patch(
        kind=Kind.DEPLOYMENT,
        name="web",
        version=version or deployment(ports).version,
        change={"spec": {"paused": True}},
        reason="pause web",
    )


def scale(ports: Ports) -> Scale:
    return Scale(kind=Kind.DEPLOYMENT, name="web", version=deployment(ports).version, replicas=5, reason="scale web")


def release(ports: Ports) -> Patch:
    (document,) = ports.kube.list(Kind.REPLICA_SET, NAMESPACE)
    replica_set = ReplicaSet(document)
    change = {"metadata": {"labels": {labels.ASIDE_OF: "web"}}}
    return Patch(
        kind=Kind.REPLICA_SET,
        name=replica_set.name,
        version=replica_set.version,
        change=change,
        reason="set it aside",
    )


def delete(ports: Ports) -> Delete:
    return Delete(kind=Kind.DEPLOYMENT, name="web", version=deployment(ports).version, reason="delete web")


STEPS: list[Callable[[Ports], Step]] = [pause, scale, release, delete]


def somebody_takes_over(ports: Ports) -> None:
    lease = read_lease(ports.kube, WORKLOAD)
    assert lease is not None
    take_over(ports.kube, ports.clock, lease, lease.required_state(), holder="reconcile:run-1")


def somebody_deletes_the_lease(ports: Ports) -> None:
    lease = read_lease(ports.kube, WORKLOAD)
    assert lease is not None
    ports.kube.delete(Kind.LEASE, NAMESPACE, lease.name, version=lease.version)


def objects(ports: Ports) -> list[Any]:
    return [ports.kube.list(kind, NAMESPACE) for kind in (Kind.DEPLOYMENT, Kind.REPLICA_SET, Kind.SERVICE)]


class TestOwning:
    @pytest.mark.parametrize("step", STEPS)
    def test_the_owner_writes(self, ports: Ports, fence: Fence, step: Callable[[Ports], Step]) -> None:
        before = objects(ports)

        fence.apply(step(ports))

        assert objects(ports) != before

    @pytest.mark.parametrize("lose", [somebody_takes_over, somebody_deletes_the_lease])
    @pytest.mark.parametrize("step", STEPS)
    def test_who_owns_it_no_more_writes_nothing(
        self, ports: Ports, fence: Fence, step: Callable[[Ports], Step], lose: Callable[[Ports], None]
    ) -> None:
        lose(ports)
        decided = step(ports)
        before = objects(ports)

        with pytest.raises(Fenced):
            fence.apply(decided)

        assert objects(ports) == before

    def test_the_same_run_in_an_earlier_generation_writes_nothing(self, ports: Ports, fence: Fence) -> None:
        with pytest.raises(Fenced, match="run 'run-1' is being rolled back in generation"):
            replace(fence, generation=fence.generation - 1).apply(pause(ports))

    def test_an_answer_from_before_this_generation_is_read_again(self, ports: Ports, fence: Fence) -> None:
        before = objects(ports)

        with pytest.raises(TemporaryError, match=f"read in generation {fence.generation}, and this run has") as caught:
            replace(fence, generation=fence.generation + 1).apply(pause(ports))

        assert caught.value.code == "lease_stale"
        assert objects(ports) == before

    def test_an_object_that_a_later_generation_wrote_is_not_this_runs(self, fence: Fence) -> None:
        fence.check_stamp(fence.generation, "Service web")

        with pytest.raises(Fenced, match=f"Service web: generation {fence.generation + 1} wrote it last"):
            fence.check_stamp(fence.generation + 1, "Service web")


class TestComparing:
    def test_what_was_judged_must_be_what_is_there(self, ports: Ports, fence: Fence) -> None:
        judged = deployment(ports).version
        fence.apply(pause(ports))

        with pytest.raises(Conflict):
            fence.apply(pause(ports, version=judged))

    def test_what_is_gone_is_not_recreated(self, ports: Ports, fence: Fence) -> None:
        with pytest.raises(NotFound):
            fence.apply(replace(pause(ports), name="nobody"))


@dataclass
class Later:
    """A clock that shows a later time than the one it follows."""

    ports: Ports
    by: timedelta

    def now(self) -> datetime:
        return self.ports.clock.now() + self.by

    def monotonic(self) -> float:
        return self.ports.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.ports.clock.sleep(seconds)


class TestStamping:
    @pytest.mark.parametrize("step", [pause, release])
    def test_every_object_says_which_run_in_which_generation_wrote_it_last(
        self, ports: Ports, fence: Fence, step: Callable[[Ports], Patch]
    ) -> None:
        decided = step(ports)
        fence.apply(decided)

        written = KubeObject(ports.kube.get(decided.kind, NAMESPACE, decided.name))

        assert written.annotations[labels.RUN] == "run-1"
        assert written.generation_stamp == fence.generation

    def test_a_switch_is_stamped_with_the_moment_of_its_write(self, ports: Ports, fence: Fence) -> None:
        looked = ports.clock.now()
        change = {"metadata": {"annotations": {labels.SWITCHED_AT: looked.isoformat()}}}
        step = Patch(
            kind=Kind.SERVICE, name="web", version=service(ports).version, change=change, reason="move the selector"
        )

        replace(fence, clock=Later(ports, timedelta(seconds=9))).apply(step)

        assert datetime.fromisoformat(service(ports).annotations[labels.SWITCHED_AT]) >= looked + timedelta(seconds=9)
        assert change["metadata"]["annotations"][labels.SWITCHED_AT] == looked.isoformat()  # the step is as it was
