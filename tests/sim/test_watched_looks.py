"""The looks of a trigger: by what watches show, and by the cluster where that is worth it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest

from springtide.errors import SpringtideError
from springtide.kube.live import LiveKube
from springtide.run import phases
from springtide.run.aborting import request_abort
from springtide.run.acquisition import ref_of
from springtide.run.ports import Ports, RunRef
from springtide.run.state import Phase
from springtide.run.watched_look import WatchedLook
from springtide.sandbox.faults import Fault, FaultKind
from springtide.sandbox.history import Call
from support.simulation import WORKLOAD, Simulation
from support.watching import TRUSTED, PumpedWatches

EVERY = 1.0


@dataclass
class Scene:
    """A run whose pods start for 20 s, and the trigger that waits for them."""

    simulation: Simulation
    ports: Ports
    ref: RunRef

    @classmethod
    def of(cls, start: str = "20s") -> Scene:
        simulation = Simulation.of(2)
        deployment = deepcopy(simulation.deployment("web") or {})
        deployment["spec"]["template"]["spec"]["containers"][0]["env"] = [
            {"name": "STARTUP", "value": start},
            {"name": "DRAIN", "value": "2s"},
        ]
        simulation.world.apply(deployment)
        simulation.world.settle(quiet=30.0)
        ports = simulation.ports()
        request = simulation.request(4)
        plan = phases.calculate_capacity(ports, request)
        phases.create_instances(ports, request, plan)
        work = simulation.ports("trigger")
        assert isinstance(work.kube, LiveKube)
        ref = ref_of(request, plan, 1)
        phases.run_phase(ports, ref, Phase.INSTANCES_READY, patience=TRUSTED * 0)
        watched = PumpedWatches(work.kube, simulation.world, is_wide=True)
        return cls(simulation, replace(work, watched=watched), ref)

    def look(self) -> WatchedLook:
        return WatchedLook(self.ports, self.ref, Phase.INSTANCES_READY)

    def until_done(self, look: WatchedLook, limit: float = 60.0) -> float:
        """Look once a second, as the trigger does; return after how many seconds the wait is over."""
        began = self.simulation.world.elapsed
        while not look().is_done:
            assert self.simulation.world.elapsed - began < limit
            self.simulation.world.advance(EVERY)
        return self.simulation.world.elapsed - began

    @property
    def asked(self) -> list[Call]:
        """What the trigger has asked of the cluster, but for its watches."""
        calls = self.simulation.world.history.calls
        return [call for call in calls if call.user_agent.startswith("trigger") and "watch" not in call.query]


def test_it_is_over_as_soon_as_watches_say_so_and_the_cluster_too() -> None:
    watched = Scene.of()
    polled = Scene.of()
    polled.ports = replace(polled.ports, watched=None)

    seconds = watched.until_done(watched.look())

    assert seconds <= polled.until_done(polled.look()) + EVERY
    assert len(watched.asked) < len(polled.asked) / 3


def test_a_watch_that_says_nothing_does_not_keep_it() -> None:
    scene = Scene.of()
    scene.simulation.world.faults = lambda call: (
        Fault(FaultKind.DROP_EVENTS, events=10**6) if call.query.get("watch") == "1" else None
    )

    assert scene.until_done(scene.look()) < 20.0 + TRUSTED.total_seconds() + EVERY


def test_many_that_wait_in_one_process_share_its_watches() -> None:
    scene = Scene.of()
    looks = [scene.look() for _ in range(20)]
    for _ in range(3):
        for look in looks:
            look()
        scene.simulation.world.advance(EVERY)

    calls = scene.simulation.world.history.calls
    assert len([call for call in calls if call.query.get("watch") == "1"]) == 6


def test_an_abort_ends_it() -> None:
    scene = Scene.of()
    look = scene.look()
    for _ in range(3):
        look()
        scene.simulation.world.advance(EVERY)
    request_abort(scene.simulation.ports("ann"), WORKLOAD, "web", by="ann", reason="a test")

    with pytest.raises(SpringtideError, match="aborted by ann"):
        look()


def test_a_run_that_lost_its_workload_is_told_so() -> None:
    scene = Scene.of()
    look = scene.look()
    look()
    scene.simulation.world.advance(EVERY)
    look()
    phases.roll_back(scene.simulation.ports(), scene.ref)
    phases.report(scene.simulation.ports(), scene.ref)

    with pytest.raises(SpringtideError, match="does not own"):
        look()
