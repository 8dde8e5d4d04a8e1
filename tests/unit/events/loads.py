"""A service whose policy allows load, and the load of its rehearsal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from springtide.events.rehearsal import LoadLimits, LoadOrder, load_order
from springtide.policy.calendar.model import ServiceRequest
from springtide.policy.language.units import Factor
from support.builders import policy

NOW = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
THREEFOLD = ServiceRequest(multiply=Factor("3x"))
EIGHT = ServiceRequest(replicas=8)


def rehearsable(*models: dict[str, Any], **rehearsal: Any) -> Any:
    """Return a policy that allows load, by default up to 1000 requests/s for two minutes."""
    return policy(
        demand={"source": "file", "path": "demand.csv", "unit": "requests/s"},
        capacity={"models": list(models) or [{"model": "target_utilization", "per_replica": 100, "target": 0.7}]},
        smoke=[{"promql": {"query": "x", "below": 1}}, {"http": {"path": "/buy", "port": 81, "expect": 204}}],
        rehearsal={"max_rate": 1000} | rehearsal,
    )


PRESSING = LoadLimits(max_rate=1000)


def ordered(ask: ServiceRequest = THREEFOLD, *, wanted: LoadLimits = PRESSING, **changes: Any) -> LoadOrder | str:
    """Return the order for a service with a demand of 100 requests/s that two replicas are expected for."""
    rehearsed = changes.pop("policy", None) or rehearsable()
    return load_order(rehearsed, ask, wanted, **({"replicas": 6, "demand": 100.0, "expected": 2} | changes))


def order(**changes: Any) -> LoadOrder:
    load = ordered()
    assert isinstance(load, LoadOrder)
    return replace(load, **changes)
