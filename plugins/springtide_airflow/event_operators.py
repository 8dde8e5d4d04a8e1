"""The tasks of sweeps and events: find what is due, look at each service, scale what needs it, report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue

from springtide_airflow.contexts import Record, is_backfill, left_by_each, required_of
from springtide_airflow.ends import ends_in_words, require
from springtide_airflow.notifying import page_of
from springtide_airflow.wiring import AIRFLOW, Wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context, XComArg

    from springtide.events.sweep import Inspection
    from springtide.fleet.conductor import Conductor
    from springtide.fleet.due import Due
    from springtide.fleet.look_record import LookRecord
    from springtide.fleet.report import FleetReport, TurnReport

DUE_KEY: Final = "due"
LOOKED_BY: Final = "look_at_services"
FIRST: Final = ("find_events", "list_services", "find_event")


class FleetOperator(BaseOperator):
    """A task of a sweep, an event or a rehearsal."""

    wiring: Wiring = AIRFLOW

    def begin(self, context: Context, due: Due) -> list[str]:
        """Leave what is due for the tasks that follow; return the services to look at."""
        context["ti"].xcom_push(key=DUE_KEY, value=due.to_record())
        self.log.info("due: %s", ", ".join(event.id for event in due.events) or "every service")
        return list(due.services)

    def chunks(self, services: list[str]) -> list[list[str]]:
        """Return `services` in the chunks that one task each looks at."""
        from springtide.fleet.chunks import chunks_of

        return chunks_of(self.wiring.fleet().policies, services, self.wiring.look_bounds().chunk)


class ServiceOperator(FleetOperator):
    """A task about one service: Airflow maps it over several."""

    template_fields = ("service",)

    def __init__(self, *, service: str, wiring: Wiring = AIRFLOW, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service = service
        self.wiring = wiring


class CheckCalendarsOperator(FleetOperator):
    """Fails when a calendar is broken, with every error's file and line, or an event of the next days cannot be met.

    The sweep goes on with what was known.
    """

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return how many events are known, and what became of every source; the log says what to look at."""
        from springtide.fleet.measured import keep_calendars
        from springtide.fleet.notices import tell_calendars
        from springtide.overview.event_alarm import alarms, red_events, require_ready

        known = self.wiring.known()
        keep_calendars(self.wiring.fleet(), known)
        for account in known.accounts:
            self.log.info("%s; %s times ahead", account, account.ahead)
        for warning in known.warnings:
            self.log.warning("%s", warning)
        tell_calendars(self.wiring.teller(), known.violations)
        red = red_events(self.wiring.events(context, known))
        for event, lines in alarms(red).items():
            self.log.error("%s cannot be met: %s", event, " ".join(lines))
        known.raise_if_broken()
        require_ready(red)
        sources = [account.to_record() for account in known.accounts]
        return {"events": len(known.calendars.occurrences), "sources": sources, "warnings": list(known.warnings)}


class ListServicesOperator(FleetOperator):
    """Every service that has a policy: what a sweep looks at. A sweep over the past looks at none."""

    @ends_in_words
    def execute(self, context: Context) -> list[list[str]]:
        """Return the services, in chunks."""
        from springtide.fleet.due import due_sweep

        due = due_sweep(
            self.wiring.fleet(), is_simulated=is_backfill(context["dag_run"]), first=self.wiring.first_sweep()
        )
        if due.only_plans:
            self.log.warning("%s", due.only_plans)
        return self.chunks(self.begin(context, due))


class FindEventsOperator(FleetOperator):
    """What begins at the end of this run's interval, or what the run's conf asks for; the past is only simulated."""

    @ends_in_words
    def execute(self, context: Context) -> list[list[str]]:
        """Return the services to look at, in chunks: those of its events, and of every other event that goes on."""
        from springtide.fleet.due import due_preparation
        from springtide.fleet.event_form import event_of_form

        run = context["dag_run"]
        asked_by = run.triggering_user_name or "airflow"
        due = due_preparation(
            self.wiring.fleet(),
            starts_at=run.data_interval_end or run.run_after,
            planned_at=run.data_interval_start or run.run_after,
            asked=event_of_form(run.conf or {}, asked_by=asked_by),
            is_backfill=is_backfill(run),
        )
        return self.chunks(self.begin(context, due))


class LookAtServicesOperator(FleetOperator):
    """A look at each service of a chunk: Airflow maps it over several. With `waits`, runs that own one are waited for.

    What does not answer is asked again in the task itself: a retry of the task would look at all of them again.
    """

    template_fields = ("services",)

    def __init__(
        self, *, services: list[str] | XComArg, waits: bool = False, wiring: Wiring = AIRFLOW, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.services = services
        self.waits = waits
        self.wiring = wiring

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return the facts of each service that was seen, and why the others were not."""
        from springtide.fleet.chunks import title_of
        from springtide.fleet.looking import TRIES, look_at

        services = cast("list[str]", self.services)  # a template by which another task's answer has come
        context["looked_at"] = title_of(services)  # type: ignore[typeddict-unknown-key]  # what the template shows
        bounds = self.wiring.look_bounds()
        looked = look_at(
            self.wiring.fleet(),
            services,
            waits=self.waits,
            tries=TRIES,
            at_once=bounds.at_once,
            together=bounds.together,
        ).record()
        for line in looked.lines():
            self.log.info("%s", line)
        return looked.to_record()


class ScaleServicesSensor(BaseSensorOperator):
    """Takes the turns of a conductor until every service stands: it starts runs of `scale_service`."""

    wiring: Wiring = AIRFLOW
    tells_lateness = True

    def __init__(self, *, timeout: timedelta = timedelta(hours=12), **kwargs: Any) -> None:
        from springtide.fleet.turns import TURN_EVERY

        settings: dict[str, Any] = {"mode": "reschedule", "poke_interval": TURN_EVERY} | kwargs
        super().__init__(timeout=timeout, **settings)

    def conductor(self, context: Context) -> Conductor:
        """Return who decides."""
        from springtide.fleet.conductor import decided

        return self.wiring.conductor(context, decided(self.wiring.fleet(), lambda: look_of(context)))

    @ends_in_words
    def poke(self, context: Context) -> PokeReturnValue:
        """Take one turn."""
        due = due_of(context)
        turn = self.conductor(context).turn(due)
        for line in turn.lines():
            self.log.info("%s", line)
        if self.tells_lateness:
            self._tell_lateness(context, due, turn)
        return PokeReturnValue(is_done=turn.is_over, xcom_value=turn.report.to_record() if turn.report else None)

    def _tell_lateness(self, context: Context, due: Due, turn: TurnReport) -> None:
        from springtide.fleet.notices import lateness_fact

        fact = lateness_fact(self.wiring.fleet(), due, turn)
        if fact is not None:
            self.wiring.teller().tell(replace(fact, link=page_of(context)))


class EventReportOperator(FleetOperator):
    """The last task: a run in which any service failed, was held back or could not be looked at ends failed here.

    Its log and the note of the DAG run have the whole outcome.
    """

    def __init__(self, *, after: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.after = after

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return what was done, by service."""
        from springtide.fleet.ended_words import fleet_headline, fleet_lines
        from springtide.fleet.notices import reported_facts

        report = required_report(context, self.after)
        due = due_of(context)
        facts = reported_facts(self.wiring.fleet(), due, report, lambda: seen_facts(context))
        self.wiring.teller().tell(*(replace(fact, link=page_of(context)) for fact in facts))
        kept = self._kept(context, due)
        head = f"{self.dag_id}: {fleet_headline(report)}"
        lines = fleet_lines(report, due, kept)
        for line in (head, *lines):
            self.log.info("%s", line)
        require(context, report.require_good, head, lines)
        return report.to_record() | ({"never_given_back": kept} if kept else {})

    def _kept(self, context: Context, due: Due) -> list[str]:
        """Return, and log, what nobody will give back of what was prepared; a sweep gives back itself."""
        from springtide.overview.event_alarm import never_given_back

        if due.is_simulated or not due.events:
            return []
        kept = never_given_back(due.events, self.wiring.fleet().policies, self.wiring.airflow(context))
        for line in kept:
            self.log.warning("%s", line)
        return kept


def due_of(context: Context) -> Due:
    """Return what the run's first task found."""
    from springtide.fleet.due import Due

    first = next(task.task_id for task in context["dag"].tasks if task.task_id in FIRST)
    return required_of(context, first, Due.from_record, DUE_KEY, code="events_missing")


def look_of(context: Context) -> LookRecord:
    """Return what the looks of this run found of each service, and why others were not seen."""
    from springtide.fleet.look_record import LookRecord

    looks = left_by_each(context, LOOKED_BY, LookRecord.from_record)
    return LookRecord(
        seen={name: facts for look in looks for name, facts in look.seen.items()},
        unseen={name: why for look in looks for name, why in look.unseen.items()},
    )


def seen_facts(context: Context) -> Mapping[str, Inspection]:
    """Return what the looks of this run found, by service."""
    return look_of(context).seen


def required_report(context: Context, task_id: str) -> FleetReport:
    """Return the report of a sensor's last turn, or raise `PermanentError` where it did not come to its end."""
    from springtide.fleet.report import FleetReport

    return required_of(context, task_id, FleetReport.from_record, code="not_conducted")
