"""The Universal Scalability Law against a published fit, and against itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.capacity.usl import Law, Usl, fitted
from unit.capacity.histories import NOW, minutes

SDM91 = [(1, 64.9), (18, 995.9), (36, 1652.4), (72, 1853.2), (108, 1828.9), (144, 1775.0), (216, 1702.2)]
"""SPEC SDM91 on a Sun, the worked example of Gunther's book; R's package usl fits 0.02772985, 0.00010437, 89.995."""


def test_the_published_fit() -> None:
    law = fitted(SDM91)

    assert law.contention == pytest.approx(0.02772985, rel=1e-3)
    assert law.coherency == pytest.approx(0.00010437, rel=1e-3)
    assert law.single == pytest.approx(89.995, rel=1e-4)
    assert law.best == pytest.approx(96.52, abs=0.05)
    assert (law.fewest, law.most) == (1, 216)


@given(st.floats(1, 1e4), st.floats(0, 0.5), st.floats(0, 0.01))
@settings(deadline=None, max_examples=50)
def test_what_was_measured_without_noise_is_found_again(single: float, contention: float, coherency: float) -> None:
    true = Law(single=single, contention=contention, coherency=coherency, fewest=1, most=64)

    law = fitted([(n, true.throughput(n)) for n in (1, 2, 4, 8, 16, 32, 64)])

    for n in (1, 3, 20, 64):
        assert law.throughput(n) == pytest.approx(true.throughput(n), rel=1e-3)


@given(st.floats(0, 0.9), st.floats(0, 0.01), st.floats(0.001, 0.999))
@settings(deadline=None)
def test_the_replicas_serve_what_was_asked_and_fewer_do_not(contention: float, coherency: float, part: float) -> None:
    law = Law(single=100, contention=contention, coherency=coherency, fewest=1, most=50)
    demand = part * law.throughput(min(law.best, 500))

    needed = law.replicas_for(demand)

    assert law.throughput(needed) == pytest.approx(demand, rel=1e-6)
    assert needed <= law.best * (1 + 1e-9)


def test_linear_rules_promise_too_much() -> None:
    """Measured on Kubernetes with 1 to 4 replicas: sigma 0.28, so four replicas serve as 2.2 would."""
    law = Law(single=100, contention=0.28, coherency=0, fewest=1, most=4)

    assert 400 / law.throughput(4) == pytest.approx(1.84)


def test_the_answer_says_what_was_measured() -> None:
    usl = Usl(fitted(SDM91), target=1.0)

    near, far = (usl.answer(minutes([peak] * 10), replicas=1, now=NOW) for peak in (1000.0, 1e5))

    assert near.replicas == pytest.approx(16.02, abs=0.01)
    assert near.reason.endswith("measured with 1 to 216")
    assert far.replicas == pytest.approx(usl.law.best)
    assert far.reason.startswith("no number of replicas carries peak 100000")


def test_beyond_the_measurements_it_is_a_guess() -> None:
    law = Law(single=100, contention=0.1, coherency=0.0, fewest=1, most=4)

    answer = Usl(law, target=1.0).answer(minutes([500.0] * 10), replicas=1, now=NOW)

    assert answer.replicas == pytest.approx(9)
    assert answer.reason.endswith("a guess beyond what was measured with 1 to 4")
