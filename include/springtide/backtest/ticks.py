"""The simulator's loop, one tick of 15 s after the other. Compiled: imported inside functions only.

In a tick: pods that are due become Ready; the controller decides from earlier ticks; new pods are paid from now and
Ready after the startup time; a scale-down removes the newest unready pods first. The autoscaler is that of Kubernetes
1.34 (HPA v2).

Everything is kept in plain two-dimensional arrays whose rows are named below: taking arrays out of tuples in the loop
costs more than the loop (references are counted).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from springtide.capacity.compiled import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

TICKS = 4
DAY = 1440
CPU_WINDOW, EXTERNAL_WINDOW = 2, 4
TOLERANCE = 0.1
STABILIZATION = 20
"""Earlier recommendations that hold replicas up: 300 s at a sync of 15 s, both ends included."""
RUN_TICKS = 2
"""A plan takes effect 30 s after its decision: the run itself."""

DEMAND, MEAN, GROWTH = 0, 1, 2
"""Rows of a signal, in pods, per tick: demand; its mean over the 60 s before; how much that mean rose in 3 minutes."""
KIND, TARGET, HEADROOM, TREND, ROW = 0, 1, 2, 3, 4
"""Rows of a control, per day: who decides, the autoscaler's target, headroom and trend, the row of plans to follow."""
PLAN, CPU, EXTERNAL = 0, 1, 2
"""Kinds: the plan alone, an HPA on CPU, an HPA on an external metric; plans are the floor of both."""
CREATED, READY, DUE, WANTED = 0, 1, 2, 3
"""Rows of a log, per tick: pods created, Ready, becoming Ready in this tick, and what the autoscaler wanted."""
VIOLATED, NEARLY, UNDERSERVED, PAID, CHANGES = 0, 1, 2, 3, 4
"""Rows of a tally, per day: minutes violated and nearly so, pod-minutes missing, pod-minutes paid, changes."""


class Course(NamedTuple):
    """What a replay runs on. `plans[row, decision]` are replicas, 0 for none; a pod takes `startup` ticks to be Ready.

    `offset` is the minute of the first day at which the signal begins; `fewest` replicas always run.
    """

    signal: Floats
    plans: Counts
    interval: int
    startup: int
    offset: int
    fewest: int


@inlined
def round_up(pods: float) -> int:
    """Return whole pods. Kubernetes counts in thousandths: 7.000000001 pods are 7."""
    return int(np.ceil(pods - 1e-9))


@inlined
def want_by_cpu(signal: Floats, log: Counts, tick: int, target: float) -> int:
    """Return what HPA v2 wants by mean CPU of the Ready pods; unready ones count as idle on the way up."""
    current, ready = log[CREATED, tick], log[READY, tick]
    used = 0.0
    for earlier in range(tick - CPU_WINDOW, tick):
        used += min(1.0, signal[DEMAND, earlier] / log[READY, earlier])
    ratio = used / CPU_WINDOW / target
    counted = ready
    if ratio > 1.0 and ready < current:
        counted = current
        ratio = max(1.0, ratio * ready / current)  # no change of direction by counting the unready
    if abs(ratio - 1.0) <= TOLERANCE:
        return int(current)
    return round_up(ratio * counted)


@inlined
def want_by_metric(control: Floats, signal: Floats, tick: int, day: int, current: int) -> int:
    """Return what HPA v2 wants by an external metric (AverageValue): demand in pods over target, headroom and trend."""
    pods = signal[MEAN, tick] + control[TREND, day] * signal[GROWTH, tick]
    pods = pods / control[TARGET, day] + control[HEADROOM, day] * np.sqrt(pods)
    if abs(pods / current - 1.0) <= TOLERANCE:
        return current
    return round_up(pods)


@inlined
def behave(log: Counts, tick: int, floor: int, first: int) -> int:
    """Return replicas after HPA v2's default behaviour: at once to the floor, x2 or +4 up, the 300 s maximum down."""
    current, want = log[CREATED, tick], log[WANTED, tick]
    if current < floor:
        return floor
    if want < current:
        for earlier in range(max(first, tick - STABILIZATION), tick):
            want = max(want, log[WANTED, earlier])
        return int(max(floor, min(current, want)))
    return int(max(floor, min(want, max(2 * current, current + 4))))


@inlined
def decide(  # noqa: PLR0917 - numba passes nothing by keyword
    control: Floats, signal: Floats, log: Counts, tick: int, day: int, floor: int
) -> int:
    """Return the replicas that the controller asks for in this tick."""
    current = log[CREATED, tick]
    kind = control[KIND, day]
    if kind == PLAN:
        return floor if floor > 0 else int(current)
    first = CPU_WINDOW if kind == CPU else EXTERNAL_WINDOW
    if tick < first:
        return int(current)
    if kind == CPU:
        log[WANTED, tick] = want_by_cpu(signal, log, tick, control[TARGET, day])
    else:
        log[WANTED, tick] = want_by_metric(control, signal, tick, day, current)
    return behave(log, tick, floor, first)


@inlined
def scale(log: Counts, tick: int, desired: int, startup: int) -> None:
    """Create pods that are Ready after `startup` ticks, or remove pods: the newest unready ones first."""
    gone = log[CREATED, tick] - desired
    log[CREATED, tick] = desired
    if gone < 0:
        log[DUE, tick + startup] -= gone
        return
    newest = tick + startup
    while gone > 0 and newest > tick:
        spared = min(gone, log[DUE, newest])
        log[DUE, newest] -= spared
        gone -= spared
        newest -= 1
    log[READY, tick] -= gone


@compiled
def drive(course: Course, control: Floats, log: Counts, start: int) -> None:
    """Run the whole history from `start` Ready replicas into `log`: empty, and `startup` + 1 ticks longer."""
    signal, plans, startup = course.signal, course.plans, course.startup
    created = ready = start
    floor = 0
    for minute in range(signal.shape[1] // TICKS):
        day = (minute + course.offset) // DAY
        for tick in range(minute * TICKS, minute * TICKS + TICKS):
            if tick % TICKS == RUN_TICKS and minute % course.interval == 0:
                floor = plans[int(control[ROW, day]), minute // course.interval]
            log[CREATED, tick], log[READY, tick] = created, ready + log[DUE, tick]
            least = floor if control[KIND, day] == PLAN else max(floor, course.fewest)
            desired = decide(control, signal, log, tick, day, least)
            if desired != created:
                scale(log, tick, desired, startup)
            created, ready = log[CREATED, tick], log[READY, tick]


@compiled
def tally(course: Course, log: Counts, near: float, days: Floats) -> None:
    """Add up each day into `days`; a minute is nearly violated if demand times `near` would have violated it."""
    signal = course.signal
    before = log[CREATED, 0]
    for minute in range(signal.shape[1] // TICKS):
        day = (minute + course.offset) // DAY
        demand = signal[DEMAND, minute * TICKS]
        missing, paid, changes = 0.0, 0, 0
        fewest = log[READY, minute * TICKS]
        for tick in range(minute * TICKS, minute * TICKS + TICKS):
            fewest = min(fewest, log[READY, tick])
            missing += max(0.0, demand - log[READY, tick])
            paid += log[CREATED, tick]
            changes += log[CREATED, tick] != before
            before = log[CREATED, tick]
        days[VIOLATED, day] += fewest < demand
        days[NEARLY, day] += fewest < demand * near
        days[UNDERSERVED, day] += missing / TICKS
        days[PAID, day] += paid / TICKS
        days[CHANGES, day] += changes


@compiled
def sweep(course: Course, settings: Floats, near: float, days: Floats) -> None:
    """Replay every column of `settings` (rows as in a control) on all days; `days[setting]` becomes its tally."""
    log = np.zeros((4, course.signal.shape[1] + course.startup + 1), np.int64)
    for i in range(settings.shape[1]):
        control = np.ones((5, days.shape[2]))
        for row in range(5):
            control[row] *= settings[row, i]
        log[DUE] = 0
        start = max(course.fewest, int(np.ceil(course.signal[DEMAND, 0] / settings[TARGET, i])))
        drive(course, control, log, start)
        tally(course, log, near, days[i])
