"""How a sweep or a preparation ended, in words: for the log of its report and the note of its DAG run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from springtide.fleet.due import Due
from springtide.fleet.report import FleetReport
from springtide.wording import counted


def fleet_headline(report: FleetReport) -> str:
    """Return the report in a few words: `3 services are as asked, 1 of them only planned`."""
    all_of_them = len(report.services)
    wrong = len({**report.problems, **report.attention})
    if not all_of_them:
        return "no service was looked at"
    if wrong:
        return f"{wrong} of {counted(all_of_them, 'service')} {'is' if wrong == 1 else 'are'} not as asked"
    if report.simulated:
        return f"simulated only, for {counted(all_of_them, 'service')}; nothing was changed"
    advised = f", {len(report.planned_only)} of them only planned" if report.planned_only else ""
    return f"{counted(all_of_them, 'service is', 'services are')} as asked{advised}"


def fleet_lines(report: FleetReport, due: Due, never_given_back: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the whole, a line each: for which events, what is wrong and what to do, and how every service stands."""
    return tuple(_fleet_lines(report, due, never_given_back))


def _fleet_lines(report: FleetReport, due: Due, never_given_back: Sequence[str]) -> Iterator[str]:
    if due.events:
        yield f"for: {', '.join(event.id for event in due.events)}"
    if due.only_plans:
        yield due.only_plans
    wrong = {**report.attention, **report.problems}
    yield from (f"{name}: {why}" for name, why in wrong.items())
    if wrong:
        yield "to do: put right what it says; a sweep of adjust_capacity tries again while it is on"
    if report.late:
        yield report.late
    yield from never_given_back
    yield from (f"{name}: {message}" for name, message in report.services.items() if name not in wrong)
