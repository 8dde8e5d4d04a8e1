"""`springtide backtest`: what a policy would have done over a past range, beside what others would have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.display import out
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Demand,
    Output,
    OutputOption,
    ServiceArgument,
)
from springtide.cli.plain_text import PlainTable, plain
from springtide.clock import SystemClock
from springtide.errors import InputError
from springtide.extras import require_packages

if TYPE_CHECKING:
    from springtide.backtest.policy import BacktestReport
    from springtide.backtest.trace import Trace
    from springtide.policy.scaling.model import ScalingPolicy

DEFAULT_RANGE: Final = timedelta(days=7)

_HISTORY = timedelta(days=28)
"""What is read before the range: tuning replays a week, whose plans look back on three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOptions:
    """What is replayed."""

    first: Annotated[
        str | None,
        typer.Option(
            "--from", help="When it begins: ISO 8601, UTC unless it says another zone. Default: 7 days before --to."
        ),
    ] = None
    last: Annotated[str | None, typer.Option("--to", help="When it is over. Default: now.")] = None
    per_replica: Annotated[float | None, typer.Option(help="What a pod can serve, where no model says it.")] = None

    def range(self, now: datetime) -> tuple[datetime, datetime]:
        """Return when it begins and ends: by default the last 7 days.

        Raises:
            InputError: a text is no time.
        """
        last = now if self.last is None else moment(self.last)
        return (last - DEFAULT_RANGE if self.first is None else moment(self.first)), last


@grouped
def backtest(
    service: ServiceArgument,
    *,
    past: PastOptions,
    startup: Annotated[float, typer.Option(min=1, max=3600, help="Seconds from a decision until pods serve.")] = 60,
    report: Annotated[Path | None, typer.Option(help="Write the page to this file (HTML, works offline).")] = None,
    place: Demand,
    output: OutputOption = Output.TABLE,
) -> None:
    """Replay the policy of SERVICE against its history, beside autoscalers, a schedule and the clairvoyant minimum.

    Reads demand; changes nothing.
    """
    with answering(output):
        from springtide.backtest.page import render
        from springtide.backtest.policy import backtest as replay

        if report is not None:
            require_packages("plots", "plotly")  # now, not after minutes of replay
        policy = place.policy(service)
        first, last = past.range(SystemClock().now())
        replayed = replay(policy, history(place, policy, first, last, past.per_replica), startup)
        if report is not None:
            report.write_text(render(replayed), encoding="utf-8")
        _show(replayed, output)


def history(
    place: CliContext, policy: ScalingPolicy, first: datetime, last: datetime, per_replica: float | None = None
) -> Trace:
    """Return demand of the policy's own source: scored from `first` to `last`, with what lies before as history.

    Raises:
        InputError: the range is empty, or nobody says what a pod can serve.
        DemandUnavailable, DemandUnusable: as the source says; or it has nothing in the range.
    """
    from springtide.backtest.policy import capacity_of_a_pod
    from springtide.backtest.trace import history_of
    from springtide.demand.local_time import clock_of

    spec = policy.spec.demand
    if not first < last or spec is None:
        raise InputError(
            f"range {first.isoformat()} to {last.isoformat()}: --from must lie before --to, and the policy must have "
            "demand.",
            code="range_invalid",
            field="from",
        )
    pod = capacity_of_a_pod(policy) if per_replica is None else per_replica
    series = place.recorded(spec).read(first - _HISTORY, last, spec.step)
    return history_of(series, first, per_replica=pod, fewest=policy.spec.replicas.min, clock=clock_of(spec))


def moment(text: str) -> datetime:
    """Return what an option's text means.

    Raises:
        InputError: it is no time.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"time {text!r}: write ISO 8601, such as 2026-11-11 or 2026-11-11T08:00:00Z.",
            code="time_invalid",
            field="from",
        ) from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _show(report: BacktestReport, output: Output) -> None:
    from springtide.backtest.headline import verdict
    from springtide.backtest.page import COLUMNS, rows
    from springtide.capacity.cost_curve import curve_in_words

    if output.is_for_programs:
        print_record(_record(report), output)
        return
    table = PlainTable(*COLUMNS)
    for row in rows(report):
        table.add_row(*row)
    out.print(table)
    out.print(plain(verdict(report)))
    if report.curve:
        out.print(plain(f"Over these days, {curve_in_words(report.curve)}."))


def _record(report: BacktestReport) -> dict[str, Any]:
    from dataclasses import asdict

    from springtide.backtest.headline import verdict

    lines = [
        {
            "name": line.name,
            "missed_days": line.missed_days,
            "pod_hours": line.pod_hours,
            **asdict(line.score),
            "switches": line.switches,
        }
        for line in report.lines
    ]
    return {
        "policy": report.policy,
        "days": report.days,
        "verdict": verdict(report),
        "lines": lines,
        "curve": [asdict(point) for point in report.curve],
    }
