"""The engine: look, decide, act, look again; what ends the loop, and what it says then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from springtide.errors import (
    ClusterRefused,
    ClusterUnavailable,
    Conflict,
    DeadlineExceeded,
    Fenced,
    SpringtideError,
    WorkloadFailed,
)
from springtide.kube.objects import Deployment, Kind
from springtide.kube.observation import Observation
from springtide.run import phases
from springtide.run.engine import Decide, Progress
from springtide.run.fence import Fence
from springtide.run.lease import read_lease, take_over
from springtide.run.ports import Ports, RunRef
from springtide.run.work import Work
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Wait
from support.simulation import NAMESPACE, WORKLOAD, Simulation

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ports() -> Ports:
    """The ports of a run that owns the workload `web`; its pods are there, so that nobody else changes anything."""
    simulation = Simulation.of(2, strategy="in_place")
    ports = simulation.ports()
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    simulation.world.settle()
    return ports


@pytest.fixture
def work(ports: Ports) -> Work:
    return Work.of(ports, RunRef(workload=WORKLOAD, run_id="run-1"))


def deployment(ports: Ports) -> Deployment:
    return Deployment(ports.kube.get(Kind.DEPLOYMENT, NAMESPACE, "web"))


def mark(observation: Observation, note: str) -> Patch:
    """Return the step that writes `note` on the Deployment that was looked at."""
    judged = observation.pod_set.deployment
    change = {"metadata": {"annotations": {"note": note}}}
    return Patch(kind=Kind.DEPLOYMENT, name=judged.name, version=judged.version, change=change, reason=f"note {note}")


def noting(*notes: str) -> Decide:
    """Return what writes each of `notes` in turn, by what it reads and by nothing that it remembers."""

    def decide(observation: Observation, _order: RunOrder) -> Decision:
        written = observation.pod_set.deployment.annotations.get("note", "")
        left = notes[notes.index(written) + 1 :] if written in notes else notes
        return mark(observation, left[0]) if left else Done("every note is written")

    return decide


def meddling(ports: Ports, decide: Decide, *, times: int) -> Decide:
    """Return `decide` with somebody who changes the Deployment behind each of its first looks."""
    turns = iter(range(times))

    def decide_late(observation: Observation, order: RunOrder) -> Decision:
        decision = decide(observation, order)
        if next(turns, None) is not None:
            for value in ("there", None):
                change = {"metadata": {"labels": {"somebody": value}}}
                ports.kube.patch(Kind.DEPLOYMENT, NAMESPACE, "web", change, version=deployment(ports).version)
        return decision

    return decide_late


def drive(work: Work, decide: Decide, *, patience: timedelta | None = None) -> Progress:
    return work.engine.drive(decide, work.state.order, deadline=MINUTE, patience=patience)


class TestActing:
    def test_it_writes_one_step_after_the_other_until_it_is_done(self, ports: Ports, work: Work) -> None:
        progress = drive(work, noting("a", "b", "c"))

        assert progress.writes == ("note a", "note b", "note c")
        assert (progress.is_done, progress.message) == (True, "every note is written")
        assert deployment(ports).annotations["note"] == "c"

    def test_every_decision_is_made_on_a_look_of_its_own(self, work: Work) -> None:
        looks: list[Observation] = []

        def decide(observation: Observation, order: RunOrder) -> Decision:
            looks.append(observation)
            return noting("a", "b")(observation, order)

        drive(work, decide)

        assert len({id(observation) for observation in looks}) == len(looks) >= 3
        assert [observation.at for observation in looks] == sorted(observation.at for observation in looks)

    def test_what_is_written_already_is_not_written_again(self, work: Work) -> None:
        drive(work, noting("a", "b"))

        assert drive(work, noting("a", "b")).writes == ()

    def test_a_swap_that_was_lost_is_judged_again(self, ports: Ports, work: Work) -> None:
        progress = drive(work, meddling(ports, noting("a"), times=3))

        assert progress.writes == ("note a",)

    def test_somebody_who_never_stops_changing_the_object_is_told_of(self, ports: Ports, work: Work) -> None:
        with pytest.raises(Conflict, match="note a: the object changed under 21 attempts in a row"):
            drive(work, meddling(ports, noting("a"), times=1000))

    def test_somebody_who_undoes_the_step_each_time_is_told_of(self, work: Work) -> None:
        with pytest.raises(Conflict, match="note a: done 3 times, and somebody undid it each time"):
            drive(work, lambda observation, _order: mark(observation, "a"))

    def test_a_run_that_owns_nothing_any_more_writes_nothing(self, ports: Ports, work: Work) -> None:
        lease = read_lease(ports.kube, WORKLOAD)
        assert lease is not None
        take_over(ports.kube, ports.clock, lease, lease.required_state(), holder="reconcile:run-1")

        with pytest.raises(Fenced):
            drive(work, noting("a"))

        assert "note" not in deployment(ports).annotations

    def test_what_the_next_owner_changed_is_not_taken_for_somebody_elses_doing(self, ports: Ports, work: Work) -> None:
        lease = read_lease(ports.kube, WORKLOAD)
        assert lease is not None
        take_over(ports.kube, ports.clock, lease, lease.required_state(), holder="reconcile:run-1")

        with pytest.raises(Fenced, match="run 'reconcile:run-1' owns the workload"):
            drive(work, changed)

    def test_pods_that_the_next_owner_took_are_not_told_as_pods_that_failed(self, ports: Ports, work: Work) -> None:
        lease = read_lease(ports.kube, WORKLOAD)
        assert lease is not None
        take_over(ports.kube, ports.clock, lease, lease.required_state(), holder="reconcile:run-1")

        with pytest.raises(Fenced, match="run 'reconcile:run-1' owns the workload"):
            drive(work, failing)

    @pytest.mark.parametrize(
        "unread",
        [
            ClusterUnavailable("no answer", code="cluster_unreachable"),
            ClusterRefused("get leases", code="rbac_missing"),
        ],
        ids=["no answer", "no right"],
    )
    def test_a_lease_that_cannot_be_read_then_delays_no_way_back(
        self, work: Work, monkeypatch: pytest.MonkeyPatch, unread: SpringtideError
    ) -> None:
        def check(_fence: Fence) -> None:
            raise unread

        monkeypatch.setattr(Fence, "check", check)

        with pytest.raises(WorkloadFailed, match="CrashLoopBackOff"):
            drive(work, failing)

    def test_what_somebody_else_changed_ends_a_run_that_owns_its_workload(self, work: Work) -> None:
        with pytest.raises(Conflict, match="somebody changed its selector"):
            drive(work, changed)

    def test_what_a_decision_raises_ends_it(self, work: Work) -> None:
        with pytest.raises(WorkloadFailed, match="CrashLoopBackOff"):
            drive(work, failing)


def changed(_scene: Observation, _order: RunOrder) -> Decision:
    raise Conflict("Service web: somebody changed its selector", code="selector_changed")


def failing(_scene: Observation, _order: RunOrder) -> Decision:
    raise WorkloadFailed("web-1: CrashLoopBackOff", code="crash_loop")


def waiting(_scene: Observation, _order: RunOrder) -> Decision:
    return Wait("2 of 4 pods are ready")


class TestWaiting:
    def test_a_wait_ends_at_the_deadline_and_says_what_was_missing(self, ports: Ports, work: Work) -> None:
        begin = ports.clock.monotonic()

        with pytest.raises(DeadlineExceeded, match="not within 60 s: 2 of 4 pods are ready") as caught:
            drive(work, waiting)

        assert caught.value.field == "strategy.deadlines"
        assert 60 <= ports.clock.monotonic() - begin < 65

    def test_patience_that_is_over_is_no_error(self, ports: Ports, work: Work) -> None:
        begin = ports.clock.monotonic()

        progress = drive(work, waiting, patience=timedelta(seconds=5))

        assert (progress.is_done, progress.message) == (False, "2 of 4 pods are ready")
        assert 5 <= ports.clock.monotonic() - begin < 10

    def test_whoever_watches_hears_what_it_waits_for_and_the_lease_is_kept(self, work: Work) -> None:
        heard: list[str] = []
        beats: list[str] = []
        engine = replace(work.engine, on_wait=heard.append, heartbeat=lambda: beats.append("beat"))

        engine.drive(waiting, work.state.order, deadline=MINUTE, patience=timedelta(seconds=5))

        assert set(heard) == {"2 of 4 pods are ready"}
        assert len(beats) == len(heard) > 1

    def test_the_lease_is_renewed_while_it_waits(self, ports: Ports, work: Work) -> None:
        before = read_lease(ports.kube, WORKLOAD)

        drive(work, waiting, patience=timedelta(seconds=45))

        after = read_lease(ports.kube, WORKLOAD)
        assert before is not None
        assert after is not None
        assert after.renewed_at is not None
        assert before.renewed_at is not None
        assert after.renewed_at - before.renewed_at >= timedelta(seconds=20)

    @pytest.mark.parametrize(("is_urgent", "longest"), [(True, 1.2), (False, 2.2)])
    def test_what_is_urgent_is_looked_at_more_often(self, work: Work, longest: float, *, is_urgent: bool) -> None:
        looks: list[datetime] = []

        def decide(scene: Observation, _order: RunOrder) -> Decision:
            looks.append(scene.at)
            return Wait("it drains", is_urgent=is_urgent)

        drive(work, decide, patience=timedelta(seconds=50))

        assert max((later - earlier).total_seconds() for earlier, later in pairwise(looks)) < longest


class TestBeingLate:
    """At its deadline a phase is told, and has time for the steps that it still does."""

    def test_the_last_look_knows_that_it_is_late(self, work: Work) -> None:
        heard: list[bool] = []

        def decide(_scene: Observation, order: RunOrder) -> Decision:
            heard.append(order.is_late)
            return Done("3 are not waited for") if order.is_late else Wait("3 pods are draining")

        assert drive(work, decide).message == "3 are not waited for"
        assert heard[-1]
        assert not any(heard[:-1])

    def test_a_step_that_it_does_late_is_waited_for(self, work: Work) -> None:
        since: list[datetime] = []

        def decide(scene: Observation, order: RunOrder) -> Decision:
            written = noting("a")(scene, order)
            if not order.is_late or not isinstance(written, Done):
                return written if order.is_late else Wait("2 pods are draining")
            since.append(scene.at)
            return Done("followed") if scene.at - since[0] > timedelta(seconds=10) else Wait("not seen yet")

        assert drive(work, decide).message == "followed"

    def test_but_not_for_ever(self, work: Work) -> None:
        def decide(scene: Observation, order: RunOrder) -> Decision:
            written = noting("a")(scene, order)
            return Wait("not seen yet") if isinstance(written, Done) else written

        began = work.ports.clock.monotonic()
        with pytest.raises(DeadlineExceeded, match="not seen yet"):
            work.engine.drive(decide, work.state.order, deadline=timedelta(0))
        assert 30 <= work.ports.clock.monotonic() - began < 35


class TestOwning:
    def test_every_object_of_the_workload_carries_the_generation_before_one_is_touched(self, work: Work) -> None:
        work.engine.stamp()

        observation = work.engine.look()
        assert observation.required_service.generation_stamp == 0  # not written in place: it may be another's as well
        assert observation.pod_set.deployment.generation_stamp == work.lease.generation

    def test_stamping_twice_writes_once(self, work: Work) -> None:
        work.engine.stamp()
        before = work.engine.look()

        work.engine.stamp()

        assert work.engine.look().pod_set.deployment.version == before.pod_set.deployment.version

    def test_an_object_of_a_later_generation_is_never_stamped_back(self, ports: Ports, work: Work) -> None:
        lease = read_lease(ports.kube, WORKLOAD)
        assert lease is not None
        ref = RunRef(workload=WORKLOAD, run_id="run-1", is_takeover=True)
        take_over(ports.kube, ports.clock, lease, lease.required_state(), holder=ref.holder)
        Work.of(ports, ref).engine.stamp()

        with pytest.raises(Fenced, match="wrote it last"):
            work.engine.stamp()
