"""`springtide report`: what springtide would have done in mode advise, beside what the present autoscaler did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.backtest import moment
from springtide.cli.display import out
from springtide.cli.event_options import DEFAULT_CALENDARS, CalendarsOption
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import METRICS, CliContext, Output, OutputOption
from springtide.cli.plain_text import PlainTable, plain
from springtide.clock import Clock, SystemClock
from springtide.errors import InputError, PermanentError, SpringtideError
from springtide.extras import require_packages
from springtide.fleet.calendars import CalendarFolder
from springtide.policy.scaling.demand import PrometheusDemand

if TYPE_CHECKING:
    from springtide.backtest.advice import AdviceReport
    from springtide.demand.model import DemandSeries
    from springtide.plan.recent import SweepDecision
    from springtide.policy.scaling.model import ScalingPolicy

WEEK: Final = timedelta(days=7)

Reading = Annotated[CliContext, Offers("policies", "store", *METRICS)]
"""Reads policies, records and demand, and no cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What is compared, and what a pod costs, serves and takes."""

    first: Annotated[str | None, typer.Option("--from", help="When it begins. Default: a week before it is over.")] = (
        None
    )
    last: Annotated[str | None, typer.Option("--to", help="When it is over: ISO 8601. Default: now.")] = None
    cost_per_pod_hour: Annotated[
        float | None, typer.Option(min=0, help="What a pod costs an hour. Default: as a calendar's cap says.")
    ] = None
    per_replica: Annotated[float | None, typer.Option(help="What a pod can serve, where no model says it.")] = None
    startup: Annotated[float, typer.Option(min=1, max=3600, help="Seconds from a decision until pods serve.")] = 60


@grouped
def report(
    service: Annotated[
        str | None, typer.Argument(metavar="[SERVICE]", help="One policy. Default: all advised.")
    ] = None,
    *,
    asked: ReportOptions,
    html: Annotated[Path | None, typer.Option(help="Write the page to this file (HTML, works offline).")] = None,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    place: Reading,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compare what springtide would have done in mode advise with what really ran. Changes nothing.

    Exits with 1 when there is a service that nothing can be said about.
    """
    with answering(output):
        if html is not None:
            require_packages("plots", "plotly")  # now, not after the reading
        command = ReportCommand(place=place, asked=asked, calendars=calendars, clock=SystemClock())
        reports, failed = command.reports(service)
        if html is not None and reports:
            from springtide.backtest.advice_page import render_advice

            html.write_text(render_advice(reports, [f"{name}: {why}" for name, why in failed.items()]), "utf-8")
        _show(reports, failed, output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCommand:
    """One report: where everything is read, and what was asked."""

    place: CliContext
    asked: ReportOptions
    calendars: Path
    clock: Clock

    def reports(self, service: str | None) -> tuple[list[AdviceReport], dict[str, str]]:
        """Return a report of each service that was advised in the range, and why others have none.

        Raises:
            InputError: the range is empty, there is no such policy, or none was advised.
            TemporaryError: the store does not answer.
        """
        last = self.clock.now() if self.asked.last is None else moment(self.asked.last)
        first = last - WEEK if self.asked.first is None else moment(self.asked.first)
        if not first < last:
            message = f"range {first.isoformat()} to {last.isoformat()}: --from must lie before --to."
            raise InputError(message, code="range_invalid", field="from")
        names = self.place.folder.names() if service is None else [service]
        found = {name: self._advice(name, first, last) for name in names}
        advised = {name: advice for name, advice in found.items() if advice or service is not None}
        if not advised:
            raise _nothing_advised(first, last)
        reports: list[AdviceReport] = []
        failed: dict[str, str] = {}
        pod_hour = self._pod_hour()
        for name, advice in advised.items():
            try:
                reports.append(self._report(self.place.policy(name), advice, last, pod_hour))
            except SpringtideError as error:  # of one service, which must not take the others' reports
                failed[name] = error.message
        return reports, failed

    def _advice(self, name: str, first: datetime, last: datetime) -> tuple[SweepDecision, ...]:
        with self.place.open_store() as store:
            decisions = store.decisions(name, first, last)
        return tuple(each for each in decisions if each.advises and not each.by_hand)

    def _report(
        self, policy: ScalingPolicy, advice: Sequence[SweepDecision], last: datetime, pod_hour: float | None
    ) -> AdviceReport:
        from springtide.backtest.advice import AdviceInputs, compared
        from springtide.backtest.policy import capacity_of_a_pod
        from springtide.backtest.trace import history_of
        from springtide.demand.local_time import clock_of

        spec = policy.spec.demand
        if not advice:
            raise PermanentError(
                f"policy {policy.name} was not advised in this range: set mode: advise, and let sweeps run.",
                code="advice_missing",
                field="service",
            )
        if spec is None:
            raise PermanentError(
                f"policy {policy.name} reads no demand, so nobody can say which minutes were violated: give it one.",
                code="demand_required",
                field="demand",
            )
        first = advice[0].at
        given = self.asked.per_replica
        series = self.place.recorded(spec).read(first, last, spec.step)
        trace = history_of(
            series,
            first,
            per_replica=capacity_of_a_pod(policy) if given is None else given,
            fewest=policy.spec.replicas.min,
            clock=clock_of(spec),
        )
        inputs = AdviceInputs(
            policy=policy.name,
            trace=trace,
            decisions=advice,
            served=self._served(policy, first, last),
            startup_seconds=self.asked.startup,
            pod_hour=pod_hour,
        )
        return compared(inputs)

    def _served(self, policy: ScalingPolicy, first: datetime, last: datetime) -> DemandSeries | None:
        """Return the replicas that served, as metrics kept them; None where they did not: the report says so."""
        from springtide.demand.days import replicas_query

        spec = policy.spec.demand
        if not isinstance(spec, PrometheusDemand):
            return None
        query = replicas_query(spec, policy.spec.target)
        try:
            source = self.place.recorded(spec.model_copy(update={"query": query, "unit": "replicas"}))
            return source.read(first, last, spec.step)
        except SpringtideError:
            return None

    def _pod_hour(self) -> float | None:
        """Return what a pod costs an hour: the option, else the highest of the calendars; None where nobody says."""
        if self.asked.cost_per_pod_hour is not None:
            return self.asked.cost_per_pod_hour
        if not self.calendars.exists():
            return None
        folder = CalendarFolder(
            folder=self.calendars, memory_file=None, policies=self.place.folder, open_store=self.place.open_store
        )
        return folder.known(self.clock.now()).calendars.pod_hour


def _nothing_advised(first: datetime, last: datetime) -> InputError:
    return InputError(
        f"no policy was advised from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC: set mode: advise in a policy "
        "(or SPRINGTIDE_MODE=advise), and let sweeps run.",
        code="advice_missing",
        field="service",
    )


def _show(reports: Sequence[AdviceReport], failed: dict[str, str], output: Output) -> None:
    from springtide.backtest.advice_words import record_of

    if output.is_for_programs:
        print_record({"reports": [record_of(each) for each in reports], "without_report": failed}, output)
    else:
        for each in reports:
            _tell(each, out.print)
    if failed:
        told = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise PermanentError(told, code="advice_missing", field="service")


def _tell(report: AdviceReport, say: Callable[..., None]) -> None:
    from springtide.backtest.advice_words import COLUMNS, DAY_COLUMNS, day_rows, notes, rows, verdict

    say(plain(f"{report.policy}: {report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC", "bold"))
    say(plain(verdict(report)))
    for columns, lines in ((COLUMNS, rows(report)), (DAY_COLUMNS, day_rows(report))):
        table = PlainTable(*columns)
        for line in lines:
            table.add_row(*line)
        say(table)
    for note in notes(report):
        say(plain(note))
