"""The columns of the fault matrix: where in a run something strikes, and what strikes there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from invariants import Begin, Evidence, broken
from invariants.objects import LEASE
from springtide import labels
from springtide.errors import SpringtideError
from springtide.record.model import RunOutcome
from springtide.recovery.reconcile import reconcile
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, controller_of
from springtide.sandbox.world import World
from support.courses import Course, state_of, unfaulted, untouched
from support.simulation import NAMESPACE, Simulation
from support.task_driver import AfterCrash, TaskDriver


class Stage(StrEnum):
    """The matrix' columns; each is one write of a blue-green run, and the fault strikes at that.

    In this order: the stable set is set aside, the Service is switched, the stable set is shrunk for the first time,
    the Service is pointed back.
    """

    BEFORE = "before"
    SWITCH = "switch"
    AFTER = "after"
    BACK = "roll_back"


EVERY = tuple(Stage)
FORWARD = (Stage.BEFORE, Stage.SWITCH, Stage.AFTER)
UP = Course("blue_green up", "blue_green", 2, 4)
DOWN_FALLING = Course("blue_green, smoke", "blue_green", 2, 4, problem="smoke")


def course_of(stage: Stage) -> Course:
    """Return the course that comes to `stage`."""
    return DOWN_FALLING if stage is Stage.BACK else UP


def is_at(stage: Stage, call: Call, world: World) -> bool:
    """Say whether a call is the write that `stage` means."""
    moves = call.path.endswith("/services/web") and labels.SWITCHED_AT.encode() in call.body and b'"spec"' in call.body
    is_undone = '"roll_back"' in lease_text(world)
    if not call.write:  # a dry run of the same write, before the run begins
        return False
    match stage:
        case Stage.BEFORE:
            return "/replicasets/" in call.path and b'"ownerReferences"' in call.body
        case Stage.SWITCH:
            return moves and not is_undone
        case Stage.AFTER:
            return "/replicasets/" in call.path and call.path.endswith("/scale")
        case Stage.BACK:
            return moves and is_undone


def lease_text(world: World) -> str:
    """Return what stands in the Lease, as text."""
    lease = world.get("leases", NAMESPACE, LEASE)
    return str(lease["metadata"]["annotations"][labels.STATE]) if lease else ""


@dataclass
class Strike:
    """Strikes once: `fault` at the write of `stage`, or `act` while that is under way (`late`: when it is done)."""

    world: World
    stage: Stage
    act: Callable[[], object] = lambda: None
    fault: Fault | None = None
    late: bool = False
    fired: bool = False
    armed: bool = False

    def __call__(self, call: Call) -> Fault | None:
        """Return the fault of a call."""
        if self.fired:
            return None
        if not self.armed and not is_at(self.stage, call, self.world):
            return None
        if self.late and not self.armed:
            self.armed = True
            return None
        self.fired = True
        return self.fault or Fault(FaultKind.PAUSE, meanwhile=lambda: void(self.act()))


def void(_result: object) -> None:
    """Forget what an action returned."""


@dataclass
class Trial:
    """One cell of the matrix: a run on its course, and its strike."""

    stage: Stage
    course: Course
    simulation: Simulation = field(init=False)
    driver: TaskDriver = field(init=False)
    begin: Begin = field(init=False)
    outcome: RunOutcome | None = None
    error: SpringtideError | None = None
    strike: Strike | None = None

    @classmethod
    def at(cls, stage: Stage, course: Course | None = None) -> Trial:
        """Return the trial of `stage`, not begun yet."""
        return cls(stage, course or course_of(stage))

    def __post_init__(self) -> None:
        self.simulation = self.course.simulation()
        self.driver = TaskDriver(self.simulation, self.simulation.request(self.course.target))
        self.begin = Begin.now(self.world)

    @property
    def world(self) -> World:
        """Its world."""
        return self.simulation.world

    def struck(
        self, act: Callable[[], object] = lambda: None, *, fault: Fault | None = None, late: bool = False
    ) -> Trial:
        """Do the run with one strike at the stage, and let the cluster come to rest."""
        self.strike = Strike(self.world, self.stage, act, fault, late)
        self.go(self.strike)
        assert self.strike.fired, f"the run never came to {self.stage}"
        return self

    def go(self, faults: Any) -> Trial:
        """Do the run under `faults`; an error that its tasks cannot handle ends it where it stands."""
        self.world.faults = faults
        try:
            self.outcome = self.driver.go()
        except SpringtideError as error:
            self.error = error
        self.rest()
        return self

    def rest(self) -> None:
        """Let the cluster come to rest, without faults."""
        self.world.faults = FaultPlan()
        self.world.settle(quiet=20)

    def reconciled(self, agent: str = "reconcile") -> RunOutcome | None:
        """Let the reconciler look, as it does every minute, when nobody vouches for the run any more."""
        reconciled = reconcile(self.simulation.ports(agent), [NAMESPACE], is_alive=lambda _run: False)
        self.world.settle(quiet=20)
        return reconciled[0].outcome if reconciled else None

    @property
    def evidence(self) -> Evidence:
        """What is to be judged."""
        return Evidence.of(self.world, self.begin, self.course.terms)

    def broken(self, *but: str) -> list[str]:
        """Return every breach but those of invariants that the test itself broke from outside."""
        return broken(self.evidence, but=but)

    @property
    def is_as_before(self) -> bool:
        """Whether everything is as before the run."""
        return repr(state_of(self.simulation)) == untouched(self.course)

    @property
    def is_as_ordered(self) -> bool:
        """Whether everything is as after the run without a fault."""
        return state_of(self.simulation) == unfaulted(self.course).state

    @property
    def message(self) -> str:
        """What the run's failures said."""
        return "\n".join(self.driver.failures)

    @property
    def kept(self) -> bool:
        """Whether the Lease says that a person has to look, and is not given free."""
        lease = self.world.get("leases", NAMESPACE, LEASE)
        return (
            lease is not None
            and bool(lease["spec"].get("holderIdentity"))
            and '"needs_attention"' in lease_text(self.world)
        )

    @property
    def serving(self) -> int:
        """The ready endpoints of the Service."""
        return len(self.evidence.slices[-1].ready)

    def object(self, kind: str, name: str) -> Json:
        """Return an object that is there."""
        document = self.world.get(kind, NAMESPACE, name)
        assert document is not None
        return document

    def edit(self, kind: str, name: str, **spec: Any) -> None:
        """Change an object's spec as somebody else would."""
        document = self.object(kind, name)
        self.world.apply({**document, "spec": {**document["spec"], **spec}}, manager="kubectl-edit")

    def delete(self, kind: str, name: str) -> None:
        """Delete an object as somebody else would."""
        self.world.core.writes.delete(KINDS[kind], Ref(kind, NAMESPACE, name))

    @property
    def stable(self) -> str:
        """The name of the run's stable ReplicaSet."""
        snapshot = json.loads(lease_text(self.world))["snapshot"]
        return str(snapshot["stable"]["name"])

    @property
    def new(self) -> str:
        """The name of the ReplicaSet that the Deployment has made beside the stable one."""
        names = [each["metadata"]["name"] for each in self.world.store.select("replicasets", NAMESPACE)]
        (name,) = (str(name) for name in names if name != self.stable)
        return name

    @property
    def stable_pods(self) -> list[Ref]:
        """The pods of the stable set."""
        return [ref for ref, owner in self._pods() if owner == self.stable]

    @property
    def new_pods(self) -> list[Ref]:
        """The pods of every other set."""
        return [ref for ref, owner in self._pods() if owner != self.stable]

    def _pods(self) -> list[tuple[Ref, str]]:
        """Return the pods, each with the name of what owns it."""
        owned = [(pod["metadata"]["name"], controller_of(pod) or {}) for pod in self.world.pods(NAMESPACE)]
        return [(Ref("pods", NAMESPACE, name), str(owner.get("name"))) for name, owner in owned]


def crashing(stage: Stage, kind: FaultKind, after: AfterCrash, on_crash: Callable[[Trial], object]) -> Trial:
    """Return the trial in which the task's process died at the write of `stage`."""
    trial = Trial.at(stage)
    trial.driver.after_crash = after
    trial.driver.on_crash = lambda: void(on_crash(trial))
    return trial.struck(fault=Fault(kind))
