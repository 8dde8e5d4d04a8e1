"""Today's setting for one service: what production does once a day, outside of any run.

The same choice as in the walk-forward backtest (`policies`), of which it is the last step: the days end now instead of
at the start of the scored part, and only those that are looked at are replayed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from springtide.backtest.policies import ControlMode
from springtide.backtest.simulate import Plans, SimulatedAutoscaler, replay_autoscaler
from springtide.backtest.trace import Trace
from springtide.backtest.tuning import (
    ALONE,
    BUDGET,
    FLOOR,
    SLO,
    choose,
    overspending,
    plan_rows,
    reached,
    replay_grid,
)
from springtide.capacity.learned import fingerprint_of
from springtide.capacity.minutes import DAY, HOUR, MINUTE
from springtide.capacity.setting import Tuned
from springtide.demand.local_time import STEADY, LocalClock

if TYPE_CHECKING:
    from datetime import datetime

    from springtide.backtest.simulate import Days
    from springtide.capacity.minutes import Minutes
    from springtide.policy.scaling.auto import AutoSpec


def control_of(spec: AutoSpec) -> ControlMode:
    """Return the way of control that a policy asks for.

    A floor under an autoscaler as it is can only add pods, so there `budget` weighs each against what it prevents.
    """
    under = SimulatedAutoscaler(spec.hpa.metric, spec.hpa.target)
    if spec.objective == "slo":
        return ControlMode(spec.autoscaler, SLO, under)
    return ControlMode(spec.autoscaler, FLOOR if spec.autoscaler == "floor" else BUDGET, under)


def service_history(seen: Minutes, spec: AutoSpec, *, fewest: int, clock: LocalClock = STEADY) -> Trace:
    """Return what is replayed: `seen`, of which the last whole days are looked at, at most 7; the rest is history."""
    interval = spec.interval.total_seconds() // MINUTE
    days = min(len(seen) // DAY, SLO.days)
    # Decisions fall on multiples of the interval from the trace's start, and one must fall on the start of scoring.
    cut = int((len(seen) - days * DAY) % interval)
    first = len(seen) - cut - days * DAY
    return Trace(
        name="service",
        start=seen.start + cut * MINUTE,
        demand=seen.values[cut:],
        scored=min(first, len(seen) - cut - 1),
        per_replica=spec.per_replica,
        fewest=fewest,
        clock=clock,
    )


def tune_today(
    history: Trace, spec: AutoSpec, startup_seconds: float, *, now: datetime, before: Tuned | None = None
) -> Tuned | None:
    """Return the setting for the next 24 h, from the days of `history` that are scored; None with less than one.

    `before` is what was decided last: from the same data it is returned as it is, and what it overspent is saved now.
    """
    fingerprint = _fingerprint(history, spec, startup_seconds)
    # The same again on a retried task: deciding twice would count one day's overspending twice.
    if before is not None and before.fingerprint == fingerprint:
        return before
    if len(history.demand) - history.scored < DAY:
        return None
    control = control_of(spec)
    interval = int(spec.interval.total_seconds() // MINUTE)
    plans = plan_rows(history, startup_seconds, interval=interval)
    recent = _with_run_up(history)
    # Bounds need weeks of history, replays only the scored days: the plans are cut to where the replays begin.
    plans = Plans(plans.replicas[:, (history.scored - recent.scored) // interval :], interval)
    reference = replay_autoscaler(recent, control.under, startup_seconds).days.since(recent.first_day)
    kind = {"alone": ALONE, "floor": control.under.metric, "tuned": "rps"}[control.way]
    replayed = replay_grid(recent, control.settings, plans, startup_seconds, kind=kind).since(recent.first_day)
    days = recent.day_count - recent.first_day
    overspent = _overspent(before, control, replayed, reference)
    index = choose(replayed, reference, days, control.objective, overspent=overspent)
    assert index is not None  # there is a day
    minutes = DAY * days
    return Tuned(
        setting=control.settings[index],
        fingerprint=fingerprint,
        decided_at=now,
        days=days,
        violated_percent=100 * float(replayed.violated[index].sum()) / minutes,
        cost_ratio=float(replayed.pod_minutes[index].sum() / reference.pod_minutes.sum()),
        overspent=overspent,
        curve=reached(replayed, reference, minutes),
    )


def _with_run_up(history: Trace) -> Trace:
    """Return the scored days with up to an hour before them: a replay begins with pods that suit no setting."""
    first = history.scored - min(HOUR, history.scored // HOUR * HOUR)
    moved = history.start + first * MINUTE
    return replace(history, start=moved, demand=history.demand[first:], scored=history.scored - first)


def _overspent(before: Tuned | None, control: ControlMode, replayed: Days, reference: Days) -> float:
    """Return what was spent over budget so far, with the day that is over now."""
    if before is None or before.setting not in control.settings:
        return 0.0  # the policy was changed, and with it what counts as over budget
    index = control.settings.index(before.setting)
    last = replayed.pod_minutes.shape[1] - 1
    return before.overspent + overspending(replayed, reference, index, last, control.objective)


def _fingerprint(history: Trace, spec: AutoSpec, startup_seconds: float) -> str:
    settings = f"{fingerprint_of(spec)} {startup_seconds:g} {history.start:.0f} {history.scored} {history.fewest} "
    if history.clock != STEADY:
        settings += f"{history.clock.zone} "
    return hashlib.sha256(settings.encode() + history.demand.tobytes()).hexdigest()[:16]
