"""A simulated preparation plans with nothing that was not known yet, and shows beside it what demand then did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np

from springtide.demand.model import DemandSeries
from springtide.fleet.simulated import SimulatedLine, simulate_preparation
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports
from support.builders import policy
from unit.events.calendars import occurrence, utc

PREPARED = utc("2026-11-11T09:15")
EVENT = occurrence("flash", "2026-11-11T10:00", web="3x")


class Recorded:
    """100 requests/s, and 400 from 10:30 on."""

    def __init__(self, *, until: datetime | None = None) -> None:
        self.until = until or utc("2026-11-12T00:00")

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        times = np.arange(start.timestamp(), min(end, self.until).timestamp() + 1, step.total_seconds())
        values = np.where(times < utc("2026-11-11T10:30").timestamp(), 100.0, 400.0)
        return DemandSeries(times=times, values=values, unit="requests/s", source="a record")


def measured(**spec: Any) -> ScalingPolicy:
    demand = {"source": "file", "path": "any.csv", "unit": "requests/s", "lookback": "1h"}
    capacity = {"models": [{"model": "target_utilization", "per_replica": 50, "target": 1.0}]}
    return policy(demand=demand, capacity=capacity, **spec)


def line(source: Recorded, chosen: ScalingPolicy, cap: int | None = None) -> SimulatedLine:
    ports = cast("Ports", type("Reading", (), {"demand": staticmethod(lambda _policy: source)}))
    (simulated,) = simulate_preparation(ports, {"web": chosen}, [EVENT], at=PREPARED, cap=cap)
    return simulated


def test_it_plans_with_what_was_known_and_counts_the_minutes_that_were_short() -> None:
    simulated = line(Recorded(), measured())

    assert (simulated.expected, simulated.planned, simulated.needed) == (2, 6, 8)  # 100, and 400, by 50 a replica
    assert (simulated.minutes, simulated.short_minutes, simulated.pod_hours) == (60, 31, 6.0)
    assert simulated.message() == "2 → 6 planned; demand asked for at most 8: 31 of 60 minutes short, 6.0 pod-hours"


def test_what_comes_later_changes_no_plan() -> None:
    blind = line(Recorded(until=PREPARED), measured())

    assert blind.planned == line(Recorded(), measured()).planned
    assert blind.short_minutes == line(Recorded(), measured()).short_minutes or blind.problem


def test_bounds_and_the_cap_hold_on_paper_too() -> None:
    assert line(Recorded(), measured(replicas={"min": 1, "max": 5})).planned == 5
    capped = line(Recorded(), measured(), cap=4)
    assert capped.planned == 4
    assert "4 of the cap of 4 pods are left, 6 are asked for" in capped.reason


def test_a_service_without_demand_or_policy_is_told() -> None:
    silent = line(Recorded(until=PREPARED - timedelta(days=1)), measured())
    (unknown,) = simulate_preparation(cast("Ports", None), {}, [replace(EVENT)], at=PREPARED)

    assert silent.planned is None
    assert silent.message().startswith("not planned: ")
    assert unknown.message() == "not planned: it has no policy"
