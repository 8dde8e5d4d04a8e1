"""Zero demand, held against other signals of the service: does what surrounds it live? Pure.

Demand of 0 may be an idle night, a broken counter or an outage. `demand.alive` names signals that move while the
service is used (requests at the ingress, CPU of its pods): they are asked only when demand fell suddenly or is 0.

    vanished   a signal is above 0: the service is used, and what measures its demand is broken
    outage     demand fell suddenly and no signal is above 0, or a signal is not there at all: metrics, or everything
    no word    demand is 0, all signals are there and 0, and nothing fell suddenly: the service is idle

Either finding holds what runs, so demand that vanished never makes a service smaller.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from springtide.demand.sudden_drop import SLOT
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from springtide.demand.model import DemandSeries

_SHOWN = 80


def is_doubtful(series: DemandSeries, verdict: QualityVerdict, *, now: float) -> bool:
    """Say whether the signals are worth asking: demand fell suddenly, or was 0 in all of the last five minutes."""
    if _has_fallen(verdict):
        return True
    # One sample of 0 is an idle minute; five minutes of it may be a counter that nobody increments.
    latest = series.values[now - series.times < SLOT]
    return len(latest) > 0 and float(latest.max()) == 0.0


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
