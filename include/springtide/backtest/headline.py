"""A backtest in words: who missed what, and who pays for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from springtide.backtest.policy import BacktestReport, Line

_SAME = 0.005


def verdict(report: BacktestReport) -> str:
    """Return the judgement in one or two sentences: the policy beside the autoscaler that it replaces."""
    ours = report.lines[0]
    theirs = report.lines[1]
    first = f"{report.policy} would have missed {_missed(ours, report)}; {theirs.name} {_missed(theirs, report)}"
    return f"{first}. It costs {_cost(ours, theirs)}, and {ours.score.cost:.2f} times the clairvoyant minimum."


def _missed(line: Line, report: BacktestReport) -> str:
    if not line.score.violated_minutes:
        return "nothing"
    minutes = line.score.violated_minutes
    days = f" on {line.missed_days} of {report.days:.0f} days" if line.missed_days and report.days > 1 else ""
    return f"{minutes:,} minute{'s' * (minutes != 1)}{days}"


def _cost(ours: Line, theirs: Line) -> str:
    share = ours.score.cost / theirs.score.cost - 1
    if abs(share) < _SAME:
        return "the same"
    return f"{abs(share):.0%} {'less' if share < 0 else 'more'}"
