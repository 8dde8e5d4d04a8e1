"""What a person may do about a run: wait until nobody works on it, and give its workload free once it was looked at."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from springtide.errors import Fenced, InputError, NotFound, PermanentError
from springtide.kube.objects import Kind
from springtide.labels import STATE
from springtide.record.model import RunOutcome
from springtide.recovery.by_hand import LONGEST_WAIT, held_lease, release_lease, silent_lease
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases
from springtide.run.lease import Lease, read_lease, renew, take_over
from springtide.run.ports import Ports, RunRef
from springtide.run.work import Work
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from support.simulation import NAMESPACE, WORKLOAD, Simulation

REF = RunRef(workload=WORKLOAD, run_id="run-1")


@pytest.fixture(params=["blue_green", "in_place"])
def simulation(request: pytest.FixtureRequest) -> Simulation:
    return Simulation.of(3, strategy=request.param)


@pytest.fixture
def ports(simulation: Simulation) -> Ports:
    """The ports of a person, beside a run that has made its new instances."""
    begun(simulation, "run-1")
    return simulation.ports("person")


@pytest.fixture
def left(simulation: Simulation, ports: Ports) -> Ports:
    """The ports of a person, and a run that was left to one."""
    assert phases.report(simulation.ports(), REF) is RunOutcome.NEEDS_ATTENTION
    return ports


def begun(simulation: Simulation, run_id: str) -> None:
    ports = simulation.ports()
    request = simulation.request(6, run_id)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))


def lease_of(ports: Ports) -> Lease:
    return held_lease(ports, WORKLOAD, "web")


def renewed_every(simulation: Simulation, seconds: float, *, until: float = 1e9) -> None:
    """Let the run's owner renew its Lease now and then, from another process."""
    last = [simulation.world.elapsed]

    def beat(call: Call) -> Fault | None:
        now = simulation.world.elapsed
        if call.user_agent != "person" or now - last[0] < seconds or now > until:
            return None
        last[0] = now
        owner = simulation.ports("owner")
        return Fault(FaultKind.PAUSE, meanwhile=lambda: void(renew(owner.kube, owner.clock, lease_of(owner), WORKLOAD)))

    simulation.world.faults = beat


def void(_result: object) -> None:
    """Forget what an action returned."""


class TestWaiting:
    def test_a_lease_that_stands_still_is_waited_for_a_whole_duration(
        self, simulation: Simulation, ports: Ports
    ) -> None:
        begin = simulation.world.elapsed
        said: list[str] = []

        silent_lease(replace(ports, on_wait=said.append), WORKLOAD, lease_of(ports))

        assert 60 <= simulation.world.elapsed - begin < 70
        assert said[0] == "run 'run-1': its Lease has stood still for 0 of 60 s"

    def test_one_that_moves_once_is_waited_for_from_then_on(self, simulation: Simulation, ports: Ports) -> None:
        begin = simulation.world.elapsed
        renewed_every(simulation, 30, until=begin + 45)

        silent_lease(ports, WORKLOAD, lease_of(ports))

        assert simulation.world.elapsed - begin >= 90

    def test_one_that_keeps_moving_is_given_up_and_its_run_is_told_to_live(
        self, simulation: Simulation, ports: Ports
    ) -> None:
        begin = simulation.world.elapsed
        renewed_every(simulation, 20)

        with pytest.raises(Fenced, match=r"somebody works on run 'run-1'.*stood still for 60 s.*--force") as caught:
            silent_lease(ports, WORKLOAD, lease_of(ports))

        assert caught.value.code == "run_alive"
        assert simulation.world.elapsed - begin < LONGEST_WAIT.total_seconds() + 10

    def test_a_run_that_ends_meanwhile_leaves_nothing_to_do(self, simulation: Simulation, ports: Ports) -> None:
        ended: list[bool] = []

        def ends(call: Call) -> Fault | None:
            if call.user_agent != "person" or ended:
                return None
            ended.append(True)
            return Fault(FaultKind.PAUSE, meanwhile=end)

        def end() -> None:
            phases.roll_back(simulation.ports("owner"), REF)
            phases.report(simulation.ports("owner"), REF)

        lease = lease_of(ports)
        simulation.world.faults = ends
        with pytest.raises(NotFound, match="nothing to undo or to release"):
            silent_lease(ports, WORKLOAD, lease)


class TestReleasing:
    def test_nobody_releases_what_was_not_looked_at(self, left: Ports) -> None:
        before = lease_of(left).version

        with pytest.raises(InputError, match="add --i-have-looked") as caught:
            release_lease(left, WORKLOAD, lease_of(left), by="ada")

        assert caught.value.code == "look_required"
        assert "Service web selects" in caught.value.message
        assert "Deployment web: " in caught.value.message
        assert "before the run: 3" in caught.value.message
        assert lease_of(left).version == before

    def test_the_workload_is_free_and_nothing_else_is_changed(self, simulation: Simulation, left: Ports) -> None:
        simulation.world.settle()
        begin = len(simulation.world.history.calls)

        released = release_lease(left, WORKLOAD, lease_of(left), by="ada", has_looked=True)

        lease = read_lease(left.kube, WORKLOAD)
        assert lease is not None
        assert (lease.holder, lease.required_state().outcome) == ("", "needs_attention")
        assert lease.required_state().released_by.startswith("ada, 20")
        assert (released.run_id, released.outcome) == ("run-1", "needs_attention")
        written = [call.path for call in simulation.world.history.calls[begin:] if call.write]
        assert [path.rpartition("/")[2] for path in written] == [WORKLOAD.lease_name]

    def test_a_run_that_waits_for_nobody_must_be_named(self, ports: Ports) -> None:
        for named in ((), ("run-2",)):
            with pytest.raises(Fenced, match=r"does not wait for a person.*add --run run-1") as caught:
                release_lease(ports, WORKLOAD, lease_of(ports), by="ada", named=named, has_looked=True)
            assert caught.value.code == "run_alive"

        release_lease(ports, WORKLOAD, lease_of(ports), by="ada", named=("run-1",), has_looked=True)

        assert read_lease(ports.kube, WORKLOAD).holder == ""  # type: ignore[union-attr]

    def test_a_run_that_lives_is_not_released_even_when_named(self, simulation: Simulation, ports: Ports) -> None:
        renewed_every(simulation, 20)

        with pytest.raises(Fenced, match="somebody works on run 'run-1'"):
            release_lease(ports, WORKLOAD, lease_of(ports), by="ada", named=("run-1",), has_looked=True)

        simulation.world.faults = FaultPlan()
        assert lease_of(ports).holder == "run-1"

    def test_what_somebody_takes_up_at_the_last_moment_stays_theirs(self, simulation: Simulation, left: Ports) -> None:
        lease = lease_of(left)

        def faster(call: Call) -> Fault | None:
            if call.user_agent != "person" or not call.write:
                return None
            simulation.world.faults = FaultPlan()
            other = simulation.ports("other")
            return Fault(
                FaultKind.PAUSE, meanwhile=lambda: void(renew(other.kube, other.clock, lease_of(other), WORKLOAD))
            )

        simulation.world.faults = faster
        with pytest.raises(Fenced, match="somebody works on"):
            release_lease(left, WORKLOAD, lease, by="ada", has_looked=True)

        assert lease_of(left).holder == "run-1"

    def test_one_that_reconcile_holds_goes_by_the_name_of_its_run(self, ports: Ports) -> None:
        lease = lease_of(ports)
        take_over(ports.kube, ports.clock, lease, lease.required_state(), holder="reconcile:run-1")

        released = release_lease(ports, WORKLOAD, lease_of(ports), by="ada", named=("run-1",), has_looked=True)

        assert released.run_id == "run-1"

    @pytest.mark.parametrize("text", ["{", "[]", '{"version": 99, "run_id": "run-1"}', '{"run_id": "run-1"}'])
    def test_a_lease_that_nobody_can_read_has_an_exit_as_well(self, ports: Ports, text: str) -> None:
        lease = lease_of(ports)
        change = {"metadata": {"annotations": {STATE: text}}}
        ports.kube.patch(Kind.LEASE, NAMESPACE, lease.name, change, version=lease.version)

        with pytest.raises(Fenced):
            release_lease(ports, WORKLOAD, lease_of(ports), by="ada", has_looked=True)
        release_lease(ports, WORKLOAD, lease_of(ports), by="ada", named=("run-1",), has_looked=True)

        freed = read_lease(ports.kube, WORKLOAD)
        assert freed is not None
        assert (freed.holder, freed.annotations[STATE]) == ("", text)


class TestAfterwards:
    def test_the_run_that_was_released_is_fenced_and_not_repeated(self, simulation: Simulation, left: Ports) -> None:
        release_lease(left, WORKLOAD, lease_of(left), by="ada", has_looked=True)

        with pytest.raises(Fenced):
            Work.of(simulation.ports(), REF)
        assert phases.report(simulation.ports(), REF) is RunOutcome.NEEDS_ATTENTION

    def test_no_round_takes_it_up_again_and_what_is_still_aside_is_told(
        self, simulation: Simulation, left: Ports
    ) -> None:
        release_lease(left, WORKLOAD, lease_of(left), by="ada", has_looked=True)
        writes = len(simulation.world.history.writes())

        report = reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: False)

        assert report.runs == ()
        aside = [message for message in report.problems if "released by hand (ada, 20" in message]
        assert len(aside) == (1 if simulation.policy.spec.strategy.type == "blue_green" else 0)
        assert len(report.problems) == len(aside)
        assert [call for call in simulation.world.history.writes()[writes:] if call.write] == []

    def test_the_next_run_begins_where_nothing_is_aside(self) -> None:
        simulation = Simulation.of(3, strategy="in_place")
        begun(simulation, "run-1")
        phases.report(simulation.ports(), REF)
        person = simulation.ports("person")
        release_lease(person, WORKLOAD, lease_of(person), by="ada", has_looked=True)
        simulation.world.settle()

        assert simulation.run(4, "run-2") is RunOutcome.SUCCEEDED

    def test_what_is_put_right_by_hand_lets_the_next_run_begin(self) -> None:
        """The person chose the old pods: the Service gets its own selector, and the set its labels back."""
        simulation = Simulation.of(3)
        begun(simulation, "run-1")
        phases.report(simulation.ports(), REF)
        person = simulation.ports("person")
        snapshot = lease_of(person).required_state().snapshot
        release_lease(person, WORKLOAD, lease_of(person), by="ada", has_looked=True)
        with pytest.raises(PermanentError, match="is set aside of Deployment web"):
            simulation.run(4, "run-2")

        service = json.loads(json.dumps(simulation.world.get("services", NAMESPACE, "web")))
        simulation.world.apply({**service, "spec": {**service["spec"], "selector": snapshot.selector}}, manager="ada")
        replica_set = json.loads(json.dumps(simulation.world.get("replicasets", NAMESPACE, snapshot.stable.name)))
        metadata = {**replica_set["metadata"], "labels": snapshot.stable.labels, "annotations": {}}
        simulation.world.apply({**replica_set, "metadata": metadata}, manager="ada")
        simulation.world.settle()

        assert simulation.run(4, "run-2") is RunOutcome.SUCCEEDED


def test_where_no_run_owns_the_workload_there_is_nothing_to_release() -> None:
    simulation = Simulation.of(2)

    with pytest.raises(NotFound):
        lease_of(simulation.ports())
    simulation.run(3)
    with pytest.raises(NotFound):
        lease_of(simulation.ports())
