"""One switch stops all writes: who asks it, how fresh an answer is, and what a run does that finds it pulled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from springtide.errors import ClusterUnavailable, Halted, PermanentError, WorkloadFailed
from springtide.fleet.inspection import inspect_service
from springtide.kube.client import Right
from springtide.kube.objects import Kind
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.admission import plan_capacity
from springtide.run.halt import CONFIG_MAP, FRESH_SECONDS, Halt, HaltSwitch
from springtide.run.halting import pull, release
from springtide.run.lease import read_lease
from springtide.run.planned import close_run
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.history import Call
from springtide.strategy.model import Scale
from support.courses import FAILING
from support.role import bind
from support.simulation import NAMESPACE, WORKLOAD, Simulation

ANN = Halt(words="ann: the load balancer is down", source="SPRINGTIDE_HALT")
SWITCH = f"/configmaps/{CONFIG_MAP}"


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2, strategy="in_place")


def pulled(simulation: Simulation) -> Halt:
    return pull(simulation.ports("ann").kube, simulation.world.clock, NAMESPACE, by="ann", why="the sale is over")


def writes(simulation: Simulation, agent: str = "run-1") -> list[Call]:
    calls = simulation.world.history.calls
    return [call for call in calls if call.applied and call.user_agent == agent]


def reads(simulation: Simulation) -> list[Call]:
    return [call for call in simulation.world.history.calls if call.path.endswith(SWITCH)]


class TestNothingBegins:
    """Before its first write a halted run ends, and leaves nothing."""

    def test_by_words_of_the_installation(self, simulation: Simulation) -> None:
        ports = replace(simulation.ports("run-1"), halt=HaltSwitch(lambda: ANN))

        with pytest.raises(Halted, match=r"ann: the load balancer is down \(SPRINGTIDE_HALT\)") as refused:
            pipeline.run(ports, simulation.request(4))

        assert refused.value.code == "halted"
        assert writes(simulation) == []
        assert simulation.store.get("run-1").outcome is RunOutcome.HALTED

    def test_by_the_config_map_of_its_namespace(self, simulation: Simulation) -> None:
        pulled(simulation)

        with pytest.raises(Halted, match=rf"ann: the sale is over \(ConfigMap {NAMESPACE}/springtide-halt\)"):
            pipeline.run(simulation.ports("run-1"), simulation.request(4))

        assert writes(simulation) == []

    def test_also_where_it_was_pulled_behind_the_plan(self, simulation: Simulation) -> None:
        request = simulation.request(4)
        plan = phases.calculate_capacity(simulation.ports("run-1"), request)
        pulled(simulation)

        with pytest.raises(Halted) as refused:
            phases.create_instances(simulation.ports("run-1"), request, plan)
        outcome = phases.report(simulation.ports("run-1"), RunRef.of_plan(plan, "run-1"), refused.value)

        assert (outcome, writes(simulation)) == (RunOutcome.HALTED, [])
        assert read_lease(simulation.ports().kube, WORKLOAD) is None

    def test_a_run_of_tasks_that_came_to_no_plan_is_kept_as_halted(self, simulation: Simulation) -> None:
        pulled(simulation)
        ports = simulation.ports("run-1")
        with pytest.raises(Halted) as refused:
            phases.calculate_capacity(ports, simulation.request(4))

        with pytest.raises(PermanentError, match=r"^halted: "):
            close_run(ports, None, refused.value, run_id="run-1")

        assert simulation.store.get("run-1").outcome is RunOutcome.HALTED

    def test_a_dry_run_plans_all_the_same(self, simulation: Simulation) -> None:
        pulled(simulation)

        outcome = pipeline.run(simulation.ports("run-1"), replace(simulation.request(4), dry_run=True))

        assert outcome is RunOutcome.PLANNED_ONLY

    def test_a_sweep_leaves_the_service_as_it_is_and_says_whose_word_that_is(self, simulation: Simulation) -> None:
        pulled(simulation)

        inspection = inspect_service(simulation.ports("sweep"), simulation.policy)

        assert inspection.frozen == f"halted by ann: the sale is over (ConfigMap {NAMESPACE}/springtide-halt)"


class TestUnderWay:
    """What has begun stops at its next write, and stays."""

    def test_a_wait_goes_on_and_renews_its_lease(self, simulation: Simulation) -> None:
        request = simulation.request(4)
        plan = phases.calculate_capacity(simulation.ports("run-1"), request)
        phases.create_instances(simulation.ports("run-1"), request, plan)
        pulled(simulation)
        simulation.world.advance(60)
        before = read_lease(simulation.ports().kube, WORKLOAD)

        progress = phases.instances_ready(simulation.ports("run-1"), RunRef.of_plan(plan, "run-1"))

        after = read_lease(simulation.ports().kube, WORKLOAD)
        assert progress.is_done
        assert before is not None
        assert after is not None
        assert (after.holder, after.generation) == (before.holder, before.generation)
        assert after.renewed_at != before.renewed_at

    def test_its_next_write_is_not_done(self, simulation: Simulation) -> None:
        request = simulation.request(4)
        plan = phases.calculate_capacity(simulation.ports("run-1"), request)
        phases.create_instances(simulation.ports("run-1"), request, plan)
        pulled(simulation)
        work = Work.of(simulation.ports("run-1"), RunRef.of_plan(plan, "run-1"))
        deployment = work.engine.look().pod_set.scaled
        nine = Scale(kind=Kind.DEPLOYMENT, name="web", version=deployment.version, replicas=9, reason="go on")

        with pytest.raises(Halted, match=r"^go on: halted by ann"):
            work.engine.fence.apply(nine)

    def test_new_pods_that_fail_give_way_to_the_old_ones_and_stay(self) -> None:
        simulation = next(course for course in FAILING if course.name == "blue_green, smoke").simulation()
        request = simulation.request(4)
        plan = phases.calculate_capacity(simulation.ports("run-1"), request)
        phases.create_instances(simulation.ports("run-1"), request, plan)
        stable = simulation.selector
        ref = RunRef.of_plan(plan, "run-1")
        for phase in (Phase.INSTANCES_READY, Phase.SWITCH_ENDPOINTS, Phase.ENDPOINTS_SWITCHED):
            phases.run_phase(simulation.ports("run-1"), ref, phase)
        pulled(simulation)
        with pytest.raises(WorkloadFailed):
            phases.smoke_test(simulation.ports("run-1"), ref)
        assert simulation.selector != stable

        progress = phases.roll_back(simulation.ports("run-1"), ref)

        assert simulation.selector == stable
        assert "halted by ann" in progress.message
        assert len(simulation.world.pods(NAMESPACE)) == 2 + 4

    def test_a_cleared_run_goes_on_once_somebody_resumes(self, simulation: Simulation) -> None:
        request = simulation.request(4)
        plan = phases.calculate_capacity(simulation.ports("run-1"), request)
        phases.create_instances(simulation.ports("run-1"), request, plan)
        ref = RunRef.of_plan(plan, "run-1")
        pulled(simulation)
        held = phases.roll_back(simulation.ports("run-1"), ref, is_halted=True)
        ended = phases.report(simulation.ports("run-1"), ref, ANN.refusal("a write"))
        release(simulation.ports("ann").kube, NAMESPACE)

        outcome = pipeline.run(simulation.ports("run-1"), request)

        assert (held.is_restored, ended) == (False, RunOutcome.NEEDS_ATTENTION)
        assert outcome is RunOutcome.SUCCEEDED


class TestReading:
    """Reading the switch costs little, and what cannot be read is never taken for a switch that is not pulled."""

    def test_a_run_asks_once_in_a_while_and_not_before_each_write(self, simulation: Simulation) -> None:
        begin = simulation.world.elapsed
        ports = simulation.ports("run-1")

        pipeline.run(ports, simulation.request(4))

        seconds = simulation.world.elapsed - begin
        assert 1 <= len(reads(simulation)) <= 1 + seconds / FRESH_SECONDS
        assert len(writes(simulation)) > len(reads(simulation))

    def test_an_answer_is_asked_for_again_when_it_is_old(self, simulation: Simulation) -> None:
        ports = simulation.ports("run-1")
        ports.require_running(NAMESPACE, "a write")
        pulled(simulation)
        ports.require_running(NAMESPACE, "another")
        simulation.world.advance(FRESH_SECONDS)

        with pytest.raises(Halted, match=r"^a third: halted by ann"):
            ports.require_running(NAMESPACE, "a third")

    def test_an_api_server_that_fails_is_no_answer(self, simulation: Simulation) -> None:
        ports = simulation.ports("run-1")
        simulation.world.faults = FaultPlan().at(Match(path=SWITCH), Fault(FaultKind.STATUS, status=500), times=9)

        with pytest.raises(ClusterUnavailable):
            ports.require_running(NAMESPACE, "a write")

    def test_without_the_right_to_read_it_the_preflight_says_that_it_is_not_checked(
        self, simulation: Simulation
    ) -> None:
        bound = bind(simulation, without=Right(verb="get", group="", resource="configmaps"))
        ports: Ports = bound.ports("run-1")

        plan = plan_capacity(ports, bound.request(4))
        outcome = pipeline.run(ports, bound.request(4))

        told = [finding.message for finding in plan.findings if finding.check == "rights"]
        assert any(
            f"not checked or told, for they are missing: get configmaps {CONFIG_MAP}" in message for message in told
        )
        assert outcome is RunOutcome.SUCCEEDED


class TestByHand:
    """Pulling it and taking it back."""

    def test_what_is_pulled_again_says_the_later_words(self, simulation: Simulation) -> None:
        kube = simulation.ports("ann").kube
        pulled(simulation)

        halt = pull(kube, simulation.world.clock, NAMESPACE, by="bob", why="still")

        assert str(halt) == f"halted by bob: still (ConfigMap {NAMESPACE}/springtide-halt)"
        assert release(kube, NAMESPACE) == halt
        assert release(kube, NAMESPACE) is None

    @pytest.mark.parametrize("data", [None, {}, {"why": ""}])
    def test_a_config_map_without_words_halts_all_the_same(self, data: dict[str, str] | None) -> None:
        halt = Halt.of_config_map({"metadata": {"namespace": NAMESPACE}, "data": data})

        assert halt.words == "somebody who does not say why"

    @pytest.mark.parametrize("text", [None, "", "  \n"])
    def test_empty_words_halt_nothing(self, text: str | None) -> None:
        assert Halt.of_words(text, "SPRINGTIDE_HALT") is None
