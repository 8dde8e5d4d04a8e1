"""A plan of now, for somebody who waits for it: what a run would do, within two seconds, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from springtide.clock import Clock, SystemClock
from springtide.errors import SpringtideError, TemporaryError
from springtide.plan.explained import GuardLine, guard_lines
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.admission import plan_capacity
from springtide.run.ports import Neighbours, Ports, RunRequest
from springtide.shared_answer import SharedAnswer

WITHIN_SECONDS: Final = 2.0
_SIDE_BY_SIDE: Final = 4
"""Plans that are made at one time: each may wait for a cluster and for metrics."""


NEIGHBOURS_FRESH_SECONDS: Final = 5.0
"""How long what was read of the other policies counts: a run reads them anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNow:
    """The plan, and every guard with what it did to the number."""

    plan: ScalingPlan
    guards: tuple[GuardLine, ...]

    def to_record(self) -> dict[str, Any]:
        """Return the JSON form, as `springtide explain` prints it."""
        return self.plan.to_record() | {"guards": [asdict(line) for line in self.guards]}


class Planner:
    """Makes plans for pages and REST. It is safe to use from several threads at once."""

    def __init__(
        self,
        open_ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]],
        policies: Callable[[], Mapping[str, ScalingPolicy | SpringtideError]],
        *,
        within_seconds: float = WITHIN_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        self._open_ports = open_ports
        self._within = within_seconds
        self._policies = policies
        self._neighbours = SharedAnswer[Neighbours](clock or SystemClock(), seconds=NEIGHBOURS_FRESH_SECONDS)
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="springtide-plan")

    def plan(self, policy: ScalingPolicy) -> PlanNow:
        """Return what a run would do now.

        Raises:
            TemporaryError: it takes longer than somebody waits for (`plan_late`).
            InputError, Fenced, DemandUnavailable, DemandUnusable, ClusterRefused, ClusterUnavailable: as a run says.
        """
        future = self._pool.submit(self._planned, policy)
        try:
            plan = future.result(timeout=self._within)
        except TimeoutError:
            future.cancel()  # one that has begun ends by its own timeouts
            raise TemporaryError(
                f"the plan of {policy.name} takes longer than {self._within:g} s: its cluster or its metrics are slow. "
                "Try again, or run `springtide explain`, which waits.",
                code="plan_late",
                field="service",
            ) from None
        return PlanNow(plan=plan, guards=guard_lines(policy, plan))

    def _planned(self, policy: ScalingPolicy) -> ScalingPlan:
        request = RunRequest(
            run_id="plan-now",
            policy=policy,
            replicas=None,
            strategy=None,
            requested_by="springtide",
            reason="plan now",
            dry_run=True,
        )
        with self._open_ports(policy) as ports:
            # The neighbours are those that are known already: to read a thousand files takes five seconds, and even
            # to look for words in them costs more than the rest of the plan.
            return plan_capacity(replace(ports, neighbours=self._known_neighbours, naming=None), request)

    def _known_neighbours(self) -> Neighbours:
        return self._neighbours.of(lambda: _neighbours_of(self._policies()))


def _neighbours_of(known: Mapping[str, ScalingPolicy | SpringtideError]) -> Neighbours:
    return Neighbours(
        policies=tuple(policy for policy in known.values() if isinstance(policy, ScalingPolicy)),
        unread=tuple(name for name, policy in known.items() if isinstance(policy, SpringtideError)),
    )
