"""Zero demand, held against other signals of the service: does what surrounds it live? Pure.

Demand of 0 may be an idle night, a broken counter or an outage. `demand.alive` names signals that move while the
service is used (requests at the ingress, CPU of its pods). They decide only when demand fell suddenly or is 0, and are
asked at every plan, so that a mistake in one of them shows on a quiet day.

    vanished   a signal is above 0: the service is used, and what measures its demand is broken
    outage     demand fell suddenly and no signal is above 0, or a signal is not there at all: metrics, or everything
    absent     the query says 0 where nothing is measured (`or vector(0)`), and nothing is: nobody knows demand
    no word    demand is 0, all signals are there and 0, and nothing fell suddenly: the service is idle

Each finding holds what runs, so demand that vanished never makes a service smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from springtide.demand.promql import without_fallback
from springtide.demand.sudden_drop import SLOT
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.errors import DemandUnavailable, DemandUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from springtide.demand.model import DemandSeries

_SHOWN = 80


def is_doubtful(series: DemandSeries, verdict: QualityVerdict, *, now: float) -> bool:
    """Say whether the signals are worth asking: demand fell suddenly, or was 0 in all of the last five minutes."""
    if _has_fallen(verdict):
        return True
    # One sample of 0 is an idle minute; five minutes of it may be a counter that nobody increments.
    latest = series.values[now - series.times < SLOT]
    return len(latest) > 0 and float(latest.max()) == 0.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What the signals say, by query (None: there is no such series), and what is wrong with those that say nothing."""

    values: Mapping[str, float | None] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def say_idle(self) -> bool:
        """Whether all of them are there, and 0."""
        return bool(self.values) and all(value == 0 for value in self.values.values())


def asked_signals(queries: Iterable[str], ask: Callable[[str], float | None], *, is_doubtful: bool) -> Signals:
    """Return what each of `queries` says now. One that cannot be absent is asked without its fallback.

    Raises:
        DemandUnavailable: one was not answered in time, and demand is doubtful.
    """
    values: dict[str, float | None] = {}
    problems: dict[str, str] = {}
    for query in queries:
        try:
            values[query] = ask(without_fallback(query) or query)
        except DemandUnusable as error:
            values[query] = None
            problems[query] = error.message
        except DemandUnavailable as error:
            if is_doubtful:
                raise
            problems[query] = error.message  # a quiet day's plan needs no signals
    missing = {query: "there is no such series" for query, value in values.items() if value is None}
    return Signals(values, {**missing, **problems})


def told_on_a_quiet_day(verdict: QualityVerdict, signals: Signals) -> QualityVerdict:
    """Return `verdict` with what is wrong with the signals, told while nothing depends on them."""
    told = tuple(
        QualityFinding(
            "alive",
            QualityOutcome.PASS,
            f"demand.alive: {_short(query)} would tell nothing if demand vanished: {problem}",
        )
        for query, problem in signals.problems.items()
    )
    return QualityVerdict((*verdict.findings, *told))


def absence(
    series: DemandSeries, query: str, signals: Signals, *, now: float, ask: Callable[[str], float | None] | None
) -> QualityFinding | None:
    """Return the finding on demand that its `query` makes up where nothing is measured; None where it is measured.

    Without an `ask`, 0 in all of the last five minutes is doubt enough.

    Raises:
        DemandUnavailable: whether it is measured was not answered in time.
    """
    bare = without_fallback(query)
    latest = series.values[now - series.times < SLOT]
    if bare is None or not len(latest) or float(np.ptp(latest)) > 0 or signals.say_idle:
        return None
    if ask is None:
        problem = "and nobody can be asked whether it is measured" if float(latest[0]) == 0 else None
    else:
        problem = _unmeasured(bare, ask)
    if problem is None:
        return None
    message = (
        f"demand is {latest[0]:g}, {problem}: its query has a fallback such as `or vector(0)`, which looks the same "
        "when nothing is measured. Take the fallback out, or name signals in demand.alive."
    )
    return QualityFinding("absent", QualityOutcome.HOLD, message)


def _unmeasured(bare: str, ask: Callable[[str], float | None]) -> str | None:
    try:
        value = ask(bare)
    except DemandUnusable as error:
        return f"and without its fallback the query is refused ({error.message.rstrip('.')})"
    if value is None or math.isnan(value):
        return f"and {_short(bare)} is missing"
    return None


def with_signals(verdict: QualityVerdict, signals: Mapping[str, float | None]) -> QualityVerdict:
    """Return `verdict` on doubtful demand with what `signals` say, by query; None is a series that is not there."""
    finding = _finding(signals, has_fallen=_has_fallen(verdict))
    return verdict if finding is None else QualityVerdict((*verdict.findings, finding))


def _has_fallen(verdict: QualityVerdict) -> bool:
    return any(finding.rule == "sudden_fall" for finding in verdict.findings)


def _finding(signals: Mapping[str, float | None], *, has_fallen: bool) -> QualityFinding | None:
    living = [(query, value) for query, value in signals.items() if value is not None and value > 0]
    gone = [query for query, value in signals.items() if value is None or math.isnan(value)]
    # One signal that moves is proof of life, whatever the others say. Only then does a missing one count: a signal that
    # is not there says that measuring itself is broken, not that nobody comes.
    if living:
        query, value = living[0]
        message = (
            f"demand has vanished while {_short(query)} is {value:g}: the service is used, and the measurement of its "
            "demand is broken. Correct demand.query or its exporter."
        )
        return QualityFinding("vanished", QualityOutcome.HOLD, message)
    if gone:
        message = (
            f"demand has vanished, and {_short(gone[0])} is missing: an outage of the metrics, or of everything. "
            "Check Prometheus' targets."
        )
        return QualityFinding("outage", QualityOutcome.HOLD, message)
    if has_fallen:
        message = (
            "demand has vanished, and so have all signals of demand.alive: an outage of the service, or of what is in "
            "front of it."
        )
        return QualityFinding("outage", QualityOutcome.HOLD, message)
    return None


def _short(query: str) -> str:
    return repr(query if len(query) <= _SHOWN else f"{query[:_SHOWN]}...")
