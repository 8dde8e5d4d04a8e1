"""What phases hand to each other in one process: nothing is asked twice, and no write goes by what was handed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from springtide.errors import Fenced, InputError, PermanentError
from springtide.kube.objects import Kind
from springtide.record.model import PhaseStatus
from springtide.record.pauses import Pause
from springtide.run import phases
from springtide.run.aborting import request_abort
from springtide.run.handover import KNOWN_SECONDS, LOOK_SECONDS, Handover
from springtide.run.lease import Lease, read_lease, take_over
from springtide.run.phase_table import FORWARD, phase_behind
from springtide.run.ports import Ports, RunRef
from springtide.run.state import JournalStatus, Phase
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from support.simulation import NAMESPACE, WORKLOAD, Simulation

REF = RunRef(workload=WORKLOAD, run_id="run-1")
BEHIND = FORWARD[FORWARD.index(Phase.CREATE_INSTANCES) + 1 :]


@dataclass
class Course:
    """A run from 2 to 4 whose phases are all done in one process."""

    simulation: Simulation
    handover: Handover = field(default_factory=Handover)

    def __post_init__(self) -> None:
        self.ports: Ports = self.simulation.ports()

    @classmethod
    def until(cls, phase: Phase, strategy: str = "blue_green") -> Course:
        """Return it with everything done up to and with `phase`."""
        course = cls(Simulation.of(2, strategy=strategy))
        course.plan()
        course.create()
        for each in BEHIND[: BEHIND.index(phase) + 1] if phase in BEHIND else ():
            course.go(each)
        return course

    def plan(self) -> None:
        self.planned = phases.calculate_capacity(self.ports, self.simulation.request(4), handover=self.handover)

    def create(self) -> None:
        self.handover.following = Phase.INSTANCES_READY
        phases.create_instances(self.ports, self.simulation.request(4), self.planned, handover=self.handover)

    def go(self, phase: Phase, patience: timedelta | None = None) -> bool:
        self.handover.following = phase_behind(phase)
        return phases.run_phase(self.ports, REF, phase, patience=patience, handover=self.handover).is_done

    def asked(self, act: Callable[[], object]) -> list[Call]:
        """Return the calls that `act` makes."""
        before = len(self.simulation.world.history.calls)
        act()
        return self.simulation.world.history.calls[before:]

    @property
    def lease(self) -> Lease:
        lease = read_lease(self.simulation.ports().kube, WORKLOAD)
        assert lease is not None
        return lease

    def is_switched(self) -> bool:
        return (
            "pod-template-hash" in self.simulation.selector
            and self.lease.required_state().entry(Phase.SWITCH_ENDPOINTS, JournalStatus.DONE) is not None
        )


def paths(calls: list[Call], method: str = "GET") -> list[str]:
    return [call.path.rpartition("/")[2] for call in calls if call.method == method]


LOOK = {"web", "replicasets", "pods", "endpointslices"}
"""What a look reads, by the last words of the paths."""


class TestNothingIsAskedTwice:
    def test_a_phase_that_finds_itself_done_by_the_look_of_the_one_before_sends_no_look(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")

        calls = course.asked(lambda: [course.go(phase) for phase in BEHIND[1:]])

        assert set(paths(calls)) == {"horizontalpodautoscalers"}
        assert paths(calls, "PATCH") == ["springtide-web"] * len(BEHIND[1:])

    def test_that_a_phase_is_done_and_the_next_begins_is_one_write(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")

        journal = course.lease.required_state().journal

        assert [(entry.phase, entry.status) for entry in journal[-2:]] == [
            (Phase.SWITCH_ENDPOINTS, JournalStatus.STARTED),
            (Phase.INSTANCES_READY, JournalStatus.DONE),
        ]
        assert journal[-1].message == "4 of 4 pods are ready"

    def test_it_is_one_write_to_the_store_of_runs_as_well(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")
        kept = {phase.phase: phase for phase in course.simulation.store.get("run-1").phases}

        assert kept["switch_endpoints"].status is PhaseStatus.RUNNING
        assert kept["switch_endpoints"].started_at == kept["instances_ready"].ended_at

        course.go(Phase.SWITCH_ENDPOINTS)
        assert course.simulation.store.get("run-1").phases[-2].status is PhaseStatus.SUCCEEDED

    def test_where_nothing_follows_in_this_process_nothing_has_begun(self) -> None:
        course = Course.until(Phase.CREATE_INSTANCES, "in_place")

        phases.instances_ready(course.ports, REF)

        assert course.lease.required_state().entry(Phase.SWITCH_ENDPOINTS, JournalStatus.STARTED) is None

    def test_the_preflight_of_a_plan_counts_for_whoever_creates_at_once(self) -> None:
        course = Course(Simulation.of(2))
        course.plan()

        calls = course.asked(course.create)

        assert not [call for call in calls if "dryRun" in call.query]
        assert not {"kube-system", "nodes"} & set(paths(calls))

    def test_a_plan_of_a_while_ago_is_looked_at_again(self) -> None:
        course = Course(Simulation.of(2))
        course.plan()
        course.simulation.world.advance(KNOWN_SECONDS + 1)

        calls = course.asked(course.create)

        assert [call for call in calls if "dryRun" in call.query]
        assert {"kube-system", "nodes"} <= set(paths(calls))

    def test_another_plan_than_the_one_that_was_made_is_looked_at_again(self) -> None:
        course = Course(Simulation.of(2))
        course.plan()
        course.handover.planned("another", course.ports.clock.monotonic())

        assert [call for call in course.asked(course.create) if "dryRun" in call.query]

    def test_what_the_plan_says_of_the_cluster_is_as_old_as_the_plan(self) -> None:
        course = Course(Simulation.of(2))
        course.plan()
        course.simulation.world.advance(KNOWN_SECONDS - 2)
        course.create()
        course.simulation.world.advance(4)

        assert "kube-system" in paths(course.asked(lambda: course.go(Phase.INSTANCES_READY)))

    def test_whose_cluster_it_is_is_asked_again_after_a_while(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")
        course.simulation.world.advance(KNOWN_SECONDS + 1)

        calls = course.asked(lambda: course.go(Phase.SWITCH_ENDPOINTS))

        assert {"kube-system", "springtide-web"} | LOOK <= set(paths(calls))


class TestNoWriteGoesByIt:
    def test_what_writes_looks_anew(self) -> None:
        course = Course.until(Phase.INSTANCES_READY)

        calls = course.asked(lambda: course.go(Phase.SWITCH_ENDPOINTS))

        first_write = next(number for number, call in enumerate(calls) if call.write)
        assert set(paths(calls[:first_write])) >= LOOK
        assert course.is_switched()

    def test_a_look_since_which_something_was_written_is_no_look(self) -> None:
        course = Course.until(Phase.INSTANCES_READY)
        now = course.ports.clock.monotonic()
        assert course.handover.look(now) is not None

        course.handover.wrote()

        assert course.handover.look(now) is None

    def test_a_look_is_old_after_a_second(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")
        course.simulation.world.advance(LOOK_SECONDS + 0.1)

        assert set(paths(course.asked(lambda: course.go(Phase.SWITCH_ENDPOINTS)))) >= LOOK

    def test_who_has_lost_the_workload_meanwhile_is_told_at_the_end_of_the_phase(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")
        kube = course.simulation.ports("reconcile").kube
        take_over(kube, course.ports.clock, course.lease, course.lease.required_state(), holder="reconcile:run-1")

        with pytest.raises(Fenced):
            course.go(Phase.SWITCH_ENDPOINTS)

        assert course.lease.required_state().entry(Phase.SWITCH_ENDPOINTS, JournalStatus.DONE) is None

    def test_a_lease_that_somebody_deletes_meanwhile_is_named(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")
        course.ports.kube.delete(Kind.LEASE, NAMESPACE, course.lease.name, version=course.lease.version)

        with pytest.raises(Fenced) as told:
            course.go(Phase.SWITCH_ENDPOINTS)

        assert told.value.code == "lease_gone"

    def test_who_asks_meanwhile_that_the_run_stops_stops_its_next_write(self) -> None:
        course = Course.until(Phase.INSTANCES_READY)
        request_abort(course.simulation.ports("ann"), WORKLOAD, "web", by="ann", reason="wait", run_id="run-1")

        with pytest.raises(PermanentError, match="aborted by ann: wait"):
            course.go(Phase.SWITCH_ENDPOINTS)

        assert not course.is_switched()

    def test_a_pause_of_between_plan_and_creation_counts(self) -> None:
        course = Course(Simulation.of(2))
        course.plan()
        course.simulation.store.pause(Pause(service="web", at=course.ports.clock.now(), by="ann", reason="wait"))

        with pytest.raises(InputError, match="wait"):
            course.create()


class TestWhatFails:
    def test_a_phase_that_fails_hands_nothing_on(self) -> None:
        course = Course.until(Phase.INSTANCES_READY, "in_place")

        def refused(call: Call) -> Fault | None:
            return Fault(FaultKind.REFUSED) if call.write else None

        course.simulation.world.faults = refused
        with pytest.raises(Exception, match="springtide-web"):
            course.go(Phase.SWITCH_ENDPOINTS)
        course.simulation.world.faults = FaultPlan()

        calls = course.asked(lambda: course.go(Phase.SWITCH_ENDPOINTS))

        assert {"springtide-web"} | LOOK <= set(paths(calls))

    def test_what_was_left_for_one_run_is_not_for_another(self) -> None:
        course = Course.until(Phase.INSTANCES_READY)
        now = course.ports.clock.monotonic()

        assert course.handover.take(replace(REF, is_takeover=True).holder, now) is None
        assert course.handover.look(now) is None
