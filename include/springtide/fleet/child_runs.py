"""The runs that a conductor starts: one service to one step each, by whatever carries runs out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from springtide.errors import SpringtideError
from springtide.events.waves import ChildRunState, ServicePlan
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import OpenStore
from springtide.recovery.rounds import COMMAND_LINE
from springtide.run.ports import RunRequest
from springtide.run.request_parameters import RELEASE

LONGEST_PARENT: Final = 150
"""Characters of a conductor's name in those of its runs: the store and Airflow take 250 in all."""

LONGEST_REASON: Final = 500

ASKED_AT_ONCE: Final = 10
"""Runs in one question: their names stand in its address, and of few that one has ended among, each is asked for."""

_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_.~:+-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRun:
    """What one run is asked for: from `before` to `replicas`; where `is_release`, by giving a raised minimum back.

    `until` is when a raised minimum lapses, None where it is not one or lapses as the policy says. `override` says who
    lifts a pause for it and why, "" where nobody does. `event` is the id of the occurrence that it prepares, "" where
    it prepares none.
    """

    run_id: str
    service: str
    before: int
    replicas: int
    reason: str
    is_release: bool = False
    until: datetime | None = None
    override: str = ""
    event: str = ""

    @classmethod
    def of(cls, order: ServicePlan, step: int, run_id: str, *, override: str = "") -> ChildRun:
        """Return the run that takes the order's service to its step."""
        return cls(
            run_id=run_id,
            service=order.service,
            before=order.before(step),
            replicas=order.steps[step],
            reason=order.reason[:LONGEST_REASON],
            is_release=order.gives_back and step == len(order.steps) - 1,
            until=order.until,
            override=override,
            event=order.event,
        )

    def request(self, policy: ScalingPolicy, *, requested_by: str) -> RunRequest:
        """Return the run as `springtide.run.pipeline` takes it."""
        return RunRequest(
            run_id=self.run_id,
            policy=policy,
            replicas=None if self.is_release else self.replicas,
            strategy=None,
            requested_by=requested_by,
            reason=self.reason,
            is_release=self.is_release,
            until=self.until,
            override=self.override,
            is_freeze_known=True,
            event=self.event,
        )

    def parameters(self) -> dict[str, Any]:
        """Return the run as what somebody asks of one by name and value: see `springtide.run.request_parameters`."""
        replicas = RELEASE if self.is_release else self.replicas
        asked = {"service": self.service, "replicas": replicas, "reason": self.reason}
        asked |= {"override": self.override} if self.override else {}
        asked |= {"until": self.until.isoformat()} if self.until else {}
        return asked | ({"event": self.event} if self.event else {})


def asked_one_by_one(state: Callable[[str], ChildRunState], run_ids: Iterable[str]) -> dict[str, ChildRunState]:
    """Return what has become of those that have ended, where asking for one costs as much as for many."""
    states = {run_id: state(run_id) for run_id in run_ids}
    return {run_id: became for run_id, became in states.items() if became is not ChildRunState.GOING}


def asked_in_parts(
    has_ended: Callable[[Sequence[str]], bool], state: Callable[[str], ChildRunState], run_ids: Sequence[str]
) -> dict[str, ChildRunState]:
    """Return what has become of those that have ended, where one question tells whether any of several has."""
    ended: dict[str, ChildRunState] = {}
    for first in range(0, len(run_ids), ASKED_AT_ONCE):
        part = run_ids[first : first + ASKED_AT_ONCE]
        if has_ended(part):
            ended |= asked_one_by_one(state, part)
    return ended


class ChildRuns(Protocol):
    """Starts runs that go on by themselves, several at a time, and says what became of each."""

    def start(self, run: ChildRun) -> None:
        """Start the run; one of this name that is there already is left as it is.

        Raises:
            PermanentError: it cannot be started (`run_not_started`).
            TemporaryError: nobody answers who could start it.
        """
        ...

    def state(self, run_id: str) -> ChildRunState:
        """Return what has become of a run that was started."""
        ...

    def ended(self, run_ids: Sequence[str]) -> dict[str, ChildRunState]:
        """Return what has become of those of these runs that have ended; none of them may be unknown."""
        ...

    def failure(self, run_id: str) -> str:
        """Return why a run failed, in its own words where there are any."""
        ...


def child_run_id(parent: str, service: str, step: int, *, way: str = "") -> str:
    """Return the name of the run that takes `service` to its step: the same whenever it is asked for.

    The service comes first: of a name that is cut off on a screen, it is what people look for. Only a name of the
    command line begins as that says (`COMMAND_LINE`), for by that its runs are judged when their process is gone.

    `parent` names the conductor among all conductors: in Airflow its DAG too, for a sweep and a preparation that are
    due at one instant have the same run id. `way` tells the way back of a rehearsal from the way there.
    """
    name = _ALLOWED.sub("-", parent)
    if len(name) > LONGEST_PARENT:
        digest = hashlib.sha256(parent.encode()).hexdigest()[:12]
        name = f"{name[: LONGEST_PARENT - 13]}.{digest}"
    is_marked = name.startswith(COMMAND_LINE) or service.startswith(COMMAND_LINE)
    named = f"{name}__{service}" if is_marked else f"{service}__{name}"
    return f"{named}__{way}{step}"


def failure_in_store(open_store: OpenStore, run_id: str) -> str:
    """Return why a run failed, in its own words where the store has them."""
    try:
        with open_store() as store:
            error = store.get(run_id).error
    except SpringtideError:
        error = None
    return f"run {run_id} failed" + (f": {error['message']}" if error else "")
