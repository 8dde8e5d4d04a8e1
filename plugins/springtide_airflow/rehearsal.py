"""The tasks of a rehearsal: what is rehearsed, its load tests, its way back, and the verdict over the whole."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from airflow.sdk.exceptions import AirflowSkipException

from springtide_airflow.contexts import Record, left_by, left_by_each, required_of
from springtide_airflow.ends import ends_in_words, require
from springtide_airflow.event_operators import (
    FleetOperator,
    ScaleServicesSensor,
    ServiceOperator,
    required_report,
    seen_facts,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.fleet.conductor import Conductor

REHEARSAL_KEY: Final = "rehearsal"
FOUND_BY: Final = "find_event"
PREPARED_BY: Final = "prepare_services"
TESTED_BY: Final = "load_test"
RELEASED_BY: Final = "release_services"


class FindRehearsalOperator(FleetOperator):
    """What is rehearsed, judged before anything is touched: every policy is read, every bound checked."""

    @ends_in_words
    def execute(self, context: Context) -> list[str]:
        """Return the services to look at: those of the rehearsal, and of every event that goes on."""
        from springtide.fleet.rehearsal_request import begin_rehearsal

        asked_by = context["dag_run"].triggering_user_name or "airflow"
        rehearsal = begin_rehearsal(self.wiring.fleet(), dict(context["params"]), requested_by=asked_by)
        context["ti"].xcom_push(key=REHEARSAL_KEY, value=rehearsal.to_record())
        return self.begin(context, rehearsal.due)


class PrepareRehearsalSensor(ScaleServicesSensor):
    """The waves of the event itself; nothing is made smaller, and when the rehearsal expires it is at an end."""

    tells_lateness = False  # nobody waits for what is only rehearsed

    def conductor(self, context: Context) -> Conductor:
        """Return who decides."""
        from springtide.fleet.rehearsal import growth_orders

        fleet = self.wiring.fleet()
        return self.wiring.conductor(context, lambda due: growth_orders(fleet, due, seen_facts(context)))


class LoadTestOperator(ServiceOperator):
    """The load test of one service, and the verdict over it. It is sent once: a worker that died sends none again."""

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return the outcome."""
        from springtide.fleet.rehearsal import ServiceRehearsal
        from springtide.fleet.rehearsal_request import AcceptedRehearsal

        read = AcceptedRehearsal.from_record
        outcome = ServiceRehearsal(
            fleet=self.wiring.fleet(),
            rehearsal=required_of(context, FOUND_BY, read, REHEARSAL_KEY, code="events_missing"),
            service=self.service,
            run_id=context["dag_run"].run_id,
            inspection=seen_facts(context).get(self.service),
            prepared=required_report(context, PREPARED_BY),
            memory=self.wiring.memory(context),
        ).test()
        if outcome is None:
            raise AirflowSkipException(f"{self.service} is not of this rehearsal")
        self.log.info("%s: %s", self.service, outcome.message)
        return outcome.to_record()


class ReleaseRehearsalSensor(ScaleServicesSensor):
    """Everything back to what it was, at once, whatever became of the rehearsal: what depends on others goes first."""

    tells_lateness = False

    def conductor(self, context: Context) -> Conductor:
        """Return who decides."""
        from springtide.fleet.rehearsal import WAY_BACK, WayBack

        memory = self.wiring.memory(context)
        decide = WayBack(self.wiring.fleet(), memory, lambda: seen_facts(context))
        return self.wiring.conductor(context, decide, way=WAY_BACK)


class RehearsalReportOperator(FleetOperator):
    """The last task: keeps every service's outcome in the store, and says whether the event would hold.

    The note of the DAG run has the whole outcome.
    """

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return the verdict, service by service."""
        from springtide.events.rehearsed import RehearsalOutcome
        from springtide.fleet.rehearsal_report import end_rehearsal, rehearsal_headline, rehearsal_lines
        from springtide.fleet.rehearsal_request import AcceptedRehearsal
        from springtide.fleet.report import FleetReport

        outcomes = left_by_each(context, TESTED_BY, RehearsalOutcome.from_record)
        rehearsal = left_by(context, FOUND_BY, AcceptedRehearsal.from_record, REHEARSAL_KEY)
        released = left_by(context, RELEASED_BY, FleetReport.from_record)
        head = f"{self.dag_id}: {rehearsal_headline(outcomes)}"
        lines = rehearsal_lines(rehearsal, outcomes, released)
        for line in (head, *lines):
            self.log.info("%s", line)
        return require(context, partial(end_rehearsal, self.wiring.fleet(), rehearsal, outcomes, released), head, lines)
