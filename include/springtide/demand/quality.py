"""The gate before any model. Pure, and fast enough for every run.

    refuse   no sample, out of order, from the future; in the newest hour NaN, infinite, negative or beyond `at_most`
    hold     older than `max_age`, more gaps than `max_missing`, a sudden fall (`fall`)
    told     such values before the newest hour, which are holes; a history that is shorter than `lookback`
    pass     everything else

Once a day the DAG `capacity_history` asks the same of a whole day with great-expectations (`expectations`), which
keeps pages for people; it takes four seconds to import, so no run waits for it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from springtide.demand.local_time import clock_of
from springtide.demand.steps import steps_of
from springtide.demand.sudden_drop import fallen_from
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable
from springtide.quantities import round_down

if TYPE_CHECKING:
    from springtide.demand.model import DemandSeries
    from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

_CLOCK_SKEW = 60.0  # seconds that the source's clock may be ahead; more is an error of one of the clocks

NEWEST: Final = 3600.0
"""Seconds before the end of what is read in which nothing may be impossible: what is decided now is decided by it."""

_LEAST_HISTORY: Final = 86400.0  # of a history that counts as short and not as broken: seasons are days at least


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
    told = (_left_out(series), _short_history(series, spec, now))
    findings = (_age(series, spec, now), _gaps(series, spec, now), falls, *told)
    return QualityVerdict(tuple(finding for finding in findings if finding is not None))


def believable(series: DemandSeries, spec: PrometheusDemand | FileDemand, *, now: datetime) -> DemandSeries:
    """Return `series` without values before the newest hour that are no demand, or beyond `quality.at_most`.

    Three weeks ago such a value is a hole in the history; now it is a reason to refuse. `judge` refuses whatever it is
    given, so what runs read goes through here first.
    """
    most = math.inf if spec.quality.at_most is None else spec.quality.at_most
    old = series.times <= now.timestamp() - NEWEST
    beyond = old & ~((series.values >= 0) & (series.values <= most) & np.isfinite(series.values))
    if not beyond.any():
        return series
    left_out = np.sort(np.concatenate((series.left_out, series.times[beyond])))
    return replace(series, times=series.times[~beyond], values=series.values[~beyond], left_out=left_out)


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
    start = _begin(series, spec, now)
    expected = max(1, int((now.timestamp() - start) // step))
    # Steps that hold a sample, not samples: two in one step do not make up for a gap.
    # Times ascend, so equal steps lie beside each other.
    held = 1 + int(np.count_nonzero(np.diff(steps_of(series.times, step))))
    missing = max(0, expected - held)
    if missing <= round_down(expected * spec.quality.max_missing):
        return None
    # The ends of the range are edges, too: most gaps are at one of them, and each has another cause.
    edges = np.concatenate(([start], series.times, [now.timestamp()]))
    longest = int(np.argmax(np.diff(edges)))
    return _held(
        "gaps",
        f"{missing} of {expected} samples are missing ({missing / expected:.1%}), quality.max_missing allows "
        f"{spec.quality.max_missing}; the longest gap is from {_clock(edges[longest])} to {_clock(edges[longest + 1])}."
        f"{_hint(series, step, at_start=longest == 0)}",
    )


def _begin(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> float:
    """Return from when on samples are to be expected: the first one's time where the history is only short."""
    start = now.timestamp() - spec.lookback.total_seconds()
    first = float(series.times[0])
    return first if first - start > spec.step.total_seconds() and now.timestamp() - first >= _LEAST_HISTORY else start


def _short_history(series: DemandSeries, spec: PrometheusDemand | FileDemand, now: datetime) -> QualityFinding | None:
    start = now.timestamp() - spec.lookback.total_seconds()
    begin = _begin(series, spec, now)
    # The first day or so is gone wherever a retention is cut in blocks: less than that is nobody's business.
    if begin - start <= max(spec.step.total_seconds(), 0.02 * spec.lookback.total_seconds()):
        return None
    days = (now.timestamp() - begin) / 86400
    return QualityFinding(
        "short_history",
        QualityOutcome.PASS,
        f"demand is known for {days:.1f} days, from {_clock(begin)} on, and demand.lookback is {spec.lookback}: "
        "what is older is not there. A Prometheus keeps 15 days by default (--storage.tsdb.retention.time).",
    )


def _left_out(series: DemandSeries) -> QualityFinding | None:
    if not len(series.left_out):
        return None
    first = _clock(series.left_out[0])
    last = _clock(series.left_out[-1])
    when = f"at {first}" if first == last else f"between {first} and {last}"
    return QualityFinding(
        "left_out",
        QualityOutcome.PASS,
        f"{len(series.left_out)} samples {when} are no demand (NaN, infinite, negative or beyond quality.at_most) and "
        "count as gaps. Where that goes on, correct the query.",
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
