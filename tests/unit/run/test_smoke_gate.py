"""Smoke checks before the switch: new pods are asked while no traffic is on them, and a wrong one ends the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from springtide.errors import PermanentError
from springtide.kube.live import LiveKube
from springtide.kube.proxy import ProxyRequest
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.gates import moves_traffic, smoke_gate
from springtide.run.lease import read_lease
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.sandbox.messages import Request
from springtide.strategy.model import Patch, Wait
from springtide.strategy.traffic import point
from springtide.verify.route import Answer
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.written import WorldProxy

WRONG = Answer(status=500, body="oops", headers={})
CHECK: dict[str, Any] = {"path": "/healthz", "samples": 1}
BATCHED: dict[str, Any] = {"overlap": "batched", "batch": 2}


class Scene:
    """A workload of two pods, a policy with one check, and an API server that passes requests on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, strategy: str = "blue_green", **settings: Any) -> None:
        check = CHECK | settings.pop("check", {})
        self.simulation = Simulation.of(2, strategy=strategy, smoke=[{"http": check}], **settings)
        self.stable = {pod["metadata"]["name"] for pod in self.simulation.world.pods(NAMESPACE)}
        self.selectors: list[dict[str, str]] = []
        self.proxy = WorldProxy(self.simulation.world, self._judged)
        self.judge: Callable[[ProxyRequest], Answer | None] = lambda _request: None
        monkeypatch.setattr(LiveKube, "ask", lambda _kube, request: self.proxy.ask(request))

    def _judged(self, request: ProxyRequest) -> Answer | None:
        if request.name in self.stable:  # the rehearsal of the preflight
            return None
        self.selectors.append(self.simulation.selector)
        return self.judge(request)

    def lose(self, name: str) -> None:
        """Delete a pod, as whoever drains its node does."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
        self.simulation.world.call(Request(method="DELETE", path=path, query={}, headers={}, body=b""))

    @property
    def new(self) -> list[str]:
        """The names of the new pods that were asked, in order."""
        return self.proxy.pods(besides=self.stable)

    def run(self, replicas: int = 4) -> RunOutcome:
        """Do a whole run."""
        return self.simulation.run(replicas)

    def fails(self, code: str) -> str:
        """Do a whole run that fails with `code` and is rolled back; return what it says."""
        with pytest.raises(PermanentError) as caught:
            self.run()
        assert caught.value.code == code
        assert self.simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
        return caught.value.message

    @property
    def begun(self) -> list[str]:
        """The phases that were begun."""
        return [phase.phase for phase in self.simulation.store.get("run-1").phases]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


class TestEveryNewPodIsAsked:
    def test_while_the_service_is_pinned_to_the_stable_ones(self, scene: Scene) -> None:
        pinned = len(scene.simulation.selector) + 1

        assert scene.run() is RunOutcome.SUCCEEDED
        assert len(set(scene.new)) == len(scene.new) == 4
        assert {len(selector) for selector in scene.selectors} == {pinned}
        assert len({str(selector) for selector in scene.selectors}) == 1

    def test_a_first_batch_before_it_is_let_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, **BATCHED)

        assert scene.run() is RunOutcome.SUCCEEDED
        assert len(scene.new) == 2

    def test_as_often_as_its_share_of_the_samples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, check={"samples": 6})

        assert scene.run() is RunOutcome.SUCCEEDED
        assert sorted(scene.new.count(name) for name in set(scene.new)) == [2, 2, 2, 2]

    @pytest.mark.parametrize("strategy", ["in_place"])
    def test_but_not_where_a_ready_pod_has_traffic_at_once(
        self, monkeypatch: pytest.MonkeyPatch, strategy: str
    ) -> None:
        scene = Scene(monkeypatch, strategy, check={"when": "before_switch"})

        assert scene.run() is RunOutcome.SUCCEEDED
        assert scene.proxy.requests == []

    def test_nor_where_the_check_is_for_after_the_switch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, check={"when": "after_switch"})

        assert scene.run() is RunOutcome.SUCCEEDED
        assert scene.proxy.requests == []


class TestOneThatDoesNotPass:
    @pytest.mark.parametrize("settings", [{}, BATCHED], ids=["full", "batched"])
    def test_ends_the_run_before_any_traffic_has_moved(
        self, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
    ) -> None:
        scene = Scene(monkeypatch, **settings)
        before = scene.simulation.selector
        scene.judge = lambda _request: WRONG if len(scene.new) == 2 else None

        message = scene.fails("smoke_failed")

        assert f"pods/http:{scene.new[1]}:8080/proxy/healthz: status 500: 'oops'" in message
        assert scene.begun[-2:] == ["switch_endpoints", "roll_back"]
        assert scene.simulation.selector == before

    def test_is_kept_with_the_run_as_its_verdict(self, scene: Scene) -> None:
        scene.judge = lambda _request: WRONG
        scene.fails("smoke_failed")

        verdict = scene.simulation.store.get("run-1").verdict
        assert verdict is not None
        assert verdict["status"] == "fail"

    def test_without_it_in_place_the_same_check_fails_once_they_serve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, "in_place", check={"when": "before_switch", "expect": 204}, only_warn=["smoke"])

        scene.fails("smoke_failed")
        assert "smoke_test" in scene.begun


class TestPodsThatChangeMeanwhile:
    def test_one_that_goes_is_looked_at_again_and_its_replacement_is_asked(self, scene: Scene) -> None:
        def lose(request: ProxyRequest) -> None:
            if len(scene.new) == 1:
                scene.lose(request.name)

        scene.judge = lose

        assert scene.run() is RunOutcome.SUCCEEDED
        assert len(set(scene.new)) == 5

    def test_what_a_pod_answers_while_it_ends_is_no_verdict(self, scene: Scene) -> None:
        def end(request: ProxyRequest) -> Answer | None:
            if len(scene.new) > 1:
                return None
            scene.lose(request.name)
            return WRONG

        scene.judge = end

        assert scene.run() is RunOutcome.SUCCEEDED


def at_the_switch(scene: Scene) -> tuple[Ports, Work]:
    """Bring a run to the moment before its switch: its Deployment is paused, and the next write moves traffic."""
    ports = scene.simulation.ports()
    request = scene.simulation.request(4)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    ref = RunRef(workload=WORKLOAD, run_id=request.run_id)
    phases.instances_ready(ports, ref)
    work = Work.of(ports, ref)
    pause = work.decide(Phase.SWITCH_ENDPOINTS)(work.engine.look(), work.state.order)
    assert isinstance(pause, Patch)
    work.engine.fence.apply(pause)
    scene.simulation.world.settle()
    return ports, work


class TestOneCallOfThePhase:
    def test_looks_again_after_the_answers_and_asks_nobody_twice(self, scene: Scene) -> None:
        ports, work = at_the_switch(scene)
        decide = smoke_gate(ports, work, work.decide(Phase.SWITCH_ENDPOINTS))
        look = work.engine.look
        decisions = [decide(look(), work.state.order) for _ in range(3)]

        assert isinstance(decisions[0], Wait)
        assert [moves_traffic(decision) for decision in decisions] == [False, True, True]
        assert len(scene.new) == 4

    def test_asks_again_whom_another_call_has_asked(self, scene: Scene) -> None:
        ports, work = at_the_switch(scene)
        for _ in range(2):
            smoke_gate(ports, work, work.decide(Phase.SWITCH_ENDPOINTS))(work.engine.look(), work.state.order)

        assert len(scene.new) == 8

    def test_moves_no_traffic_to_pods_that_nobody_sees(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        ports, work = at_the_switch(scene)
        monkeypatch.setattr("springtide.run.gates.new_pods", lambda _observation, _order: ())
        decide = smoke_gate(ports, work, work.decide(Phase.SWITCH_ENDPOINTS))

        assert decide(work.engine.look(), work.state.order) == Wait("no new pod is ready")

    def test_takes_no_other_write_for_the_switch(self, scene: Scene) -> None:
        _ports, work = at_the_switch(scene)
        switch = work.decide(Phase.SWITCH_ENDPOINTS)(work.engine.look(), work.state.order)
        assert isinstance(switch, Patch)

        pointed_back = point(work.engine.look(), "hash", "point back", is_stamped=True)
        assert [moves_traffic(each) for each in (switch, pointed_back, Wait("a moment"))] == [True, False, False]


class TestTime:
    def slow(self, scene: Scene, seconds: int) -> None:
        def judge(_request: ProxyRequest) -> None:
            scene.simulation.world.clock.sleep(seconds)

        scene.judge = judge

    def test_answers_may_take_longer_than_the_switch_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, deadlines={"ready": "60s", "switched": "10s", "removed": "5m", "smoke": "2m"})
        self.slow(scene, 20)

        assert scene.run() is RunOutcome.SUCCEEDED

    def test_but_not_longer_than_their_own_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene(monkeypatch, deadlines={"ready": "60s", "switched": "10s", "removed": "5m", "smoke": "30s"})
        self.slow(scene, 20)

        assert "strategy.deadlines.smoke" in scene.fails("deadline_exceeded")
        assert len(scene.new) == 2

    def test_the_lease_is_renewed_between_two_requests(self, scene: Scene) -> None:
        ports, work = at_the_switch(scene)
        self.slow(scene, 20)
        before = read_lease(ports.kube, WORKLOAD)
        smoke_gate(ports, work, work.decide(Phase.SWITCH_ENDPOINTS))(work.engine.look(), work.state.order)
        after = read_lease(ports.kube, WORKLOAD)

        assert before is not None
        assert after is not None
        assert before.renewed_at != after.renewed_at

    def test_only_such_checks_lengthen_the_phase(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for when, seconds in (("both", 60 + 300), ("after_switch", 60)):
            _ports, work = at_the_switch(Scene(monkeypatch, check={"when": when}))

            assert work.time_left(Phase.SWITCH_ENDPOINTS).total_seconds() == seconds


def test_a_run_without_http_checks_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.simulation.policy = Simulation.of(2, smoke=[]).policy

    assert pipeline.run(scene.simulation.ports(), scene.simulation.request(4)) is RunOutcome.SUCCEEDED
    assert scene.proxy.requests == []
