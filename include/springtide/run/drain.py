"""The time between the switch and the end of the stable set, judged as a whole and not by its last instant.

What a look finds that is a reason to point back ends the phase, and the run rolls back: the Service is pointed at the
stable set, and a new drain begins there. What has to be known for that of the pods that have the traffic stands in the
Lease before they get it, so that no crash forgets it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from springtide.clock import Clock
from springtide.errors import WorkloadFailed
from springtide.kube.observation import Observation
from springtide.policy.scaling.strategy import BlueGreen
from springtide.run.engine import Decide
from springtide.run.gates import judge, moves_traffic, new_pods
from springtide.run.journal import keep_verdict
from springtide.run.ports import Ports
from springtide.run.questions import questions_of
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.strategy.model import Decision, RunOrder, Wait
from springtide.strategy.serving import has_way_back, takes_away, why_point_back, why_unstable
from springtide.verify.smoke import smoke_test
from springtide.verify.steadiness import marks_of
from springtide.verify.verdict import VerdictStatus

LOOK_SECONDS: Final = 1.0
"""How often what has the traffic is looked at while something else is asked or waited for."""

CONDITION_SECONDS: Final = 10.0
"""How often the conditions of the policy are asked during the drain: a rate moves no faster."""

_SINCE_SWITCH: Final = (Phase.SWITCH_ENDPOINTS, Phase.ENDPOINTS_SWITCHED, Phase.REMOVE_OLD_INSTANCES)


def drain_gate(ports: Ports, work: Work, phase: Phase, decide: Decide) -> Decide:
    """Return `decide` behind the judgement of what serves since the switch; `decide` itself in any other phase."""
    return drain_gates(ports, work, phase, decide)[0]


def drain_gates(
    ports: Ports, work: Work, phase: Phase, decide: Decide, hint: Decide | None = None
) -> tuple[Decide, Decide]:
    """Return `decide` and `hint` behind the judgement of what serves since the switch; themselves in any other phase.

    The decision that is returned raises `WorkloadFailed` when the run has to roll back: new pods restarted, went or
    were not ready, fewer endpoints than the floor are, or a condition does not hold. It keeps in the Lease which pods
    it relies on, before the write that gives them traffic or takes stable pods away. The hint raises the same of the
    pods, asks for no condition, and writes nothing.
    """
    hint = hint or decide
    is_removal = phase is Phase.REMOVE_OLD_INSTANCES
    if phase not in _SINCE_SWITCH or not (is_removal or isinstance(work.state.settings, BlueGreen)):
        return decide, hint
    gate = _DrainGate(
        decide=decide, relied=work, is_removal=is_removal, conditions=_Conditions(ports, work, ports.clock.monotonic())
    )
    return gate.decided, lambda observation, order: gate.steady(hint(observation, order), observation, order)


@dataclass(slots=True, kw_only=True)
class _DrainGate:
    """A decision behind the judgement of what serves; `relied` is the work with the pods that the run relies on."""

    decide: Decide
    relied: Work
    is_removal: bool
    conditions: _Conditions

    def decided(self, observation: Observation, order: RunOrder) -> Decision:
        """Return the decision, or why it has to wait."""
        decision = self.decide(observation, order)
        if moves_traffic(decision):
            self.relied = self.relied.rely_on(marks_of(new_pods(observation, order)))
            return decision
        decision = self.steady(decision, observation, order)
        takes = self.is_removal and takes_away(decision, observation, order)
        if takes or (self.is_removal and has_way_back(observation, order)):
            problem = self.conditions.problem(is_needed=takes)
            if problem is not None:
                return Wait(problem)
        if takes and isinstance(order.settings, BlueGreen):
            serving = marks_of(new_pods(observation, order))
            self.relied = self.relied.rely_on(serving | (self.relied.state.serving or {}))
        return decision

    def steady(self, decision: Decision, observation: Observation, order: RunOrder) -> Decision:
        """Return `decision`, whose wait is urgent here.

        Raises:
            WorkloadFailed: what was switched to does not serve well.
        """
        if moves_traffic(decision):
            return decision
        reason = why_point_back(observation, order, self.relied.state.serving, is_proven=self.is_removal)
        if reason is not None:
            raise _not_steady(reason)
        return replace(decision, is_urgent=True) if isinstance(decision, Wait) else decision


class Watch:
    """Looks at what has the traffic while the smoke test asks it: called often, it looks once a second."""

    def __init__(self, ports: Ports, work: Work) -> None:
        self._clock = ports.clock
        self._work = work
        self._due = ports.clock.monotonic()

    def __call__(self) -> None:
        """Renew the Lease where it is time, and look where it is.

        Raises:
            WorkloadFailed: what was switched to does not serve well.
            Fenced: the run does not own the workload any more.
        """
        self._work.engine.heartbeat()
        if self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + LOOK_SECONDS
        state = self._work.state
        observation = self._work.engine.look()
        if isinstance(state.settings, BlueGreen):
            reason = why_point_back(observation, state.order, state.serving, is_proven=True)
        else:
            reason = why_unstable(observation, state.order)
        if reason is not None:
            raise _not_steady(reason)


@dataclass(frozen=True, slots=True)
class WatchingClock:
    """A clock that goes on looking while it sleeps."""

    clock: Clock
    watch: Watch

    def now(self) -> datetime:
        """Return the time of day."""
        return self.clock.now()

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return self.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep, and look once a second; what that raises ends the sleep."""
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.clock.sleep(min(LOOK_SECONDS, left))
            self.watch()


@dataclass(slots=True)
class _Conditions:
    """The smoke test's PromQL conditions, asked again; `asked_at` is when, by the monotonic clock."""

    ports: Ports
    work: Work
    asked_at: float

    def problem(self, *, is_needed: bool) -> str | None:
        """Return why the answers are not there yet, where they are needed; None when nothing speaks against going on.

        Asked now and then, and always when `is_needed`: then no answer is not enough.

        Raises:
            WorkloadFailed: a condition does not hold, or is inconclusive where the policy takes that as fail.
            PermanentError: inconclusive where the policy holds.
        """
        state = self.work.state
        is_due = is_needed or self.ports.clock.monotonic() - self.asked_at >= CONDITION_SECONDS
        stored = [check for check in state.smoke if check.promql is not None]
        if not stored or not is_due:
            return None
        asked = questions_of(self.ports, state)
        unasked = asked.unasked("its conditions", stored)
        if unasked is not None:
            return unasked if is_needed else None
        checks = [check for check in asked.smoke if check.promql is not None]
        ways = self.ports.ways_to(state.plan.target)
        verdict = smoke_test(checks, None, ways, self.ports.instant, between=self.work.engine.heartbeat)
        self.asked_at = self.ports.clock.monotonic()
        if verdict.status is VerdictStatus.FAIL or (is_needed and verdict.status is not VerdictStatus.PASS):
            keep_verdict(self.ports, self.work.ref.run_id, verdict.to_record())
            judge(self.work, verdict)
        return None


def _not_steady(reason: str) -> WorkloadFailed:
    return WorkloadFailed(f"{reason}. The run is rolled back while the stable pods are there.", code="not_steady")
