"""The Lease: one owner, a generation that only rises, and a state that another version may have written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import Conflict, Fenced, PermanentError, WorkloadFailed
from springtide.kube.objects import Kind
from springtide.labels import STATE
from springtide.run import phases
from springtide.run.lease import Lease, acquire, all_leases, owned_lease, read_lease, renew, take_over, write_state
from springtide.run.ports import Ports, RunRef
from springtide.run.state import VERSION, JournalStatus, Phase, RunState
from support.simulation import NAMESPACE, WORKLOAD, Simulation


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2, strategy="in_place")


@pytest.fixture
def ports(simulation: Simulation) -> Ports:
    return simulation.ports()


@pytest.fixture
def state(simulation: Simulation) -> RunState:
    """The state of a run that has taken its Lease and begun."""
    begin(simulation, "run-1")
    stored = lease_of(simulation.ports()).state
    assert stored is not None
    return stored


def begin(simulation: Simulation, run_id: str) -> None:
    ports = simulation.ports()
    request = simulation.request(4, run_id)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))


def lease_of(ports: Ports) -> Lease:
    lease = read_lease(ports.kube, WORKLOAD)
    assert lease is not None
    return lease


def rewritten(ports: Ports, text: str, *, holder: str | None) -> Lease:
    """Put `text` where the run's state stands."""
    lease = lease_of(ports)
    change: dict[str, Any] = {"metadata": {"annotations": {STATE: text}}, "spec": {"holderIdentity": holder}}
    return Lease(ports.kube.patch(Kind.LEASE, NAMESPACE, lease.name, change, version=lease.version))


def claim(ports: Ports, state: RunState, *, least_generation: int = 0) -> Lease:
    """Acquire the Lease as it stands."""
    return acquire(ports.kube, ports.clock, state, read_lease(ports.kube, WORKLOAD), least_generation=least_generation)


class TestTaking:
    def test_nobody_owns_a_workload_that_no_run_has_touched(self, ports: Ports) -> None:
        assert read_lease(ports.kube, WORKLOAD) is None

    def test_the_same_run_takes_it_once(self, ports: Ports, state: RunState) -> None:
        before = lease_of(ports)

        again = claim(ports, state)

        assert (again.holder, again.generation, again.version) == ("run-1", before.generation, before.version)

    def test_another_run_is_told_who_owns_it_and_in_which_phase(self, ports: Ports, state: RunState) -> None:
        with pytest.raises(Fenced, match=r"shop/web: run 'run-1' owns the workload \(phase create_instances") as caught:
            claim(ports, replace(state, run_id="run-2"))

        assert caught.value.code == "service_busy"

    def test_a_run_that_has_released_it_never_takes_it_again(self, ports: Ports, state: RunState) -> None:
        write_state(ports.kube, ports.clock, lease_of(ports), state, release=True)

        with pytest.raises(Fenced) as caught:
            claim(ports, state)

        assert caught.value.code == "run_finished"

    @pytest.mark.parametrize("is_there", [True, False])
    def test_what_another_run_did_since_the_look_is_not_claimed_over(
        self, ports: Ports, state: RunState, *, is_there: bool
    ) -> None:
        seen = write_state(ports.kube, ports.clock, lease_of(ports), state, release=True) if is_there else None
        faster = claim(ports, replace(state, run_id="run-2")) if is_there else lease_of(ports)
        write_state(ports.kube, ports.clock, faster, replace(state, run_id=faster.run_id), release=True)

        with pytest.raises(WorkloadFailed, match=f"run '{faster.run_id}'. Plan again") as caught:
            acquire(ports.kube, ports.clock, replace(state, run_id="run-3"), seen, least_generation=0)

        assert caught.value.code == "plan_stale"
        assert lease_of(ports).holder == ""

    def test_the_next_owner_has_a_higher_generation(self, ports: Ports, state: RunState) -> None:
        released = write_state(ports.kube, ports.clock, lease_of(ports), state, release=True)

        taken = claim(ports, replace(state, run_id="run-2"))

        assert taken.generation == released.generation + 1

    def test_a_lease_that_was_deleted_is_made_above_every_stamp(self, ports: Ports, state: RunState) -> None:
        lease = lease_of(ports)
        ports.kube.delete(Kind.LEASE, NAMESPACE, lease.name, version=lease.version)

        taken = claim(ports, replace(state, run_id="run-2"), least_generation=41)

        assert taken.generation == 42

    def test_taking_it_over_fences_the_owner_out(self, ports: Ports, state: RunState) -> None:
        stood = lease_of(ports)

        taken = take_over(ports.kube, ports.clock, stood, state, holder="reconcile:run-1")

        assert taken.generation == stood.generation + 1
        with pytest.raises(Fenced, match="reconcile:run-1"):
            owned_lease(ports.kube, WORKLOAD, "run-1")

    def test_an_owner_that_moved_is_not_taken_over(self, ports: Ports, state: RunState) -> None:
        stood = lease_of(ports)
        renew(ports.kube, ports.clock, stood, WORKLOAD)

        with pytest.raises(Conflict):
            take_over(ports.kube, ports.clock, stood, state, holder="reconcile:run-1")


class TestState:
    def test_what_is_written_is_read_back(self, ports: Ports, state: RunState) -> None:
        written = write_state(ports.kube, ports.clock, lease_of(ports), state.with_outcome("succeeded"))

        assert written.state == state.with_outcome("succeeded")
        assert json.loads(written.annotations[STATE])["version"] == VERSION

    def test_one_of_two_writers_loses(self, ports: Ports, state: RunState) -> None:
        lease = lease_of(ports)
        write_state(ports.kube, ports.clock, lease, state)

        with pytest.raises(Conflict):
            write_state(ports.kube, ports.clock, lease, state.with_outcome("failed"))


def of_version(state: RunState, version: int) -> str:
    """Return the state as another version may store it: its fields are not ours."""
    return json.dumps({"version": version, "run_id": state.run_id, "intent": {"pods": 4}})


UNREADABLE = ["{", "[]", "{}", '"run"', "null", "null-ish", '{"version": "x", "run_id": "run-1"}', '{"version": -1}']


class TestOtherVersions:
    @pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
    def test_a_held_one_of_another_version_says_both_versions_and_what_to_do(
        self, ports: Ports, state: RunState, version: int
    ) -> None:
        lease = rewritten(ports, of_version(state, version), holder="run-1")

        with pytest.raises(PermanentError) as caught:
            _ = lease.state

        assert (caught.value.code, caught.value.field) == ("state_version", "springtide-web")
        assert f"version {version}" in caught.value.message
        assert f"reads version {VERSION}" in caught.value.message
        assert "End run 'run-1' with the springtide that started it" in caught.value.message

    def test_a_held_one_of_a_later_version_keeps_its_workload(self, ports: Ports, state: RunState) -> None:
        lease = rewritten(ports, of_version(state, VERSION + 1), holder="run-1")

        with pytest.raises(Fenced, match=r"run 'run-1' owns the workload \(phase unknown") as caught:
            claim(ports, replace(state, run_id="run-2"))

        assert caught.value.code == "service_busy"
        assert lease_of(ports).version == lease.version

    @pytest.mark.parametrize("text", UNREADABLE)
    def test_a_held_one_that_nobody_can_read_is_an_error(self, ports: Ports, state: RunState, text: str) -> None:
        lease = rewritten(ports, text, holder=state.run_id)

        with pytest.raises(PermanentError, match="look at the pod sets of 'run-1', then delete it") as caught:
            _ = lease.state

        assert caught.value.code == "lease_unreadable"

    @pytest.mark.parametrize("text", UNREADABLE)
    def test_a_free_one_that_nobody_can_read_is_replaced(self, ports: Ports, state: RunState, text: str) -> None:
        lease = rewritten(ports, text, holder=None)

        taken = claim(ports, replace(state, run_id="run-2"))

        assert lease.state is None
        assert (taken.holder, taken.generation) == ("run-2", lease.generation + 1)
        assert taken.state == replace(state, run_id="run-2")

    @pytest.mark.parametrize("version", [VERSION - 1, VERSION, VERSION + 1, VERSION + 40])
    def test_a_free_one_of_any_version_is_replaced(self, ports: Ports, state: RunState, version: int) -> None:
        rewritten(ports, of_version(state, version), holder=None)

        taken = claim(ports, replace(state, run_id="run-2"))

        assert taken.holder == "run-2"

    def test_a_finished_run_of_a_later_version_is_not_run_again(self, ports: Ports, state: RunState) -> None:
        rewritten(ports, of_version(state, VERSION + 1), holder=None)

        with pytest.raises(Fenced) as caught:
            claim(ports, state)

        assert caught.value.code == "run_finished"

    def test_how_a_run_of_a_later_version_ended_is_not_guessed(self, ports: Ports, state: RunState) -> None:
        rewritten(ports, of_version(state, VERSION + 1), holder=None)

        with pytest.raises(PermanentError) as caught:
            phases.report(ports, RunRef(workload=WORKLOAD, run_id=state.run_id))

        assert caught.value.code == "state_version"

    def test_a_list_of_leases_tells_the_held_ones_that_it_leaves_out(self, ports: Ports, state: RunState) -> None:
        rewritten(ports, of_version(state, VERSION + 1), holder="run-1")

        leases, errors = all_leases(ports.kube, NAMESPACE)

        assert leases == []
        assert [error.field for error in errors] == ["springtide-web"]

    def test_a_list_of_leases_has_nothing_to_tell_of_free_ones(self, ports: Ports, state: RunState) -> None:
        rewritten(ports, of_version(state, VERSION + 1), holder=None)

        assert all_leases(ports.kube, NAMESPACE) == ([], [])


def test_a_message_of_a_journal_is_cut_short(state: RunState) -> None:
    entry = state.entry(Phase.CREATE_INSTANCES, JournalStatus.STARTED)
    assert entry is not None

    noted = state.with_entry(replace(entry, message="x" * 10_000)).journal[-1]

    assert len(noted.message) == 500
