"""Zero demand beside other signals: a broken measurement, an outage and an idle night are three things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.demand.model import DemandSeries
from springtide.demand.registry import read_demand
from springtide.demand.usage_signals import with_signals
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.errors import DemandUnavailable, DemandUnusable, SpringtideError
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


class Wavy(Demand):
    """Demand that is never the same for five minutes."""

    def __init__(self, low: int) -> None:
        super().__init__(low)
        self._values = [float(minute % 3) for minute in range(61)]


class Signals:
    """What each query answers or raises, and which were asked."""

    def __init__(self, **answers: float | SpringtideError | None) -> None:
        self.answers = {INGRESS: answers.get("ingress", 0.0), CPU: answers.get("cpu", 0.0)}
        self.asked: list[str] = []

    def __call__(self, query: str) -> float | None:
        self.asked.append(query)
        answer = self.answers[query]
        if isinstance(answer, SpringtideError):
            raise answer
        return answer


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
def test_signals_are_asked_on_a_quiet_day_and_decide_nothing(demand: Demand) -> None:
    signals = Signals(ingress=12)

    assert judged(demand, signals) == QualityVerdict()
    assert signals.asked == [INGRESS, CPU]


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (None, "there is no such series"),
        (DemandUnusable("it answered 400: parse error.", code="demand_refused"), "it answered 400: parse error."),
        (DemandUnavailable("no answer.", code="demand_unavailable"), "no answer."),
    ],
    ids=["missing", "refused", "away"],
)
def test_a_mistake_in_a_signal_shows_on_a_quiet_day(problem: SpringtideError | None, words: str) -> None:
    verdict = judged(Demand(0), Signals(ingress=problem))

    assert (verdict.outcome, rules(verdict)) == (QualityOutcome.PASS, ["alive"])
    assert f"{INGRESS!r} would tell nothing if demand vanished: {words}" in verdict.message


def test_a_signal_that_is_refused_in_an_outage_tells_nothing_and_holds() -> None:
    refused = DemandUnusable("it answered 400: parse error.", code="demand_refused")

    assert rules(judged(Demand(61), Signals(ingress=refused))) == ["outage"]


def test_a_signal_that_is_not_answered_in_an_outage_is_asked_for_again() -> None:
    with pytest.raises(DemandUnavailable):
        judged(Demand(61), Signals(ingress=DemandUnavailable("no answer.", code="demand_unavailable")))


class TestDemandThatCannotBeAbsent:
    """`or vector(0)`: after a restart without its disk a Prometheus says 0 of all the past, and of now."""

    QUERY = "sum(rate(requests[1m])) or vector(0)"
    BARE = "sum(rate(requests[1m]))"

    def verdict(
        self, demand: Demand, ask: Callable[[str], float | None] | None, *, alive: Sequence[str] = ()
    ) -> QualityVerdict:
        spec = PrometheusDemand(query=self.QUERY, unit="requests/s", alive=tuple(alive))
        return read_demand(demand, spec, now=NOW, ask=ask)[1]

    def test_zero_that_nobody_measures_is_held_and_said(self) -> None:
        asked: list[str] = []

        def ask(query: str) -> float | None:
            asked.append(query)
            return None

        verdict = self.verdict(Demand(61), ask)

        assert (verdict.outcome, rules(verdict)) == (QualityOutcome.HOLD, ["absent"])
        assert f"demand is 0, and {self.BARE!r} is missing: its query has a fallback" in verdict.message
        assert asked == [self.BARE]

    def test_zero_that_is_measured_is_an_idle_service(self) -> None:
        assert self.verdict(Demand(61), lambda _query: 0.0) == QualityVerdict()

    def test_where_nobody_can_be_asked_zero_is_held(self) -> None:
        assert rules(self.verdict(Demand(61), None)) == ["absent"]

    def test_demand_that_is_there_is_not_asked_about(self) -> None:
        assert self.verdict(Wavy(61), lambda _query: None) == QualityVerdict()

    def test_a_query_that_is_refused_without_its_fallback_is_held(self) -> None:
        def ask(query: str) -> float | None:
            raise DemandUnusable(f"{query}: it returns 2 series.", code="capacity_unusable")

        assert "without its fallback the query is refused" in self.verdict(Demand(61), ask).message

    def test_signals_that_are_there_and_zero_say_that_it_is_idle(self) -> None:
        answers = {self.BARE: None, INGRESS: 0.0}

        assert self.verdict(Demand(61), answers.__getitem__, alive=[INGRESS]) == QualityVerdict()

    def test_a_signal_that_cannot_be_absent_either_is_asked_without_its_fallback(self) -> None:
        answers = {self.BARE: None, INGRESS: None}

        verdict = self.verdict(Demand(61), answers.__getitem__, alive=[f"{INGRESS} or vector(0)"])

        assert rules(verdict) == ["outage", "absent"]


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
