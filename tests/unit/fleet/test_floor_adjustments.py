"""Sweeps over a service whose replicas an HPA owns, through a whole event, in a world in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from springtide.demand.model import DemandSeries
from springtide.errors import DemandUnusable
from springtide.events.calendars import Calendars
from springtide.events.minimum import Minimum
from springtide.events.occurrences import Occurrence
from springtide.events.sweep import Inspection, order_for, with_floors
from springtide.events.waves import ServicePlan
from springtide.fleet.inspection import inspect_service
from springtide.policy.calendar.model import ServiceRequest
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.model import RunOutcome
from springtide.recovery.reconcile import reconcile
from springtide.run import phases, pipeline
from springtide.run.ports import Ports, RunRequest
from springtide.run.release import expired_floors, held_floors
from springtide.sandbox.controllers.autoscaling import WANTED
from support.builders import NOW
from support.courses import autoscaler
from support.simulation import NAMESPACE, Simulation

USUAL = 2
MOST = 8
RATE = {"model": "target_utilization", "per_replica": 100, "target": 0.7}


@dataclass
class Steady:
    """Demand of so many pods at 70 requests per second each; None is nothing that could be judged."""

    pods: float | None = USUAL

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        if self.pods is None:
            raise DemandUnusable("the answer is NaN.", code="capacity_unusable")
        times = np.arange(start.timestamp(), end.timestamp() + 1, step.total_seconds())
        return DemandSeries(
            times=times, values=np.full(times.shape, self.pods * 70.0), unit="requests/s", source="a test"
        )


@dataclass
class Watched:
    """The service `web` with an HPA of 2 to 8 over it, and an event that asks for 6 over three days."""

    simulation: Simulation
    demand: Steady = field(default_factory=Steady)
    event: Occurrence | None = None
    sweeps: int = 0

    @classmethod
    def of(cls, model: Mapping[str, Any] | None = None, *, step_up: str = "3x", **settings: Any) -> Watched:
        simulation = Simulation.of(USUAL, strategy="floor", **settings)
        hpa = autoscaler(USUAL)
        hpa["spec"]["maxReplicas"] = MOST
        simulation.world.apply(hpa)
        simulation.world.settle()
        watched = cls(simulation)
        rps = {"source": "prometheus", "query": "rps", "unit": "requests/s", "lookback": "21d"}
        models = [dict(model or {"model": "fixed", "replicas": USUAL})]
        watched.policy(demand=rps if model else None, capacity={"models": models}, guards={"step_up": step_up})
        return watched

    def policy(self, **spec: Any) -> None:
        document = self.simulation.policy.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.simulation.policy = ScalingPolicy.model_validate({**document, "spec": document["spec"] | spec})

    def ports(self) -> Ports:
        ports = self.simulation.ports()
        has_demand = self.simulation.policy.spec.demand is not None
        return replace(ports, demand=lambda _policy: self.demand if has_demand else None)

    def begin(self, *, asks: int = 6, days: float = 3) -> None:
        now = self.simulation.world.now()
        self.event = Occurrence(
            calendar="sales",
            event="flash",
            start=now,
            end=now + timedelta(days=days),
            lead=None,
            priority=50,
            asks={"web": ServiceRequest(replicas=asks)},
        )

    def order(self) -> ServicePlan:
        now = self.simulation.world.now()
        facts = inspect_service(self.ports(), self.simulation.policy)
        going_on = [self.event] if self.event and now < self.event.end else []
        (inspection,) = with_floors({"web": facts}, going_on, Calendars(), noted={}, now=now).values()
        return order_for(type(inspection).from_record(inspection.to_record()), {})

    def request(self, order: ServicePlan, step: int) -> RunRequest:
        is_back = order.gives_back and step == len(order.steps) - 1
        replicas = None if is_back else order.steps[step]
        self.sweeps += 1
        request = RunRequest(
            run_id=f"sweep-{self.sweeps}",
            policy=self.simulation.policy,
            replicas=replicas,
            strategy=None,
            requested_by="sweep",
            reason=order.reason,
        )
        return replace(request, is_release=is_back, until=order.until)

    def sweep(self) -> ServicePlan:
        order = ServicePlan.from_record(self.order().to_record())
        for step in range(len(order.steps)):
            outcome = pipeline.run(self.ports(), self.request(order, step))
            assert outcome is RunOutcome.SUCCEEDED
        return order

    def hpa(self, **spec: Any) -> dict[str, Any]:
        hpa = self.simulation.world.get("horizontalpodautoscalers", NAMESPACE, "web")
        assert hpa is not None
        if spec:
            self.simulation.world.apply(hpa | {"spec": hpa["spec"] | spec})
        return hpa

    def metrics_ask_for(self, pods: int) -> None:
        hpa = self.hpa()
        notes = hpa["metadata"]["annotations"] | {WANTED: str(pods)}
        self.simulation.world.apply(hpa | {"metadata": hpa["metadata"] | {"annotations": notes}})
        self.simulation.world.advance(60)

    @property
    def bounds(self) -> tuple[int, int]:
        spec = self.hpa()["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    def writes(self) -> int:
        return sum(call.write > 0 and call.user_agent == "springtide" for call in self.simulation.world.history.calls)

    def until(self) -> datetime:
        (held,) = held_floors(self.ports(), [self.simulation.policy])
        return held.hold.until


@pytest.mark.parametrize("model", [None, RATE])
def test_a_sweep_without_an_event_writes_nothing_whatever_demand_asks_for(model: Mapping[str, Any] | None) -> None:
    watched = Watched.of(model)
    watched.demand.pods = 7
    watched.metrics_ask_for(5)
    before = watched.writes()

    order = watched.sweep()

    assert order.steps == ()
    assert order.reason == "no event asks for more than the minimum that the autoscaler's owner set"
    assert watched.writes() == before
    assert watched.bounds == (USUAL, MOST)


def test_an_event_raises_the_floor_until_after_its_end_and_a_second_sweep_leaves_it() -> None:
    watched = Watched.of()
    watched.begin()
    assert watched.event

    assert watched.sweep().steps == (6,)
    assert watched.bounds == (6, MOST)
    assert watched.until() == watched.event.end + timedelta(days=1)

    before = watched.writes()
    assert watched.sweep().steps == ()
    assert watched.writes() == before


def test_a_floor_that_somebody_lowered_is_raised_again_from_what_runs() -> None:
    watched = Watched.of(step_up="2x")
    watched.begin()
    watched.sweep()
    watched.hpa(minReplicas=2)  # nobody has taken a pod away yet: no growth, so no steps

    assert watched.sweep().steps == (6,)
    assert watched.bounds == (6, MOST)


def test_a_note_that_would_lapse_in_the_event_is_renewed_before_it_does() -> None:
    watched = Watched.of(expires="2h")
    watched.begin(asks=4)
    assert watched.event
    pipeline.run(
        watched.ports(),
        RunRequest(
            run_id="by-hand",
            policy=watched.simulation.policy,
            replicas=4,
            strategy=None,
            requested_by="ada",
            reason="early",
        ),
    )
    assert watched.until() < watched.event.end

    order = watched.sweep()

    assert order.steps == (4,)
    assert "held until" in order.reason
    assert watched.until() == watched.event.end + timedelta(hours=2)
    assert watched.bounds == (4, MOST)
    watched.simulation.world.advance(3 * 3600)
    assert not list(expired_floors(watched.ports(), [watched.simulation.policy]))
    assert watched.sweep().steps == ()


def test_a_note_that_lapsed_and_was_given_back_in_the_event_is_raised_again() -> None:
    watched = Watched.of(expires="2h")
    watched.begin(asks=4)
    watched.sweep()
    request = RunRequest(
        run_id="somebody",
        policy=watched.simulation.policy,
        replicas=None,
        strategy=None,
        requested_by="ada",
        reason="tidying up",
        is_release=True,
    )
    pipeline.run(watched.ports(), request)
    assert watched.bounds == (USUAL, MOST)

    watched.sweep()
    assert watched.bounds == (4, MOST)


def test_after_the_event_the_owners_bounds_come_back_in_steps_its_maximum_too() -> None:
    watched = Watched.of(raise_max=True)
    watched.policy(replicas={"min": 3, "max": 50})  # what the owner set may be lower
    watched.begin(asks=12, days=0.5)
    for _ in range(2):
        watched.sweep()
    assert watched.bounds == (12, 12)
    watched.simulation.world.advance(13 * 3600)

    seen = []
    while watched.sweep().steps:
        seen.append(watched.bounds)
        watched.simulation.world.advance(60)

    assert seen == [(6, MOST), (3, MOST), (USUAL, MOST)]
    assert list(held_floors(watched.ports(), [watched.simulation.policy])) == []


def test_what_demand_asks_for_stays_until_the_autoscaler_is_seen_to_follow_it() -> None:
    watched = Watched.of(RATE)
    watched.begin(days=0.5)
    watched.sweep()
    watched.simulation.world.advance(13 * 3600)
    watched.demand.pods = 5

    assert watched.sweep().steps == (5,)
    watched.simulation.world.advance(60)
    assert "demand asks for 5" in watched.sweep().reason
    assert watched.bounds == (5, MOST)

    watched.metrics_ask_for(6)
    watched.sweep()
    watched.simulation.world.advance(60)
    watched.sweep()
    assert watched.bounds == (USUAL, MOST)


def test_demand_that_cannot_be_judged_gives_nothing_back() -> None:
    watched = Watched.of(RATE)
    watched.begin(days=0.5)
    watched.sweep()
    watched.simulation.world.advance(13 * 3600)
    watched.demand.pods = None

    assert watched.sweep().steps == ()
    assert watched.bounds == (6, MOST)


def test_a_smoke_check_that_fails_gives_nothing_back() -> None:
    watched = Watched.of()
    watched.begin(days=0.5)
    watched.sweep()
    watched.simulation.world.advance(13 * 3600)
    watched.policy(smoke=[{"http": {"path": "/healthz", "samples": 3, "expect": 204}}])

    order = watched.sweep()

    assert order.steps == ()
    assert order.reason.startswith("held at 6: ")
    assert watched.bounds == (6, MOST)


def test_a_sweep_whose_run_died_half_way_is_made_good_by_the_next() -> None:
    watched = Watched.of()
    watched.begin()
    order = watched.order()
    ports = watched.ports()
    request = watched.request(order, 0)
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)  # the minimum is raised, and the process is gone
    assert watched.bounds == (6, MOST)

    assert "owns the workload" in watched.sweep().reason
    (ended,) = reconcile(watched.ports(), [NAMESPACE], lambda _run_id: False)
    assert ended.outcome is RunOutcome.ROLLED_BACK
    assert watched.bounds == (USUAL, MOST)

    watched.sweep()
    assert watched.bounds == (6, MOST)


def test_a_freeze_writes_nothing() -> None:
    watched = Watched.of()
    watched.begin()
    facts = inspect_service(watched.ports(), watched.simulation.policy)

    assert order_for(replace(facts, frozen="nobody is here", floor=6), {}).steps == ()


def test_a_minimum_that_is_higher_than_the_event_asks_for_is_left_to_its_owner() -> None:
    watched = Watched.of()
    watched.hpa(minReplicas=7)
    watched.simulation.world.advance(60)
    watched.begin()
    before = watched.writes()

    assert watched.sweep().steps == ()
    assert watched.writes() == before


PLANNED = Minimum(
    owner_minimum=2,
    running=4,
    looked_at=NOW,
    expires=timedelta(hours=2),
    held_until=NOW + timedelta(minutes=30),
    is_planned=True,
)


@pytest.mark.parametrize(
    ("minimum", "planned", "steps"),
    [
        (PLANNED, 4, (4,)),  # the plan goes on, and its note ends within half of what it lasts
        (PLANNED, None, (4,)),  # nobody knows: what is held stays
        (replace(PLANNED, held_until=NOW + timedelta(minutes=90)), 4, ()),
        (replace(PLANNED, owner_minimum=4), 4, ()),
        (replace(PLANNED, held_until=None), 4, ()),
        (PLANNED, 6, (6,)),
    ],
)
def test_where_the_plan_is_the_minimum_a_sweep_follows_it_and_renews_its_note(
    minimum: Minimum, planned: int | None, steps: tuple[int, ...]
) -> None:
    order = order_for(Inspection(service="web", current=4, planned=planned, minimum=minimum), {})

    assert order.steps == steps
    assert order.until == (NOW + timedelta(hours=2) if steps else None)
