"""A peek: what of a wait can be told from watches, and what is a reason to look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from springtide.errors import WorkloadFailed
from springtide.kube.live import LiveKube
from springtide.kube.observation import Observation
from springtide.run import phases
from springtide.run.aborting import request_abort
from springtide.run.acquisition import ref_of
from springtide.run.engine import Decide
from springtide.run.peeking import URGENT_SECONDS, Peeking
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.strategy.model import Decision, Delete, Done, RunOrder, Wait
from support.simulation import WORKLOAD, Simulation
from support.watching import TRUSTED, PumpedWatches

WAIT = Wait("2 of 4 are ready")
LONG = TRUSTED.total_seconds()


class Scene:
    """A run that waits, with its watches open."""

    def __init__(self) -> None:
        self.simulation = Simulation.of(2)
        ports = self.simulation.ports()
        request = self.simulation.request(4)
        plan = phases.calculate_capacity(ports, request)
        phases.create_instances(ports, request, plan)
        assert isinstance(ports.kube, LiveKube)
        self.watched = PumpedWatches(ports.kube, self.simulation.world)
        self.ports = replace(ports, watched=self.watched)
        self.work = Work.of(self.ports, ref_of(request, plan, 1))
        self.work.engine.look()
        self.peek(answering(WAIT))
        self.simulation.world.advance(0.5)

    def peek(
        self, hint: Decide, wait: Wait = WAIT, seconds: float = 1.0, phase: Phase = Phase.INSTANCES_READY
    ) -> Wait | None:
        peeking = self.work.peeking(phase, hint)
        assert isinstance(peeking, Peeking)
        return peeking(wait, seconds)


def answering(decision: Decision) -> Decide:
    return lambda _observation, _order: decision


def raising(error: Exception) -> Decide:
    def decide(_observation: Observation, _order: RunOrder) -> Decision:
        raise error

    return decide


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_wait_goes_on_with_what_is_waited_for_by_then(scene: Scene) -> None:
    assert scene.peek(answering(Wait("3 of 4 are ready"))) == Wait("3 of 4 are ready")


REASONS: dict[str, Callable[[Scene], Decide]] = {
    "the phase is done": lambda _scene: answering(Done("4 of 4 are ready")),
    "there is something to write": (
        lambda scene: answering(
            Delete(
                kind=scene.work.engine.look().pod_set.scaled.kind,
                name="web",
                version=scene.work.engine.look().pod_set.scaled.version,
                reason="delete it",
            )
        )
    ),
    "pods fail": lambda _scene: raising(WorkloadFailed("they crash", code="crash_loop")),
    "nobody foresaw it": lambda _scene: raising(KeyError("spec")),
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=list(REASONS))
def test_whatever_else_it_is_a_look_is_worth_it(scene: Scene, reason: Callable[[Scene], Decide]) -> None:
    assert scene.peek(reason(scene)) is None


@pytest.mark.parametrize(
    ("wait", "seconds", "goes_on"),
    [
        (WAIT, LONG - 0.1, True),
        (WAIT, LONG, False),
        (replace(WAIT, is_urgent=True), URGENT_SECONDS - 0.1, True),
        (replace(WAIT, is_urgent=True), URGENT_SECONDS, False),
    ],
)
def test_after_a_while_it_is_worth_it_whatever_is_shown(
    scene: Scene, wait: Wait, seconds: float, *, goes_on: bool
) -> None:
    assert (scene.peek(answering(WAIT), wait, seconds) is not None) is goes_on


def test_an_abort_is_a_reason_on_the_way_forward_alone(scene: Scene) -> None:
    request_abort(scene.simulation.ports("ann"), WORKLOAD, "web", by="ann", reason="a test")
    scene.simulation.world.advance(0.5)

    assert scene.peek(answering(WAIT)) is None
    assert scene.peek(answering(WAIT), phase=Phase.ROLL_BACK) == WAIT


def test_where_nothing_is_shown_it_is_worth_it(scene: Scene) -> None:
    scene.watched.stop()

    assert scene.peek(answering(WAIT)) is None


def test_where_nothing_is_watched_there_is_no_peek(scene: Scene) -> None:
    work = Work.of(replace(scene.ports, watched=None), scene.work.ref)

    assert work.peeking(Phase.INSTANCES_READY) is None


def test_a_peek_asks_the_cluster_nothing(scene: Scene) -> None:
    scene.peek(answering(WAIT))  # which may still open a watch
    before = len(scene.simulation.world.history.calls)

    scene.peek(answering(WAIT))

    assert len(scene.simulation.world.history.calls) == before
