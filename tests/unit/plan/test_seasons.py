"""A plan says once whose days its models compare."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from springtide.capacity.model import CapacityEstimate, ModelAnswer, abstaining
from springtide.plan.findings import FindingStatus
from springtide.plan.planner import make_plan
from support.builders import policy

AUTO = {"model": "auto", "per_replica": 10}
RECENT = {"model": "target_utilization", "per_replica": 10}


def told(*answering: str, **demand: Any) -> list[tuple[FindingStatus, str]]:
    """Return what a plan says of time zones, where models of these names answered."""
    answers = tuple(ModelAnswer(model=name, replicas=3.0, inputs={}, reason="") for name in answering)
    spec = {"source": "prometheus", "query": "x", "unit": "requests/s", "lookback": "9d", **demand}
    estimate = CapacityEstimate(
        replicas=3, answers=(*answers, abstaining("conformal", "young")), combine="max", demand=1.0, unit="requests/s"
    )
    if answering == ("fixed",):
        estimate = CapacityEstimate(replicas=3, answers=answers, combine="max", demand=None, unit=None)
    planned = make_plan(
        policy(demand=spec, capacity={"models": [AUTO, RECENT]}),
        estimate,
        current=3,
        strategy="in_place",
        now=datetime(2026, 11, 11, tzinfo=UTC),
        explicit=False,
    )
    return [(finding.status, finding.message) for finding in planned.findings if finding.check == "timezone"]


def test_without_a_zone_it_is_a_warning_however_many_models_there_are() -> None:
    ((status, message),) = told("auto", "seasonal", "target_utilization")

    assert status is FindingStatus.WARNING
    assert "days and weeks are in UTC" in message
    assert "set demand.timezone" in message


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_with_a_zone_it_is_told(zone: str) -> None:
    assert told("auto", timezone=zone) == [(FindingStatus.PASSED, f"days and weeks are those of {zone}")]


def test_a_number_that_somebody_gave_goes_by_no_days() -> None:
    assert told("fixed") == []
