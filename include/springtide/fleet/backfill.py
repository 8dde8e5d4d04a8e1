"""A preparation over the past: what its events would have been given, beside what demand then did."""

from __future__ import annotations

from springtide.fleet.due import Due
from springtide.fleet.ports import FleetPorts
from springtide.fleet.report import FleetReport
from springtide.fleet.simulated import simulate_preparation


def simulated_report(fleet: FleetPorts, due: Due) -> FleetReport:
    """Return each service's line. Demand alone is read, and nothing is written; a sweep has nothing to say."""
    if not due.events:
        return FleetReport(services={}, problems={})
    asked = {service for event in due.events for service in event.asks}
    policies = {name: fleet.policies.get(name) for name in sorted(asked & set(fleet.policies.names()))}
    # Demand alone is read, which is of no cluster: any of theirs opens it.
    opened = next((fleet.ports_of(policy) for policy in policies.values()), None) or fleet.open_ports()
    with opened as ports:
        lines = simulate_preparation(ports, policies, due.events, at=due.planned_at, cap=fleet.calendars().cap)
    return FleetReport(
        services={line.service: line.message() for line in lines},
        problems={},
        simulated=[line.to_record() for line in lines],
        events=[event.id for event in due.events],
    )
