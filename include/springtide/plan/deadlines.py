"""Whether a run can end within its deadlines: what it is certain to take, by the workload's own words, beside them.

A deadline that cannot be met would end the run half-way: a Service that is pinned, a Deployment that is paused. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from springtide.kube.objects import WorkloadObject
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.grace import known_stop_seconds
from springtide.plan.model import ScalingPlan
from springtide.plan.startup import startup_budget, startup_least
from springtide.policy.scaling.strategy import BlueGreen, InPlace, RunSettings

_CHECK: Final = "deadlines"
_CODE: Final = "deadline_too_short"
_NOTHING: Final = timedelta(0)


def deadline_findings(
    scaled: WorkloadObject,
    plan: ScalingPlan,
    settings: RunSettings,
    *,
    window: timedelta = _NOTHING,
    is_drain_chosen: bool = True,
) -> Iterator[Finding]:
    """Yield what is known of `deadlines.ready` and `deadlines.removed`.

    What is certain to take longer is refused. Where only probes allow a longer start, or only the default of `drain`
    makes a removal longer, it is a warning. `window` is for how long the stability test watches before the removal.
    """
    if isinstance(settings, BlueGreen) or plan.replicas > plan.current:
        yield _ready(scaled, settings)
    removal = _removal(scaled, plan, settings, window)
    if removal is not None:
        yield _removed(removal, settings, is_drain_chosen=is_drain_chosen)


def _ready(scaled: WorkloadObject, settings: RunSettings) -> Finding:
    limit = settings.deadlines.ready
    least = startup_least(scaled)
    budget = startup_budget(scaled)
    times = (
        f"a new pod is available {least:g} s after its start at the earliest (its probes' initial delays and "
        f"minReadySeconds {scaled.min_ready_seconds}), strategy.deadlines.ready is {limit}"
    )
    if least >= limit.total_seconds():
        return _finding(FindingStatus.REFUSED, f"{times}: no run can meet it. Raise it, or lower the delays.")
    if budget is not None and budget > limit.total_seconds():
        told = f"the probes let a new pod take {budget:g} s to start, strategy.deadlines.ready is {limit}"
        return _finding(FindingStatus.WARNING, f"{told}: a run gives up before the kubelet does.")
    return _finding(FindingStatus.PASSED, times)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Removal:
    """What a removal takes: `once`, then `steps` of `each` seconds; `may_add` more for each, while requests end."""

    once: float
    steps: int
    each: float
    may_add: float = 0.0
    text: str

    @property
    def least(self) -> float:
        return self.once + self.steps * self.each

    @property
    def most(self) -> float:
        return self.least + self.steps * self.may_add


def _removal(scaled: WorkloadObject, plan: ScalingPlan, settings: RunSettings, window: timedelta) -> _Removal | None:
    """Return what is removed; None where nothing is, or an autoscaler does it in its own time."""
    running = scaled.replicas
    peak = max(running, plan.replicas)
    stop = known_stop_seconds(scaled.pod_spec)
    step = settings.remove_step.of(peak)
    if isinstance(settings, InPlace) and plan.replicas < running:
        drain = settings.drain.total_seconds()
        steps = _steps(running - plan.replicas, step)
        text = f"{steps} steps of {step} pods"
        return _Removal(once=0.0, steps=steps, each=stop, may_add=drain, text=text)
    if not isinstance(settings, BlueGreen):
        return None
    if settings.overlap == "batched":
        return _exchange(scaled, plan, settings, stop)
    # The stable set to nothing, then the new one from the larger of both numbers to the target.
    steps = _steps(running, step) + _steps(peak - plan.replicas, step)
    drain = max(0.0, (settings.drain - window).total_seconds())
    return _Removal(once=drain, steps=steps, each=stop, text=f"{drain:g} s of drain, then {steps} steps of {step} pods")


def _exchange(scaled: WorkloadObject, plan: ScalingPlan, settings: BlueGreen, stop: float) -> _Removal:
    """Return what batches take: every one but the first waits for new pods, too."""
    running = scaled.replicas
    peak = max(running, plan.replicas)
    batch = settings.batch.of(peak)
    batches = _steps(running, batch)
    shrinks = _steps(peak - plan.replicas, settings.remove_step.of(peak))
    starts = (batches - 1) * startup_least(scaled)
    text = f"{batches} batches of {batch} pods with {starts:g} s of starts between them, and {shrinks} steps"
    return _Removal(once=starts, steps=batches + shrinks, each=stop, text=text)


def _steps(pods: int, step: int) -> int:
    return -(-pods // step)


def _removed(removal: _Removal, settings: RunSettings, *, is_drain_chosen: bool) -> Finding:
    limit = settings.deadlines.removed
    seconds = limit.total_seconds()
    is_certain = removal.least >= seconds
    counted = removal.least if is_certain else removal.most
    pause = f"preStop {removal.each:g} s" + (f" and drain {removal.may_add:g} s" if counted > removal.least else "")
    times = f"{removal.text}, each with {pause}: {counted:g} s; strategy.deadlines.removed is {limit}"
    if counted < seconds:
        return _finding(FindingStatus.PASSED, times)
    status = FindingStatus.REFUSED if is_certain or is_drain_chosen else FindingStatus.WARNING
    return _finding(status, f"{times}. Raise it, remove more at once (remove_step), or shorten preStop or drain.")


def _finding(status: FindingStatus, message: str) -> Finding:
    return Finding(check=_CHECK, status=status, message=message, code=_CODE if status is FindingStatus.REFUSED else "")
