"""Services whose runs were left half-way by an owner that is gone, and one round over their Leases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from springtide.policy.scaling.model import ScalingPolicy
from springtide.recovery.report import ReconcileReport, ReconcileStatus
from springtide.recovery.rounds import reconcile_round
from springtide.run import phases
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.state import Phase
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from support.fleet import START, Fleet
from support.simulation import NAMESPACE
from support.virtual_threads import VirtualThreads

CREATED = Phase.CREATE_INSTANCES
SWITCHED = Phase.SWITCH_ENDPOINTS
PROVEN = Phase.SMOKE_TEST
"""How far a run came before its owner was gone: undone after the first two, finished after the last."""

_WAY = (
    Phase.INSTANCES_READY,
    Phase.SWITCH_ENDPOINTS,
    Phase.ENDPOINTS_SWITCHED,
    Phase.SMOKE_TEST,
)


@dataclass
class Abandoned:
    """The services `names`, each with a run to `START` + 1 replicas that came as far as `reach` says, in turn."""

    names: tuple[str, ...]
    reach: tuple[Phase, ...] = (PROVEN,)
    strategy: str = "blue_green"
    waits: Json = field(default_factory=dict)
    fleet: Fleet = field(init=False)

    def __post_init__(self) -> None:
        """Bring every run there."""
        autoscaled = frozenset(self.names if self.strategy == "floor" else ())
        self.fleet = Fleet(dict.fromkeys(self.names, ()), autoscaled=autoscaled)
        for number, name in enumerate(self.names):
            self._leave(name, self.reach[number % len(self.reach)])

    @property
    def world(self) -> World:
        """The cluster."""
        return self.fleet.world

    def _leave(self, name: str, last: Phase) -> None:
        document = self.fleet.document(name)
        document["spec"]["strategy"] |= {"type": self.strategy, **self.waits}
        policy = ScalingPolicy.model_validate(document)
        ports = self.fleet.ports()
        request = RunRequest(
            run_id=f"run-{name}",
            policy=policy,
            replicas=START + 1,
            strategy=None,
            requested_by="a test",
            reason="a test",
        )
        plan = phases.calculate_capacity(ports, request)
        ref = RunRef(workload=plan.target, run_id=request.run_id)
        phases.create_instances(ports, request, plan)
        for phase in _WAY[: _WAY.index(last) + 1] if last in _WAY else ():
            phases.run_phase(ports, ref, phase)

    def round(self, *, at_once: int = 16, ports: Ports | None = None, alive: Iterable[str] = ()) -> ReconcileReport:
        """Do one round, `at_once` runs side by side."""
        living = frozenset(alive)
        return reconcile_round(
            ports or self.fleet.ports(),
            [NAMESPACE],
            is_alive=living.__contains__,
            side_by_side=VirtualThreads(self.world, at_once),
        )

    def object(self, resource: str, name: str) -> Json:
        """Return a copy of an object that is there."""
        found = self.world.get(resource, NAMESPACE, name)
        assert found is not None, (resource, name)
        return dict(found)

    def edit(self, resource: str, name: str, change: Callable[[Json], Any]) -> None:
        """Change an object as somebody with `kubectl edit` would."""
        from copy import deepcopy

        document = deepcopy(self.object(resource, name))
        change(document)
        self.world.apply(document, manager="kubectl-edit")

    def lease(self, name: str) -> Json:
        """Return the Lease of a service."""
        return self.object("leases", f"springtide-{name}")

    def is_free(self, name: str) -> bool:
        """Say whether no run owns the service."""
        return not self.lease(name)["spec"].get("holderIdentity")


def statuses(report: ReconcileReport) -> dict[str, ReconcileStatus]:
    """Return what the round made of each run."""
    return {run.run_id: run.status for run in report.runs}
