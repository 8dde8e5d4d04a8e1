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
CPU_WINDOW = 2
EXTERNAL_WINDOW = 4
TOLERANCE = 0.1
STABILIZATION = 20
"""Earlier recommendations that hold replicas up: 300 s at a sync of 15 s, both ends included."""
RUN_TICKS = 2
"""A plan takes effect 30 s after its decision: the run itself."""

DEMAND, MEAN, GROWTH = range(3)
"""Rows of a signal, in pods, per tick: demand; its mean over the 60 s before; how much that mean rose in 3 minutes."""
KIND, TARGET, HEADROOM, TREND, ROW = range(5)
"""Rows of a control, per day: who decides, the autoscaler's target, headroom and trend, the row of plans to follow."""
PLAN, CPU, EXTERNAL = range(3)
"""Kinds: the plan alone, an HPA on CPU, an HPA on an external metric; plans are the floor of both."""
CREATED, READY, DUE, WANTED = range(4)
"""Rows of a log, per tick: pods created, Ready, becoming Ready in this tick, and what the autoscaler wanted."""
VIOLATED, NEARLY, UNDERSERVED, PAID, CHANGES = range(5)
"""Rows of a tally, per day: minutes violated and nearly so, pod-minutes missing, pod-minutes paid, changes."""


class ReplayInput(NamedTuple):
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
    current = log[CREATED, tick]
    ready = log[READY, tick]
    used = 0.0
    # A saturated pod shows 100 % whatever waits for it: CPU cannot say how much demand is beyond what is Ready.
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
def want_by_metric(setting: Floats, signal: Floats, tick: int, current: int) -> int:
    """Return what HPA v2 wants by an external metric (AverageValue): demand in pods over target, headroom and trend."""
    pods = signal[MEAN, tick] + setting[TREND] * signal[GROWTH, tick]
    pods = pods / setting[TARGET] + setting[HEADROOM] * np.sqrt(pods)
    if abs(pods / current - 1.0) <= TOLERANCE:
        return current
    return round_up(pods)


@inlined
def behave(log: Counts, tick: int, floor: int, first: int) -> int:
    """Return replicas after HPA v2's default behaviour: at once to the floor, x2 or +4 up, the 300 s maximum down."""
    current = log[CREATED, tick]
    want = log[WANTED, tick]
    if current < floor:
        return floor  # a raised minReplicas is applied at once: the behaviour's limits are for recommendations
    if want < current:
        # The stabilization window: it shrinks only to the largest of what was wanted in the last 300 s.
        for earlier in range(max(first, tick - STABILIZATION), tick):
            want = max(want, log[WANTED, earlier])
        return int(max(floor, min(current, want)))
    return int(max(floor, min(want, max(2 * current, current + 4))))


@inlined
def decide(setting: Floats, signal: Floats, log: Counts, tick: int, floor: int) -> int:
    """Return the replicas that the controller asks for in this tick; `setting` is the control's column of the day."""
    current = log[CREATED, tick]
    kind = setting[KIND]
    if kind == PLAN:
        return floor if floor > 0 else int(current)
    first = CPU_WINDOW if kind == CPU else EXTERNAL_WINDOW
    if tick < first:
        return int(current)
    if kind == CPU:
        log[WANTED, tick] = want_by_cpu(signal, log, tick, setting[TARGET])
    else:
        log[WANTED, tick] = want_by_metric(setting, signal, tick, current)
    return behave(log, tick, floor, first)


@inlined
def scale(log: Counts, tick: int, desired: int, startup: int) -> None:
    """Create pods that are Ready after `startup` ticks, or remove pods: the newest unready ones first."""
    gone = log[CREATED, tick] - desired  # negative: so many come
    log[CREATED, tick] = desired
    if gone < 0:
        log[DUE, tick + startup] -= gone
        return
    # Kubernetes' own order: pods that are not Ready go before those that serve, the youngest of them first.
    newest = tick + startup
    while gone > 0 and newest > tick:
        spared = min(gone, log[DUE, newest])
        log[DUE, newest] -= spared
        gone -= spared
        newest -= 1
    log[READY, tick] -= gone


@compiled
def drive(course: ReplayInput, control: Floats, log: Counts, start: int) -> None:
    """Run the whole history from `start` Ready replicas into `log`: empty, and `startup` + 1 ticks longer."""
    signal = course.signal
    plans = course.plans
    startup = course.startup
    created = ready = start
    floor = 0
    for minute in range(signal.shape[1] // TICKS):
        day = (minute + course.offset) // DAY
        setting = control[:, day]
        for tick in range(minute * TICKS, minute * TICKS + TICKS):
            # A plan is made on the minute and acts when its run has: until then the old one holds.
            if tick % TICKS == RUN_TICKS and minute % course.interval == 0:
                floor = plans[int(setting[ROW]), minute // course.interval]
            log[CREATED, tick] = created
            log[READY, tick] = ready + log[DUE, tick]
            # Alone a plan is the replica count, and 0 says "as it is"; over an autoscaler it is one of two minimums.
            least = floor if setting[KIND] == PLAN else max(floor, course.fewest)
            desired = decide(setting, signal, log, tick, least)
            if desired != created:
                scale(log, tick, desired, startup)
            created = log[CREATED, tick]
            ready = log[READY, tick]


@compiled
def tally(course: ReplayInput, log: Counts, near: float, days: Floats) -> None:
    """Add up each day into `days`; a minute is nearly violated if demand times `near` would have violated it."""
    signal = course.signal
    before = log[CREATED, 0]
    for minute in range(signal.shape[1] // TICKS):
        day = (minute + course.offset) // DAY
        demand = signal[DEMAND, minute * TICKS]
        missing = 0.0
        paid = 0
        changes = 0
        fewest = log[READY, minute * TICKS]
        for tick in range(minute * TICKS, minute * TICKS + TICKS):
            fewest = min(fewest, log[READY, tick])
            missing += max(0.0, demand - log[READY, tick])
            paid += log[CREATED, tick]
            changes += log[CREATED, tick] != before  # a change of replicas, however many: each is work for a cluster
            before = log[CREATED, tick]
        days[VIOLATED, day] += fewest < demand
        days[NEARLY, day] += fewest < demand * near
        days[UNDERSERVED, day] += missing / TICKS
        days[PAID, day] += paid / TICKS
        days[CHANGES, day] += changes


@compiled
def sweep(course: ReplayInput, settings: Floats, near: float, days: Floats) -> None:
    """Replay every column of `settings` (rows as in a control) on all days; `days[setting]` becomes its tally."""
    log = np.zeros((4, course.signal.shape[1] + course.startup + 1), np.int64)
    for i in range(settings.shape[1]):
        # One setting for all days: which day takes which is chosen afterwards, from these tallies.
        control = np.ones((5, days.shape[2]))
        for row in range(5):
            control[row] *= settings[row, i]
        log[DUE] = 0  # the other rows are written before they are read, in every tick
        start = max(course.fewest, int(np.ceil(course.signal[DEMAND, 0] / settings[TARGET, i])))
        drive(course, control, log, start)
        tally(course, log, near, days[i])
