"""Erlang's formula against exact sums, published values, and what must hold for all queues."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.capacity.queueing import Queueing, erlang_c, halfin_whitt, servers_for, waiting_longer
from unit.capacity.histories import NOW, minutes


def exact(servers: int, load: Fraction) -> Fraction:
    """Return Erlang C from its definition, in exact arithmetic."""
    top = load**servers / factorial(servers) * servers / (servers - load)
    return top / (sum((load**k / factorial(k) for k in range(servers)), Fraction(0)) + top)


@pytest.mark.parametrize(
    ("servers", "load"), [(1, "1/2"), (2, "3/2"), (5, "4"), (30, "29"), (120, "100"), (400, "380")]
)
def test_the_recursion_is_the_formula(servers: int, load: str) -> None:
    assert erlang_c(servers, float(Fraction(load))) == pytest.approx(float(exact(servers, Fraction(load))), rel=1e-10)


@pytest.mark.parametrize(("servers", "load", "waits"), [(1, 0.8, 0.8), (2, 1.0, 1 / 3), (10, 8.0, 0.4092)])
def test_values_of_the_textbooks(servers: int, load: float, waits: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(waits, abs=1e-4)


def test_one_worker_waits_as_the_simplest_queue_does() -> None:
    """M/M/1: P(wait > t) = rho·exp(-(1 - rho)t)."""
    assert waiting_longer(1, 0.5, 3.0) == pytest.approx(0.5 * np.exp(-1.5))


def test_what_cannot_keep_up_lets_everybody_wait() -> None:
    assert erlang_c(5, 5.0) == 1.0
    assert halfin_whitt(5, 5.0) == 1.0


@pytest.mark.parametrize("load", [1, 10, 100, 1000])
@pytest.mark.parametrize("late", [0.5, 0.2, 0.05, 0.01])
def test_the_limit_of_many_servers_agrees_within_one(load: int, late: float) -> None:
    servers = servers_for(load, 0.0, late)
    limit = next(count for count in range(load, 3 * load + 20) if halfin_whitt(count, load) <= late)

    assert abs(servers - limit) <= 1


@pytest.mark.parametrize(
    ("workers", "is_shared", "replicas"), [(1, True, 52), (8, True, 7), (1, False, 800), (8, False, 11)]
)
def test_random_routing_is_dear(workers: int, replicas: int, *, is_shared: bool) -> None:
    """The table of the docs: 40 busy workers, at most 5 % wait."""
    assert (
        Queueing(per_replica=1, workers=workers, wait=0.0, share=0.95, is_shared=is_shared).replicas_for(40) == replicas
    )


@given(st.floats(0.01, 500), st.integers(1, 40), st.floats(0, 2), st.floats(0.5, 0.999), st.booleans())
@settings(deadline=None, max_examples=60)
def test_it_is_the_fewest_that_keep_the_objective(
    load: float,
    workers: int,
    wait: float,
    share: float,
    is_shared: bool,  # noqa: FBT001
) -> None:
    model = Queueing(
        per_replica=float(workers), workers=workers, wait=wait, share=share, is_shared=is_shared
    )  # a request takes one second

    replicas = model.replicas_for(load)

    def late(count: int) -> float:
        queue = (count * workers, load) if is_shared else (workers, load / count)
        return waiting_longer(*queue, wait)

    assert late(replicas) <= 1 - share + 1e-12
    assert replicas == 1 or late(replicas - 1) > 1 - share - 1e-12
    assert replicas * workers > load


def test_the_answer_shows_the_check_beside_it() -> None:
    answer = Queueing(per_replica=10, workers=1, wait=0.1, share=0.95, is_shared=True).answer(
        minutes([400.0] * 10), replicas=1, now=NOW
    )

    assert answer.inputs["load_workers"] == 40
    assert answer.inputs["waiting"] == pytest.approx(float(answer.inputs["halfin_whitt_waiting"]), abs=0.03)
    assert float(answer.inputs["waiting_longer"]) <= 0.05
    assert "wait longer than 0.1 s, 5.00% may" in answer.reason


def test_no_demand_needs_nothing() -> None:
    assert Queueing(per_replica=10).answer(minutes([0.0] * 10), replicas=1, now=NOW).replicas == 0
