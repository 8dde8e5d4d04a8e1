"""What the autoscalers follow: every 15 s the metrics say how many replicas they ask for.

The formulas are the simulator's own (`springtide.backtest.ticks`), fed with what stands in the cluster; bounds,
stabilization and the scale itself are the embedded HPA's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.saleday.shop import NAMESPACE
from springtide.backtest.simulate import NO_PLANS, TICK_SECONDS, controls, course_of
from springtide.backtest.ticks import CPU_WINDOW, CREATED, EXTERNAL, EXTERNAL_WINDOW, READY, want_by_cpu, want_by_metric
from springtide.capacity.setting import Setting
from springtide.sandbox.controllers.autoscaling import WANTED
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, with_annotations
from springtide.sandbox.writers import Writer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.backtest.trace import Trace
    from springtide.sandbox.world import World

HPA_TARGET: Final = 0.5
Tuned = Callable[[str], Setting | None]
"""Asks what a service's autoscaler follows now: a tuned setting, or None for mean CPU at 50 %."""


@dataclass
class Metrics:
    """Tells each service's HPA what its metric asks for, from the moment it is made on."""

    world: World
    traces: Mapping[str, Trace]
    tuned: Tuned
    _signals: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    _logs: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    _tick: int = 0

    def __post_init__(self) -> None:
        for name, trace in self.traces.items():
            self._signals[name] = course_of(trace, NO_PLANS, TICK_SECONDS).signal
            self._logs[name] = np.zeros((4, self._signals[name].shape[1]), np.int64)
        self._look()

    def _look(self) -> None:
        for name, log in self._logs.items():
            if self._tick < log.shape[1]:
                self._tell(name, log)
        self._tick += 1
        self.world.core.timeline.after(TICK_SECONDS, self._look)

    def _tell(self, name: str, log: NDArray[np.int64]) -> None:
        deployment = self.world.get("deployments", NAMESPACE, name)
        assert deployment is not None
        log[CREATED, self._tick] = deployment["spec"]["replicas"]
        log[READY, self._tick] = ready_endpoints(self.world, name)
        wanted = self._wanted(name, log)
        if wanted is not None:
            ref = Ref("horizontalpodautoscalers", NAMESPACE, name)

            def told(old: Json) -> Json:
                return with_annotations(old, {WANTED: str(wanted)})

            self.world.core.writes.update(KINDS[ref.resource], ref, told, Writer(manager="metrics"))

    def _wanted(self, name: str, log: NDArray[np.int64]) -> int | None:
        signal = self._signals[name]
        setting = self.tuned(name)
        if setting is None:
            return None if self._tick < CPU_WINDOW else int(want_by_cpu(signal, log, self._tick, HPA_TARGET))
        if self._tick < EXTERNAL_WINDOW:
            return None
        control = controls(EXTERNAL, [setting], None)[:, 0]
        return int(want_by_metric(control, signal, self._tick, int(log[CREATED, self._tick])))


def ready_endpoints(world: World, service: str) -> int:
    """Return how many endpoints of a Service its slices call ready."""
    slices = world.store.select("endpointslices", NAMESPACE)
    mine = [piece for piece in slices if piece["metadata"]["labels"].get("kubernetes.io/service-name") == service]
    return sum(bool(each["conditions"].get("ready")) for piece in mine for each in piece.get("endpoints") or ())
