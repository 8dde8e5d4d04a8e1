"""The gate before any model. Pure, and fast enough for every run.

    refuse   no sample, NaN, infinite, negative, beyond `at_most`, out of order, from the future
    hold     older than `max_age`, more gaps than `max_missing`, a sudden fall (`fall`)
    pass     everything else

Once a day the DAG `capacity_history` asks the same of a whole day with great-expectations (`expectations`), which
keeps pages for people; it takes four seconds to import, so no run waits for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from springtide.demand.local_time import clock_of
from springtide.demand.sudden_drop import fallen_from
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable
from springtide.quantities import round_down

if TYPE_CHECKING:
    from springtide.demand.model import DemandSeries
    from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

_CLOCK_SKEW = 60.0  # seconds that the source's clock may be ahead; more is an error of one of the clocks


def judge(
    series: DemandSeries, spec: PrometheusDemand | FileDemand, *, now: datetime, expected: float | None = None
) -> QualityVerdict:
    """Return what `series`, read over the `lookback` before `now`, is good for by the rules of `spec.quality`.

    `expected` is the lowest five-minute maximum at this time on earlier days, None where none were kept.
    """
    for rule in (_values, _order, _future):
        broken = rule(series, spec, now)
        if broken is not None:
            return QualityVerdict((broken,))  # the other rules would say nonsense
    falls = _fall(series, spec, now, expected)
    findings = (_age(series, spec, now), _gaps(series, spec, now), falls)
    return QualityVerdict(tuple(finding for finding in findings if finding is not None))


def check_quality(
    series: DemandSeries, spec: PrometheusDemand | FileDemand, *, now: datetime, expected: float | None = None
) -> QualityVerdict:
    """Return the verdict on demand that may be acted on, if only by holding what runs.

    Raises:
        DemandUnusable: it must not be acted on (`capacity_unusable`); the message names the source, the value and the
            time.
    """
    verdict = judge(series, spec, now=now, expected=expected)
    if verdict.outcome is QualityOutcome.REFUSE:
        raise unusable(series.source, verdict.message)
    return verdict


def unusable(source: str, problem: str) -> DemandUnusable:
    """Return the error for demand of `source` that must not be acted on."""
    return DemandUnusable(f"demand of {source}: {problem}", code="capacity_unusable", field="demand")


def _values(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> QualityFinding | None:
    del now
    if not len(series):
        return _refused("empty", "there is no sample. Is the query right, and is the service measured?")
    wrong = ~np.isfinite(series.values) | (series.values < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        return _refused(
            "range",
            f"{int(wrong.sum())} of {len(series)} samples are NaN, infinite or negative, first {series.values[first]} "
            f"at {_clock(series.times[first])}. Demand is a finite number, at least 0: correct the query.",
        )
    most = spec.quality.at_most
    if most is not None and (series.values > most).any():
        first = int(np.argmax(series.values > most))
        return _refused(
            "range",
            f"{series.values[first]:g} {series.unit} at {_clock(series.times[first])} is more than quality.at_most "
            f"{most:g}. If it is real, raise that.",
        )
    return None


def _order(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> QualityFinding | None:
    del spec, now
    if (np.diff(series.times) <= 0).any():
        return _refused("duplicates", "its samples are not in order of time, or a time appears twice.")
    return None


def _future(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> QualityFinding | None:
    del spec
    newest = float(series.times[-1])
    ahead = newest - now.timestamp()
    if ahead > _CLOCK_SKEW:
        return _refused(
            "freshness",
            f"the newest sample, at {_clock(newest)}, lies {ahead:.0f} s in the future: two clocks differ.",
        )
    return None


def _age(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> QualityFinding | None:
    newest = float(series.times[-1])
    max_age = spec.quality.max_age
    age = now.timestamp() - newest
    if age <= max_age.total_seconds():
        return None
    return _held(
        "freshness",
        f"the newest sample, {series.values[-1]:g} {series.unit} at {_clock(newest)}, is {age:.0f} s old; "
        f"quality.max_age allows {max_age}. Is the service still measured?",
    )


def _gaps(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> QualityFinding | None:
    step = spec.step.total_seconds()
    expected = max(1, spec.lookback // spec.step)
    # Steps that hold a sample, not samples: two in one step do not make up for a gap.
    missing = max(0, expected - len(np.unique(series.times // step)))
    if missing <= round_down(expected * spec.quality.max_missing):
        return None
    start = now.timestamp() - spec.lookback.total_seconds()
    # The ends of the range are edges, too: most gaps are at one of them, and each has another cause.
    edges = np.concatenate(([start], series.times, [now.timestamp()]))
    longest = int(np.argmax(np.diff(edges)))
    return _held(
        "gaps",
        f"{missing} of {expected} samples are missing ({missing / expected:.1%}), quality.max_missing allows "
        f"{spec.quality.max_missing}; the longest gap is from {_clock(edges[longest])} to {_clock(edges[longest + 1])}."
        f"{_hint(series, step, at_start=longest == 0)}",
    )


def _fall(
    series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime, expected: float | None
) -> QualityFinding | None:
    if float(spec.quality.sudden_fall) == 1:
        return None  # demand cannot fall by more than all of it: the rule is off
    level = fallen_from(series, spec.quality.sudden_fall, now.timestamp(), expected, clock_of(spec))
    if level is None:
        return None
    before = f"{level:g} {series.unit} " + ("before" if expected is None else "at this time of the days before")
    return _held(
        "sudden_fall",
        f"demand fell from {before} to {series.values[-1]:g}, by more than quality.sudden_fall "
        f"{spec.quality.sudden_fall}: that is more often an outage than customers who left. If it is real, ask for a "
        "number of replicas.",
    )


def _held(rule: str, message: str) -> QualityFinding:
    return QualityFinding(rule, QualityOutcome.HOLD, message)


def _refused(rule: str, message: str) -> QualityFinding:
    return QualityFinding(rule, QualityOutcome.REFUSE, message)


def _hint(series: DemandSeries, step: float, *, at_start: bool) -> str:
    spacing = float(np.median(np.diff(series.times))) if len(series) > 1 else step
    if spacing >= 2 * step:
        return f" Samples are {spacing:g} s apart: set demand.step to that."
    return " A younger service needs a shorter demand.lookback." if at_start else ""


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
