"""One service over seven days, its plan of now, and the runs that are looked for."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide.clock import ManualClock
from springtide.errors import InputError, SpringtideError, TemporaryError
from springtide.overview.cost import EventSpan, cost_today
from springtide.overview.plan_now import Planner
from springtide.overview.service_detail import ServiceDetail
from springtide.overview.service_history import HistoryQuery
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.glances import CoursePoint
from springtide.record.model import RunOutcome
from springtide.run.ports import Neighbours, Ports
from springtide.web.service_views import ServiceViews
from support.builders import policy
from support.many_services import ManyServices, a_run
from support.simulation import Simulation

NOON = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)


def detail(services: ManyServices, query: HistoryQuery | None = None, service: str = "checkout") -> ServiceDetail:
    return ServiceViews.of(services.surroundings()).detail(service, query or HistoryQuery())


def a_point(hours: float, **values: int | None) -> CoursePoint:
    known = {"planned": 4, "answer": 4, "observed": 4, "ready": 4, **values}
    return CoursePoint(policy="checkout", at=NOON - timedelta(hours=hours), is_floor=False, **known)  # type: ignore[arg-type]


@pytest.fixture
def services(tmp_path: Path) -> ManyServices:
    return ManyServices(2, tmp_path / "scene", ManualClock(NOON))


def test_seven_days_of_demand_are_in_full_pods_and_end_with_now(services: ManyServices) -> None:
    found = detail(services)

    assert found.demand[0].at >= NOON - timedelta(days=7)
    assert found.demand[-1].at <= NOON
    assert found.demand[0].pods == pytest.approx(services.pods(0, found.demand[0].at) * 48 / 50)
    assert len(found.course) == 7 * 96
    assert [event.name for event in found.events] == ["flash"]


def test_without_a_model_that_says_what_a_pod_serves_demand_has_no_axis(services: ManyServices) -> None:
    services.policy(0, demand=None, capacity={"models": [{"model": "fixed", "replicas": 6}]})

    found = detail(services)

    assert found.demand == ()
    assert found.course


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (HistoryQuery(), ["sale", "deploy"]),
        (HistoryQuery(by="BOB"), ["sale"]),
        (HistoryQuery(event="singles"), ["sale"]),
        (HistoryQuery(outcome="failed"), ["deploy"]),
        (HistoryQuery(by="bob", outcome="failed"), []),
    ],
)
def test_runs_are_found_by_who_asked_by_the_event_and_by_how_they_ended(
    services: ManyServices, query: HistoryQuery, expected: list[str]
) -> None:
    sale = replace(a_run(1, NOON - timedelta(minutes=5), RunOutcome.SUCCEEDED, "singles-day asks 3x"), run_id="sale")
    deploy = replace(a_run(1, NOON - timedelta(minutes=9), RunOutcome.FAILED, "by hand"), run_id="deploy")
    services.store = type(services.store)()
    services.store.save(replace(sale, requested_by="bob"))
    services.store.save(deploy)

    assert [run.run_id for run in detail(services, query, "search").runs] == expected


def test_an_outcome_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"allowed:.*succeeded"):
        HistoryQuery(outcome="green")


def test_a_service_that_nobody_wrote_a_policy_for_is_refused_without_naming_others(services: ManyServices) -> None:
    with pytest.raises(InputError) as refused:
        detail(services, service="nothing")

    assert refused.value.code == "service_unknown"
    assert "checkout" not in refused.value.message


def test_a_plan_of_now_is_what_a_run_would_do_with_every_guard() -> None:
    simulation = Simulation.of(3)
    planner = Planner(lambda _policy: _open(simulation), lambda: {"web": simulation.policy})

    planned = planner.plan(simulation.policy)

    assert (planned.plan.current, planned.plan.replicas) == (3, 6)
    assert [line.guard for line in planned.guards][:2] == ["replicas.min", "replicas.max"]
    assert planned.to_record()["guards"][0]["setting"] == "1"
    assert simulation.deployment("web")["spec"]["replicas"] == 3  # type: ignore[index]


def test_plans_in_a_row_read_the_other_policies_once_and_no_file_of_theirs() -> None:
    simulation = Simulation.of(3)
    read: list[int] = []

    def policies() -> dict[str, ScalingPolicy | SpringtideError]:
        read.append(1)
        return {"web": simulation.policy}

    def no_file(_words: object) -> Neighbours:
        raise AssertionError("the files of all policies are looked through")

    planner = Planner(lambda _policy: nullcontext(replace(simulation.ports(), naming=no_file)), policies)
    for _ in range(3):
        planner.plan(simulation.policy)

    assert len(read) == 1


def test_a_plan_that_takes_too_long_says_so_and_keeps_nobody_waiting() -> None:
    goes_on = threading.Event()

    def slow(_policy: object) -> object:
        goes_on.wait(30)
        raise AssertionError("nobody waits for it")

    planner = Planner(slow, dict, within_seconds=0.05)  # type: ignore[arg-type]
    try:
        with pytest.raises(TemporaryError) as late:
            planner.plan(policy())
        assert late.value.code == "plan_late"
    finally:
        goes_on.set()


def test_a_decision_counts_until_the_next_one_and_what_ran_before_midnight_does_not() -> None:
    points = [a_point(20, observed=10), a_point(2, observed=6, answer=4), a_point(1, observed=None, planned=8)]
    event = EventSpan(name="flash", start=NOON - timedelta(hours=3), end=NOON - timedelta(hours=1))

    cost = cost_today(points, [event], now=NOON, pod_hour=0.5)

    assert cost.pod_hours == pytest.approx(10.5 * 10 + 6 + 8)
    assert cost.event_pod_hours == pytest.approx(2)
    assert cost.unknown_hours == pytest.approx(0)
    assert cost.money == pytest.approx(119 * 0.5)


def _open(simulation: Simulation) -> AbstractContextManager[Ports]:
    return nullcontext(simulation.ports())
