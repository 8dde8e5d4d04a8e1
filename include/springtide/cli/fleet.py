"""`springtide adjust` and `springtide prepare`: a sweep, and the preparation of events, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import answer, out, tell
from springtide.cli.event_options import DEFAULT_CALENDARS, CalendarsOption
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Output,
    OutputOption,
    current_user,
    new_run_id,
    settings_now,
)
from springtide.cli.plain_text import PlainTable, plain
from springtide.clock import Clock, SystemClock
from springtide.events.calendars import Calendars
from springtide.events.leads import leads_of
from springtide.events.rehearsal import named_event
from springtide.fleet.calendars import CalendarFolder
from springtide.fleet.chunks import LookBounds
from springtide.fleet.conductor import Conductor, conducted, decided
from springtide.fleet.due import Due, due_now, due_sweep, prepared
from springtide.fleet.in_process import InProcessRuns
from springtide.fleet.looking import look_at_due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.orders import decided_orders
from springtide.fleet.ports import FleetPorts
from springtide.fleet.report import FleetReport, TurnReport
from springtide.fleet.sharing import SharedLooks
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import RunStore
from springtide.run.ports import Ports
from springtide.run.watching import SharedClusters

FEW: Final = 8
"""Up to so many services are watched each for itself, and not by their whole namespaces."""

TURN_EVERY: Final = timedelta(seconds=1)
"""Between two turns: here a turn costs no start of a task."""

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change and keep nothing.")]
EventArgument = Annotated[
    str | None,
    typer.Argument(metavar="[EVENT]", help="EVENT, CALENDAR.EVENT or an id: now. Without it: what is due."),
]


@grouped
def adjust(
    *,
    dry_run: DryRunOption = False,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Sweep once: look at every service, and scale those that need it, for demand and for the events that go on.

    As the DAG adjust_capacity does, for a CronJob or a laptop. Exits with 1 when a service is not as it should be.
    """
    with answering(output), place.open_store() as store:
        command = FleetCommand(place, store, calendars=calendars, output=output)
        fleet = command.fleet()
        command.conduct(fleet, due_sweep(fleet), is_dry=dry_run)


@grouped
def prepare(
    event: EventArgument = None,
    *,
    dry_run: DryRunOption = False,
    calendars: CalendarsOption = DEFAULT_CALENDARS,
    place: CliContext,
    output: OutputOption = Output.TABLE,
) -> None:
    """Prepare EVENT now, or every event whose lead has begun and that is not prepared yet.

    As the DAG prepare_events does, for a CronJob or a laptop. What is prepared is held and given back by adjust. Exits
    with 1 when a service is not as the events want it.
    """
    with answering(output), place.open_store() as store:
        command = FleetCommand(place, store, calendars=calendars, output=output)
        fleet = command.fleet()
        command.conduct(fleet, command.due(fleet, event), is_dry=dry_run)


class FleetCommand:
    """One command: where it works, and how it answers. Its runs share the `store`, which is open."""

    def __init__(self, place: CliContext, store: RunStore, *, calendars: Path, output: Output) -> None:
        self.place = place
        self.calendars = calendars
        self.output = output
        self._store = store
        self._note = ClusterNote(output)
        self._looks = SharedLooks(SystemClock())
        self._clusters: SharedClusters | None = None

    def fleet(self) -> FleetPorts:
        """Return what its conductor reaches the world through.

        Raises:
            PolicyError: a calendar has errors. Nothing is done then: by unknown events too much would be given back.
        """
        clock = SystemClock()
        calendars = self._read_calendars(clock)
        return FleetPorts(
            clock=clock,
            calendars=lambda: calendars,
            policies=self.place.folder,
            open_ports=self._ports,
            open_store=self._open_store,
            open_cluster=self._ports,
        )

    def due(self, fleet: FleetPorts, name: str | None) -> Due:
        """Return the preparation of the event called `name`, or of what is due now."""
        calendars = fleet.calendars()
        now = fleet.clock.now()
        if name is not None:
            return prepared(fleet, (named_event(calendars, name, now),), owner=current_user())
        leads = leads_of(calendars, self._folder().measured(calendars), now)
        return prepared(fleet, due_now(fleet, leads), owner=current_user())

    def conduct(self, fleet: FleetPorts, due: Due, *, is_dry: bool) -> None:
        """Look at the services of `due`, start what they need, and answer with what became of each.

        Raises:
            PermanentError: a service is not as it should be (`services_failed`), after the answer.
            TemporaryError: the cluster or the store does not answer.
        """
        self._clusters = clusters = SharedClusters(fleet.clock, is_wide=len(due.services) > FEW)
        try:
            self._conduct(fleet, due, is_dry=is_dry)
        finally:
            clusters.stop()

    def _conduct(self, fleet: FleetPorts, due: Due, *, is_dry: bool) -> None:
        bounds = LookBounds.of(settings_now())
        look = look_at_due(fleet, due, at_once=bounds.at_once, together=bounds.together)
        if is_dry:
            self._show(
                FleetReport.planned(decided_orders(fleet, due, look.seen, unseen=look.unseen, is_dry=True), look.unseen)
            )
            return
        with InProcessRuns(fleet, requested_by=current_user()) as runs:
            conductor = Conductor(
                fleet=fleet,
                runs=runs,
                memory=ProcessMemory(),
                decide=decided(fleet, lambda: look),
                parent=new_run_id(fleet.clock),
                every=TURN_EVERY,
            )
            self._show(conducted(conductor, due, self._tell, pause=runs.wait_for_an_end))

    def _read_calendars(self, clock: Clock) -> Calendars:
        if self.calendars == DEFAULT_CALENDARS and not self.calendars.exists():
            tell(f"there is no folder {self.calendars}/ here: no event is known")
            return Calendars()
        snapshot = self._folder().known(clock.now())
        snapshot.raise_if_broken()
        return snapshot.calendars

    def _folder(self) -> CalendarFolder:
        return CalendarFolder(
            folder=self.calendars,
            memory_file=None,
            policies=self.place.folder,
            open_store=self._open_store,
        )

    def _open_store(self) -> AbstractContextManager[RunStore]:
        return nullcontext(self._store)

    @contextmanager
    def _ports(self, policy: ScalingPolicy | None = None) -> Iterator[Ports]:
        place = self.place if policy is None else self.place.at(policy)
        with place.ports(lambda _message: None, store=self._store, clusters=self._clusters) as ports:
            self._note.say(ports)
            yield self._looks.by(ports, None if policy is None else policy.spec.target.cluster)

    def _tell(self, turn: TurnReport) -> None:
        if self.output is Output.TABLE:
            for service, message in turn.started.items():
                tell(f"{service}: {message}")

    def _show(self, report: FleetReport) -> None:
        if self.output.is_for_programs:
            print_record(report.to_record() | self._note.record, self.output)
        elif not report.services:
            answer("nothing is due: there is no service to look at")
        else:
            table = PlainTable("service", "outcome")
            for service, message in sorted(report.services.items()):
                table.add_row(service, plain(message, "red" if service in report.problems else ""))
            out.print(table)
        report.require_good()
