"""What a run finds that nobody would do on purpose: told in words that help, and no workload is blocked for ever."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest

from springtide.errors import Fenced, InputError, PermanentError, SpringtideError
from springtide.labels import GENERATION, STATE
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.recovery.by_hand import held_lease, release_lease
from springtide.recovery.reconcile import reconcile
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases, pipeline
from springtide.run.ports import Neighbours, Ports, RunRef
from springtide.run.state import Phase
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from support.builders import policy
from support.simulation import NAMESPACE, WAITS, WORKLOAD, Simulation, web
from support.task_driver import TaskDriver

REF = RunRef(workload=WORKLOAD, run_id="run-1")
WAYS = ["blue_green", "in_place"]


def copied(document: Json | None) -> Json:
    assert document is not None
    result: Json = json.loads(json.dumps(document))
    return result


def lease_of(simulation: Simulation) -> Json:
    return copied(simulation.world.get("leases", NAMESPACE, WORKLOAD.lease_name))


class TestWhatIsNoGeneration:
    def annotate(self, simulation: Simulation, kind: str, text: str) -> None:
        document = copied(simulation.world.get(kind, NAMESPACE, "web"))
        document["metadata"].setdefault("annotations", {})[GENERATION] = text
        simulation.world.apply(document, manager="kubectl-annotate")
        simulation.world.settle()

    def stopped(self, strategy: str) -> Simulation:
        """Return the simulation of a run that a number above its own has stopped."""
        simulation = Simulation.of(2, strategy=strategy)
        request = simulation.request(4)
        phases.create_instances(simulation.ports(), request, phases.calculate_capacity(simulation.ports(), request))
        # What in_place never writes, the Service, tells it nothing: several workloads may share it.
        self.annotate(simulation, "services" if strategy == "blue_green" else "deployments", "500")
        with pytest.raises(Fenced, match="generation 500 wrote it last"):
            phases.roll_back(simulation.ports(), REF)
        return simulation

    @pytest.mark.parametrize("text", ["99999999999", "2147483647", "9" * 5000, "-3", "abc", ""])
    @pytest.mark.parametrize("kind", ["services", "deployments"])
    def test_before_a_run_it_does_not_matter(self, kind: str, text: str) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        self.annotate(simulation, kind, text)

        assert simulation.run(3, "run-1") is RunOutcome.SUCCEEDED
        assert simulation.run(2, "run-2") is RunOutcome.SUCCEEDED
        assert lease_of(simulation)["spec"]["leaseTransitions"] == 2

    @pytest.mark.parametrize("strategy", WAYS)
    def test_during_a_run_it_does_not_matter_either(self, strategy: str) -> None:
        simulation = Simulation.of(2, strategy=strategy)
        driver = TaskDriver(simulation, simulation.request(4))
        driver.before_task = lambda name: (
            self.annotate(simulation, "services", "99999999999") if name == "switch_endpoints" else None
        )

        assert driver.go() is RunOutcome.SUCCEEDED

    @pytest.mark.parametrize("strategy", WAYS)
    def test_a_later_one_than_the_run_s_stops_it_and_reconcile_counts_above_it(self, strategy: str) -> None:
        simulation = self.stopped(strategy)

        (ended,) = reconcile(simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)

        assert ended.outcome is RunOutcome.ROLLED_BACK
        assert not lease_of(simulation)["spec"].get("holderIdentity")
        assert simulation.run(3, "run-2") is RunOutcome.SUCCEEDED

    @pytest.mark.parametrize("strategy", WAYS)
    def test_a_person_gives_a_workload_free_whose_run_was_stopped_so(self, strategy: str) -> None:
        simulation = self.stopped(strategy)
        person = simulation.ports("person")
        lease = held_lease(person, WORKLOAD, "web")
        release_lease(person, WORKLOAD, lease, by="ada", named=("run-1",), has_looked=True)

        assert not lease_of(simulation)["spec"].get("holderIdentity")


class TestTheWorkloadGoesInMidRun:
    def empty(self, simulation: Simulation, *more: str) -> None:
        for kind in ("deployments", "services", "leases", *more):
            for document in list(simulation.world.store.select(kind, NAMESPACE)):
                simulation.world.core.writes.delete(KINDS[kind], Ref(kind, NAMESPACE, document["metadata"]["name"]))
        simulation.world.settle()

    def delete_namespace(self, simulation: Simulation) -> None:
        self.empty(simulation, "replicasets")
        simulation.world.core.writes.delete(KINDS["namespaces"], Ref("namespaces", "", NAMESPACE))
        simulation.world.settle()

    def make_anew(self, simulation: Simulation) -> None:
        self.delete_namespace(simulation)
        simulation.world.apply(*web(2))
        simulation.world.settle()

    @pytest.mark.parametrize("strategy", WAYS)
    @pytest.mark.parametrize("phase", ["instances_ready", "smoke_test", "instances_removed"])
    def test_it_is_told_that_nothing_is_left(self, phase: str, strategy: str) -> None:
        simulation = Simulation.of(2, strategy=strategy)
        driver = TaskDriver(simulation, simulation.request(4))
        driver.before_task = lambda name: self.delete_namespace(simulation) if name == phase else None

        assert driver.go() is RunOutcome.FAILED

        (failure,) = driver.failures
        assert "Lease springtide-web is gone" in failure
        assert "Deployment web with it" in failure
        record = simulation.store.get("run-1")
        assert (record.error or {})["message"] == failure
        (undone,) = [each for each in record.phases if each.phase == "roll_back"]
        assert "There is nothing left to undo" in undone.message
        assert reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: False).problems == ()

    def test_a_set_aside_that_stays_behind_is_told(self) -> None:
        simulation = Simulation.of(2)
        driver = TaskDriver(simulation, simulation.request(4))
        driver.before_task = lambda name: self.empty(simulation) if name == "smoke_test" else None

        assert driver.go() is RunOutcome.NEEDS_ATTENTION

        assert all("still stands, set aside" in failure for failure in driver.failures)
        (problem,) = reconcile_round(simulation.ports("reconcile"), [NAMESPACE], lambda _run: False).problems
        assert "there is no Service 'web'" in problem

    @pytest.mark.parametrize("strategy", WAYS)
    def test_one_that_was_made_anew_under_the_same_name_is_not_touched_and_it_is_told(self, strategy: str) -> None:
        simulation = Simulation.of(2, strategy=strategy)
        driver = TaskDriver(simulation, simulation.request(4))
        made: list[int] = []

        def anew(name: str) -> None:
            if name == "switch_endpoints":
                self.make_anew(simulation)
                made.append(len(simulation.world.history.calls))

        driver.before_task = anew

        assert driver.go() is RunOutcome.NEEDS_ATTENTION
        assert all("Lease springtide-web is gone" in failure for failure in driver.failures)
        assert [call.path for call in simulation.world.history.calls[made[0] :] if call.write] == []


@dataclass
class Frozen:
    """Run 1 stands still at its `number`th write; meanwhile it is ended, and run 2 gets as far as its own."""

    simulation: Simulation
    number: int
    seen: dict[str, int] = field(default_factory=dict)
    is_frozen: bool = False

    def __call__(self, call: Call) -> Fault | None:
        """Return the fault of a call."""
        if not call.write or "/leases" in call.path:
            return None
        self.seen[call.user_agent] = self.seen.get(call.user_agent, 0) + 1
        if self.seen[call.user_agent] != self.number:
            return None
        if call.user_agent == "run-1" and not self.is_frozen:
            self.is_frozen = True
            return Fault(FaultKind.PAUSE, meanwhile=self.meanwhile)
        return Fault(FaultKind.CRASH_BEFORE) if call.user_agent == "run-2" else None

    def meanwhile(self) -> None:
        """End run 1 in its absence, and let run 2 begin."""
        reconcile(self.simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)
        self.simulation.world.settle()
        with pytest.raises(Crashed):
            pipeline.run(self.simulation.ports("run-2"), self.simulation.request(5, "run-2"))


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_a_write_that_lands_in_the_midst_of_the_next_run_is_refused(number: int) -> None:
    simulation = Simulation.of(3)
    frozen = Frozen(simulation, number)
    simulation.world.faults = frozen

    with pytest.raises(SpringtideError):
        pipeline.run(simulation.ports("run-1"), simulation.request(6, "run-1"))

    simulation.world.faults = FaultPlan()
    assert frozen.is_frozen
    assert lease_of(simulation)["spec"]["holderIdentity"] == "run-2"
    assert TaskDriver(simulation, simulation.request(5, "run-2")).go() is RunOutcome.SUCCEEDED
    simulation.world.settle(quiet=20)
    assert len(simulation.world.pods(NAMESPACE)) == 5
    assert simulation.selector == {"app": "web"}


class TestTwoPoliciesOfOneWorkload:
    def beside(self, simulation: Simulation, **target: str) -> Ports:
        """Return ports that know of another policy, for `target` in the place of the workload's own."""
        document = simulation.policy.model_dump(mode="json")
        document["metadata"]["name"] = "alias"
        document["spec"]["target"] |= target
        policies = (simulation.policy, ScalingPolicy.model_validate(document))
        return replace(simulation.ports(), neighbours=lambda: Neighbours(policies))

    @pytest.mark.parametrize(("strategy", "target", "field_name"), [
        *((way, other, "deployment") for way in WAYS for other in ({}, {"service": "other"})),
        ("blue_green", {"deployment": "other"}, "service"),
    ])  # fmt: skip
    def test_both_are_refused(self, strategy: str, target: dict[str, str], field_name: str) -> None:
        simulation = Simulation.of(2, strategy=strategy)
        ports = self.beside(simulation, **target)

        with pytest.raises(InputError, match=f"spec.target.{field_name}: shop/web belongs to policy alias") as caught:
            pipeline.run(ports, simulation.request(4))

        assert caught.value.code == "shared_workload"
        assert [call for call in simulation.world.history.calls if call.write] == []

    @pytest.mark.parametrize("target", [{"deployment": "other", "service": "other"}, {"deployment": "other"}])
    def test_one_of_another_workload_is_nobody_s_business(self, target: dict[str, str]) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        ports = self.beside(simulation, **target)

        assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED

    def test_one_that_came_while_a_run_was_under_way_is_refused_and_the_run_goes_on(self) -> None:
        simulation = Simulation.of(2, strategy="in_place")
        ports = simulation.ports()
        phases.create_instances(ports, simulation.request(4), phases.calculate_capacity(ports, simulation.request(4)))

        with pytest.raises(PermanentError, match="run 'run-1' owns the workload"):
            pipeline.run(self.beside(simulation), simulation.request(3, "run-2"))
        assert phases.run_phase(self.beside(simulation), REF, Phase.INSTANCES_READY).is_done


@pytest.mark.parametrize("letter", ["x", "ä", "€", "\N{WAVING HAND SIGN}"])
def test_the_longest_policy_fits_into_a_lease(letter: str) -> None:
    """Kubernetes gives all annotations of an object 256 KiB together, and a policy file has at most 64 KiB."""
    checks: list[Json] = [{"http": {"path": "/healthz", "samples": 3}}]
    query = letter * (2900 // len(letter.encode()))
    checks += [{"promql": {"query": f'sum(x{{p="{query}{number}"}})', "below": 1.0}} for number in range(19)]
    simulation = Simulation.of(2, strategy="in_place")
    simulation.policy = policy(strategy=WAITS | {"type": "in_place"}, smoke=checks)
    simulation.instant = lambda _query: 0.0

    assert simulation.run(3) is RunOutcome.SUCCEEDED
    assert len(lease_of(simulation)["metadata"]["annotations"][STATE].encode()) < 128 * 1024
