"""A backtest in words: who missed what, and who pays for it, against the best of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from springtide.backtest.policy import BacktestReport, Line

_SAME = 0.005


def verdict(report: BacktestReport) -> str:
    """Return the judgement in two or three sentences: the policy beside the best of what could stand in its place."""
    ours = report.lines[0]
    best = best_rival(report)
    missed = f"{report.policy} would have missed {_missed(ours, report)}; {best.name}, the best of the others, "
    cost = f"It costs {_cost(ours, best)}, and {ours.score.cost:.2f} times the clairvoyant minimum."
    return " ".join(filter(None, (f"{missed}{_missed(best, report)}.", cost, _concession(ours, best))))


def best_rival(report: BacktestReport) -> Line:
    """Return the autoscaler or schedule that missed the fewest minutes, and of those the cheapest.

    What is chosen in hindsight is no rival: the static peak and the clairvoyant minimum.
    """
    rivals = [line for line in report.lines[1:] if line.replicas is not None]
    return min(rivals, key=lambda line: (line.score.violated_minutes, line.score.cost))


def _concession(ours: Line, best: Line) -> str:
    """Return that the other does as well, or better, where it does."""
    share = ours.score.cost / best.score.cost - 1
    if best.score.violated_minutes > ours.score.violated_minutes or share < -_SAME:
        return ""
    is_same = abs(share) < _SAME and best.score.violated_minutes == ours.score.violated_minutes
    return f"{best.name} does {'as well' if is_same else 'better'} here."


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
