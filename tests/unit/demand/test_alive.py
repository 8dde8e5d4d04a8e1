"""Zero demand beside other signals: a broken measurement, an outage and an idle night are three things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.demand.model import DemandSeries
from springtide.demand.registry import read_demand
from springtide.demand.usage_signals import with_signals
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.policy.scaling.demand import PrometheusDemand

NOW = datetime(2026, 11, 11, tzinfo=UTC)
INGRESS = "sum(rate(ingress_requests[1m]))"
CPU = "sum(rate(cpu_seconds[1m]))"
FALL = QualityFinding("sudden_fall", QualityOutcome.HOLD, "demand fell from 100 before to 0")


class Demand:
    """An hour of minutes; the newest `low` of them are `left`, the others 100."""

    def __init__(self, low: int, left: float = 0.0) -> None:
        self._values = [100.0] * (61 - low) + [left] * low

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        times = np.arange(start.timestamp(), end.timestamp() + 1, step.total_seconds())
        return DemandSeries(times=times, values=np.array(self._values[-len(times) :]), unit="requests/s", source="test")


class Signals:
    """What each query answers, and which were asked."""

    def __init__(self, **answers: float | None) -> None:
        self.answers = {INGRESS: answers.get("ingress", 0.0), CPU: answers.get("cpu", 0.0)}
        self.asked: list[str] = []

    def __call__(self, query: str) -> float | None:
        self.asked.append(query)
        return self.answers[query]


def judged(demand: Demand, signals: Signals | None, **quality: object) -> QualityVerdict:
    spec = PrometheusDemand.model_validate(
        {"query": "x", "unit": "requests/s", "quality": quality, "alive": [INGRESS, CPU]}
    )
    return read_demand(demand, spec, now=NOW, ask=signals)[1]


def rules(verdict: QualityVerdict) -> list[str]:
    return [finding.rule for finding in verdict.findings]


@pytest.mark.parametrize("left", [0.0, 4.0])
def test_a_fall_while_the_surroundings_live_is_a_broken_measurement(left: float) -> None:
    verdict = judged(Demand(20, left), Signals(cpu=3.5))

    assert verdict.outcome is QualityOutcome.HOLD
    assert rules(verdict) == ["sudden_fall", "vanished"]
    assert f"{CPU!r} is 3.5: the service is used, and the measurement of its demand is broken" in verdict.message


@pytest.mark.parametrize(
    ("signals", "message"),
    [
        (Signals(ingress=None), f"{INGRESS!r} is missing: an outage of the metrics, or of everything"),
        (Signals(cpu=float("nan")), f"{CPU!r} is missing"),
        (Signals(), "so have all signals of demand.alive: an outage of the service"),
    ],
    ids=["absent", "NaN", "all 0"],
)
def test_a_fall_without_any_sign_of_life_is_held_as_an_outage(signals: Signals, message: str) -> None:
    verdict = judged(Demand(20), signals)

    assert verdict.outcome is QualityOutcome.HOLD
    assert rules(verdict) == ["sudden_fall", "outage"]
    assert message in verdict.message


def test_zero_that_nobody_saw_fall_is_held_while_the_surroundings_live() -> None:
    """As with a lookback that is shorter than the outage, or without the rule of sudden falls."""
    assert judged(Demand(61), None) == QualityVerdict()

    assert rules(judged(Demand(61), Signals(ingress=12))) == ["vanished"]
    assert rules(judged(Demand(20), Signals(ingress=12), sudden_fall="100%")) == ["vanished"]
    assert rules(judged(Demand(61), Signals(ingress=None))) == ["outage"]


def test_an_idle_service_is_idle() -> None:
    assert judged(Demand(61), Signals()) == QualityVerdict()


@pytest.mark.parametrize("demand", [Demand(0), Demand(3), Demand(61, 4.0)], ids=["whole", "just now", "little"])
def test_nothing_is_asked_while_there_is_demand(demand: Demand) -> None:
    signals = Signals(ingress=12)

    assert judged(demand, signals) == QualityVerdict()
    assert signals.asked == []


def test_a_policy_without_signals_asks_nobody() -> None:
    signals = Signals(ingress=12)
    spec = PrometheusDemand(query="x", unit="requests/s")

    assert rules(read_demand(Demand(20), spec, now=NOW, ask=signals)[1]) == ["sudden_fall"]
    assert signals.asked == []


@given(
    st.lists(st.sampled_from([FALL, QualityFinding("gaps", QualityOutcome.HOLD, "gaps")])),
    st.dictionaries(st.text(), st.none() | st.floats()),
)
def test_signals_only_ever_add_a_reason_to_hold(
    findings: list[QualityFinding], signals: dict[str, float | None]
) -> None:
    before = QualityVerdict(tuple(findings))

    after = with_signals(before, signals)

    assert after.findings[: len(findings)] == before.findings
    assert {finding.outcome for finding in after.findings[len(findings) :]} <= {QualityOutcome.HOLD}
