"""A report of advice in words and numbers, for whoever decides whether springtide may act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from springtide.backtest.advice import AdviceReport, AdviceSide

COLUMNS = ("", "violated minutes", "pod-hours", "cost", "changes")
DAY_COLUMNS = (
    "day (UTC)", "violated minutes as it is", "with springtide", "pod-hours as it is", "pod-hours with springtide",
)  # fmt: skip

_SAME = 0.005
_FINEST = 1440


def verdict(report: AdviceReport) -> str:
    """Return what the range comes to, in two sentences."""
    theirs = report.theirs
    ours = report.ours
    first = (
        f"{report.policy} had too few pods in {_minutes(theirs.violated_minutes)}; with springtide it would have had "
        f"too few in {_minutes(ours.violated_minutes)}."
    )
    return f"{first} It used {theirs.pod_hours:,.0f} pod-hours; springtide would have used {_beside(ours, theirs)}."


def rows(report: AdviceReport) -> list[tuple[str, ...]]:
    """Return the table's cells under `COLUMNS`: what is there now, then springtide."""
    return [_cells(side, report) for side in (report.theirs, report.ours)]


def day_rows(report: AdviceReport) -> list[tuple[str, ...]]:
    """Return the cells of each day under `DAY_COLUMNS`."""
    return [
        (
            f"{each.day:%a %Y-%m-%d}",
            f"{each.theirs[0]:,}",
            f"{each.ours[0]:,}",
            f"{each.theirs[1]:,.0f}",
            f"{each.ours[1]:,.0f}",
        )
        for each in report.days
    ]


def notes(report: AdviceReport) -> list[str]:
    """Return how to read it, and what it leaves out."""
    looked = f"Springtide looked {report.sweeps:,} times and wrote nothing to the cluster; its pods count as ready"
    told = [
        "A minute is violated when fewer pods were ready than its demand would have filled.",
        f"{looked} {report.startup_seconds:.0f} s after a run.",
    ]
    if report.is_floor:
        told.append(
            "Springtide would have raised the autoscaler's minimum: its pods are the larger of that minimum and of "
            "what the autoscaler ran. Changes are those of the minimum; the autoscaler's own come on top."
        )
    if report.is_sampled:
        told.append(
            "What ran is known by these looks only: a pod serves from when it became ready until a look misses it, and "
            "between two looks the mean of both numbers is paid. Pods and changes that came and went are not seen."
        )
    if report.left_out:
        told.append(
            f"{report.left_out:,} of {report.judged + report.left_out:,} minutes are left out: not all is known."
        )
    if report.judged < _FINEST:
        told.append("This is less than a day: let it run for a week before you judge.")
    if report.ours.cost is None:
        told.append("Cost needs to know what a pod costs: pass --cost-per-pod-hour, or set it in a calendar's cap.")
    return told


def record_of(report: AdviceReport) -> dict[str, Any]:
    """Return the report for programs: JSON types only."""
    return {
        "policy": report.policy,
        "first": report.first.isoformat(),
        "last": report.last.isoformat(),
        "verdict": verdict(report),
        "judged_minutes": report.judged,
        "left_out_minutes": report.left_out,
        "sweeps": report.sweeps,
        "is_floor": report.is_floor,
        "is_sampled": report.is_sampled,
        "as_it_is": _figures(report.theirs),
        "with_springtide": _figures(report.ours),
        "days": [
            {
                "day": each.day.isoformat(),
                "as_it_is": {"violated_minutes": each.theirs[0], "pod_hours": each.theirs[1]},
                "with_springtide": {"violated_minutes": each.ours[0], "pod_hours": each.ours[1]},
            }
            for each in report.days
        ],
        "notes": notes(report),
    }


def _figures(side: AdviceSide) -> dict[str, Any]:
    return {
        "violated_minutes": side.violated_minutes,
        "pod_hours": side.pod_hours,
        "cost": side.cost,
        "changes": side.changes,
    }


def _cells(side: AdviceSide, report: AdviceReport) -> tuple[str, ...]:
    return (
        side.name,
        f"{side.violated_minutes:,} ({side.violated_minutes / report.judged:.2%})",
        f"{side.pod_hours:,.0f}",
        "" if side.cost is None else f"{side.cost:,.2f}",
        f"{side.changes:,}",
    )


def _minutes(count: int) -> str:
    return f"{count:,} minute{'' if count == 1 else 's'}" if count else "no minute"


def _beside(ours: AdviceSide, theirs: AdviceSide) -> str:
    hours = f"{ours.pod_hours:,.0f}"
    share = ours.pod_hours / theirs.pod_hours - 1 if theirs.pod_hours else 0.0
    if abs(share) < _SAME:
        return f"{hours}, the same"
    less = f"{hours}, {abs(share):.0%} {'less' if share < 0 else 'more'}"
    if ours.cost is None or theirs.cost is None:
        return less
    return f"{less}: {ours.cost:,.2f} instead of {theirs.cost:,.2f}"
