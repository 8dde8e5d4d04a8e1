"""Somebody aborts a run: what is asked, what the run makes of it, and what whoever asked hears."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from springtide import labels
from springtide.errors import InputError, NotFound, PermanentError, SpringtideError
from springtide.kube.objects import Kind
from springtide.record.model import RunOutcome
from springtide.run import aborted, phases, pipeline
from springtide.run.abort import Abort, abort_of
from springtide.run.aborting import AbortEnd, await_abort, request_abort
from springtide.run.lease import Lease, read_lease
from springtide.run.ports import RunRef
from springtide.run.state import Phase
from springtide.run.waiting import why_over
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.verify.route import Answer
from support.role import bind
from support.simulation import NAMESPACE, WORKLOAD, Simulation, WorldRoute

WHY = "the new pods are slow"
WORDS = f"aborted by ann: {WHY}"


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2)


def asked(simulation: Simulation, *, run_id: str | None = None, reason: str = WHY) -> Abort:
    return request_abort(simulation.ports("ann"), WORKLOAD, "web", by="ann", reason=reason, run_id=run_id)


def lease_of(simulation: Simulation) -> Lease:
    lease = read_lease(simulation.ports().kube, WORKLOAD)
    assert lease is not None
    return lease


def begun(simulation: Simulation, target: int = 4) -> RunRef:
    """Let a run create its instances; return its name."""
    ports = simulation.ports("run-1")
    request = simulation.request(target)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    return RunRef.of_plan(plan, "run-1")


SWITCH = Match(method="PATCH", path="/services/web"), 3
"""The write that gives new pods traffic: behind one that only tries, the stamp, and the pin."""

REMOVAL = Match(method="DELETE", path="/replicasets/"), 0


def aborted_at(simulation: Simulation, write: tuple[Match, int]) -> tuple[SpringtideError | None, list[str]]:
    """Do a whole run that is aborted while a write is on its way; return why it failed, and why it was not asked."""
    refused: list[str] = []

    def abort() -> None:
        try:
            asked(simulation)
        except SpringtideError as error:
            refused.append(error.code)

    pause = Fault(FaultKind.PAUSE, meanwhile=abort)
    simulation.world.faults = FaultPlan().at(write[0], pause, skip=write[1])
    try:
        pipeline.run(simulation.ports("run-1"), simulation.request(4))
    except SpringtideError as error:
        return error, refused
    return None, refused


def ended(simulation: Simulation) -> AbortEnd:
    return await_abort(simulation.ports("ann"), WORKLOAD, "run-1", at_most=timedelta(minutes=1))


class TestAsking:
    """The request stands on the Lease, and is refused where nothing can come of it."""

    def test_it_stands_beside_the_state_of_the_run_and_names_who_why_and_when(self, simulation: Simulation) -> None:
        begun(simulation)

        before = simulation.world.now()

        abort = asked(simulation)

        assert abort_of(lease_of(simulation), "run-1") == abort
        assert (abort.run_id, str(abort)) == ("run-1", WORDS)
        assert before <= abort.at <= simulation.world.now()
        assert lease_of(simulation).required_state().run_id == "run-1"

    def test_who_asks_again_changes_nothing(self, simulation: Simulation) -> None:
        begun(simulation)
        first = asked(simulation)

        assert asked(simulation, reason="another reason") == first

    def test_a_run_that_wrote_at_the_same_moment_is_judged_again(self, simulation: Simulation) -> None:
        ref = begun(simulation)
        ready = Fault(FaultKind.PAUSE, meanwhile=lambda: run_on(simulation, ref))
        simulation.world.faults = FaultPlan().at(Match(method="PATCH", path="/leases/"), ready)

        abort = asked(simulation)

        assert abort_of(lease_of(simulation), "run-1") == abort

    def test_without_a_reason_nothing_is_asked(self, simulation: Simulation) -> None:
        begun(simulation)

        with pytest.raises(InputError, match=r"^reason: say why"):
            asked(simulation, reason="  ")

        assert abort_of(lease_of(simulation), "run-1") is None

    def test_where_no_run_owns_the_service_it_says_so(self, simulation: Simulation) -> None:
        with pytest.raises(NotFound, match=r"no run owns 'web', so there is nothing to abort"):
            asked(simulation)
        with pytest.raises(NotFound, match=r"run 'run-1' has written nothing here\. Where it waits for an approval"):
            asked(simulation, run_id="run-1")

    def test_a_run_that_has_ended_is_named_with_its_end(self, simulation: Simulation) -> None:
        simulation.run(4)

        with pytest.raises(NotFound, match=r"run 'run-1' has ended, succeeded"):
            asked(simulation, run_id="run-1")

    def test_another_run_than_the_one_that_is_meant_is_never_stopped(self, simulation: Simulation) -> None:
        begun(simulation)

        with pytest.raises(NotFound, match=r"'run-0' does not own 'web' \(any more\): run 'run-1' does"):
            asked(simulation, run_id="run-0")

        assert abort_of(lease_of(simulation), "run-1") is None

    def test_a_run_that_waits_for_a_person_is_undone_by_another_command(self, simulation: Simulation) -> None:
        ref = begun(simulation)
        phases.report(simulation.ports("run-1"), ref)  # as where neither way could be gone to its end

        with pytest.raises(InputError, match=r"waits for a person .*`springtide roll-back web`"):
            asked(simulation)

    def test_it_needs_no_right_beyond_the_shipped_role(self, simulation: Simulation) -> None:
        bound = bind(simulation)
        begun(bound)

        assert str(asked(bound)) == WORDS


class TestUnderWay:
    """The run fails between two writes, and its ordinary way back follows."""

    def test_it_stops_before_its_next_write_and_rolls_back(self, simulation: Simulation) -> None:
        before = simulation.selector
        ref = begun(simulation)
        phases.instances_ready(simulation.ports("run-1"), ref)
        asked(simulation)

        with pytest.raises(PermanentError, match=rf"^{WORDS}\. The run stops and rolls back\.$") as stopped:
            phases.switch_endpoints(simulation.ports("run-1"), ref)
        phases.roll_back(simulation.ports("run-1"), ref)
        outcome = phases.report(simulation.ports("run-1"), ref, stopped.value)

        assert outcome is RunOutcome.ROLLED_BACK
        assert simulation.selector == before
        assert ended(simulation).message.startswith(f"run 'run-1' rolled back: {WORDS}; ")

    def test_a_wait_in_another_process_is_over_at_its_next_look(self, simulation: Simulation) -> None:
        ref = begun(simulation)
        asked(simulation)

        assert why_over(lambda: phases.look(simulation.ports(), ref, Phase.INSTANCES_READY)) == (
            f"{WORDS}. The run stops and rolls back."
        )

    def test_a_smoke_test_is_ended_between_two_requests(
        self, simulation: Simulation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(aborted, "FRESH_SECONDS", 0.0)
        ref = begun(simulation)
        for phase in (Phase.INSTANCES_READY, Phase.SWITCH_ENDPOINTS, Phase.ENDPOINTS_SWITCHED):
            phases.run_phase(simulation.ports("run-1"), ref, phase)
        simulation.route = route = AbortingRoute(simulation)

        with pytest.raises(PermanentError, match=WORDS):
            phases.smoke_test(simulation.ports("run-1"), ref)

        assert route.asked == 1

    def test_once_the_stable_pods_are_gone_it_ends_and_says_that_it_was_too_late(self, simulation: Simulation) -> None:
        error, refused = aborted_at(simulation, REMOVAL)

        assert error is None, error
        assert refused == []
        removal = {phase.phase: phase.message for phase in simulation.store.get("run-1").phases}
        assert removal["remove_old_instances"].endswith(f"{WORDS}, which was too late: the stable pods are gone")
        assert ended(simulation).message.startswith(
            f"run 'run-1' succeeded: too late, the run went on to its end ({WORDS}"
        )
        with pytest.raises(PermanentError, match="too late") as told:
            ended(simulation).require_rolled_back()
        assert told.value.code == "not_aborted"

    def test_the_next_run_of_the_service_knows_nothing_of_it(self, simulation: Simulation) -> None:
        aborted_at(simulation, SWITCH)
        simulation.world.faults = FaultPlan()

        assert simulation.run(3, "run-2") is RunOutcome.SUCCEEDED
        assert labels.ABORT not in lease_of(simulation).annotations

    @pytest.mark.parametrize("text", ["{", "[]", '{"run_id": 1}', "[" * 10_000])
    def test_what_nobody_can_read_stops_no_run(self, simulation: Simulation, text: str) -> None:
        ref = begun(simulation)
        lease = lease_of(simulation)
        change = {"metadata": {"annotations": {labels.ABORT: text}}}
        simulation.ports().kube.patch(Kind.LEASE, NAMESPACE, lease.name, change, version=lease.version)

        assert phases.instances_ready(simulation.ports("run-1"), ref).is_done


class TestWaiting:
    """Whoever asked hears what became of it, within a time."""

    def test_at_its_deadline_it_says_how_the_run_stands(self, simulation: Simulation) -> None:
        begun(simulation)
        asked(simulation)

        end = ended(simulation)

        assert (end.outcome, "has not ended yet (phase create_instances)" in end.message) == ("running", True)

    def test_where_another_run_has_the_service_since_the_record_tells(self, simulation: Simulation) -> None:
        aborted_at(simulation, SWITCH)
        simulation.world.faults = FaultPlan()
        simulation.run(3, "run-2")

        assert ended(simulation).message == f"run 'run-1' rolled back: {WORDS}. The run stops and rolls back."


def run_on(simulation: Simulation, ref: RunRef) -> None:
    phases.instances_ready(simulation.ports("run-1"), ref)


class AbortingRoute:
    """Requests at the first of which somebody aborts the run; `asked` counts them."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._route = WorldRoute(simulation.world)
        self.asked = 0

    def get(self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Abort, and send one GET."""
        self.asked += 1
        asked(self._simulation)
        return self._route.get(url, timeout_seconds=timeout_seconds, headers=headers)
