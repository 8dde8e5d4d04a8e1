"""Runs the phases as Airflow does: each in a new process, retried when it fails temporarily, rolled back when it
fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from springtide.errors import SpringtideError, TemporaryError
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import RunOutcome
from springtide.recovery.reconcile import reconcile
from springtide.run import phases
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.sandbox.faults import Crashed
from support.simulation import NAMESPACE, Simulation


class AfterCrash(StrEnum):
    """What happens to a run whose process died."""

    RETRY = "task retry"
    CLEAR = "task clear"
    RECONCILE = "reconcile"


T = TypeVar("T")
RETRIES = 6
_CRASHES = 50


@dataclass
class TaskDriver:
    """Drives one run to its end through any number of crashes."""

    simulation: Simulation
    request: RunRequest
    after_crash: AfterCrash = AfterCrash.RETRY
    crashes: int = 0
    plan: ScalingPlan | None = None
    failures: list[str] = field(default_factory=list)
    on_crash: Callable[[], None] = lambda: None
    before_task: Callable[[str], None] = lambda _name: None

    def go(self) -> RunOutcome:
        """Return how the run ended."""
        for _ in range(_CRASHES):
            try:
                return self._tasks()
            except Crashed:
                self.crashes += 1
                self.on_crash()
                if self.after_crash is AfterCrash.RECONCILE:
                    return self.reconciled()
                if self.after_crash is AfterCrash.CLEAR:
                    self.done.clear()
                    self.plan = None
        raise AssertionError("a run does not end by crashing for ever")

    def _is_owned(self) -> bool:
        lease = self.simulation.world.get("leases", NAMESPACE, self.simulation.policy.spec.target.workload.lease_name)
        return lease is not None and bool(lease["spec"].get("holderIdentity"))

    def ports(self) -> Ports:
        """Return the ports of a new process of this run."""
        return self.simulation.ports(self.request.run_id)

    def __post_init__(self) -> None:
        self.done: set[str] = set()

    def _tasks(self) -> RunOutcome:
        try:
            plan = self._task("calculate_capacity", self._calculate)
            if plan is None or self.plan is None or self.plan.outcome is PlanOutcome.NOTHING_TO_DO:
                return RunOutcome.NOTHING_TO_DO
            self._forward(RunRef.of_plan(self.plan, self.request.run_id))
        except SpringtideError as error:
            self.failures.append(error.message)
            return self._undone(error)
        ref = RunRef.of_plan(self.plan, self.request.run_id)
        return self._retried(lambda: phases.report(self.ports(), ref))

    def _calculate(self) -> object:
        self.plan = phases.calculate_capacity(self.ports(), self.request)
        return self.plan

    def _forward(self, ref: RunRef) -> None:
        ports = self.ports
        assert self.plan is not None
        plan = self.plan
        if self.request.settings.warm_nodes is not None:
            self._task("warm_nodes", lambda: phases.warm_nodes(ports(), self.request, plan))
            self._task("nodes_ready", lambda: phases.nodes_ready(ports(), ref))
        self._task("create_instances", lambda: phases.create_instances(ports(), self.request, plan))
        self._task("instances_ready", lambda: phases.instances_ready(ports(), ref))
        self._task("switch_endpoints", lambda: phases.switch_endpoints(ports(), ref))
        self._task("endpoints_switched", lambda: phases.endpoints_switched(ports(), ref))
        self._task("smoke_test", lambda: phases.smoke_test(ports(), ref))
        self._task("remove_old_instances", lambda: phases.remove_old_instances(ports(), ref))
        self._task("instances_removed", lambda: phases.instances_removed(ports(), ref))

    def _task(self, name: str, act: Callable[[], object]) -> object:
        """Do a task unless it is done: a retry goes on behind the tasks that were."""
        if name in self.done:
            return self.plan
        self.before_task(name)
        result = self._retried(act)
        self.done.add(name)
        return result

    def _undone(self, error: SpringtideError) -> RunOutcome:
        if self.plan is None:
            return RunOutcome.FAILED
        ref = RunRef.of_plan(self.plan, self.request.run_id)
        self.before_task("roll_back")
        try:
            self._retried(lambda: phases.roll_back(self.ports(), ref))
        except SpringtideError as second:
            self.failures.append(second.message)
        return self._retried(lambda: phases.report(self.ports(), ref, error))

    def _retried(self, act: Callable[[], T]) -> T:
        for _ in range(RETRIES):
            try:
                return act()
            except TemporaryError as error:
                self.simulation.world.clock.sleep(error.retry_after.total_seconds())
                last = error
        raise last

    def reconciled(self) -> RunOutcome:
        for _ in range(_CRASHES):
            try:
                reconciled = reconcile(self.simulation.ports("reconcile"), [NAMESPACE], is_alive=lambda _run: False)
            except Crashed:
                self.crashes += 1
                continue
            except TemporaryError:
                continue
            if reconciled:
                return reconciled[0].outcome
            if not self._is_owned():
                return RunOutcome.FAILED
        raise AssertionError("reconcile does not end")
