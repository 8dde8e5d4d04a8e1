"""The tasks of a rehearsal: what is rehearsed, its load tests, its way back, and the verdict over the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowSkipException

from springtide.errors import PermanentError
from springtide_airflow.event_operators import (
    FleetOperator,
    ScaleServicesSensor,
    report_of,
    required_report,
    seen_facts,
)
from springtide_airflow.runs import Record
from springtide_airflow.wiring import AIRFLOW, Wiring

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.fleet.conductor import Conductor
    from springtide.fleet.rehearsal_request import AcceptedRehearsal

REHEARSAL_KEY: Final = "rehearsal"
FOUND_BY: Final = "find_event"
PREPARED_BY: Final = "prepare_services"
TESTED_BY: Final = "load_test"
RELEASED_BY: Final = "release_services"


class FindRehearsalOperator(FleetOperator):
    """What is rehearsed, judged before anything is touched: every policy is read, every bound checked."""

    def execute(self, context: Context) -> list[str]:
        """Return the services to look at: those of the rehearsal, and of every event that goes on."""
        from springtide.fleet.rehearsal_request import begin_rehearsal

        asked_by = context["dag_run"].triggering_user_name or "airflow"
        rehearsal = begin_rehearsal(self.wiring.fleet(), dict(context["params"]), requested_by=asked_by)
        context["ti"].xcom_push(key=REHEARSAL_KEY, value=rehearsal.to_record())
        return self.begin(context, rehearsal.due)


class PrepareRehearsalSensor(ScaleServicesSensor):
    """The waves of the event itself; nothing is made smaller, and when the rehearsal expires it is at an end."""

    def conductor(self, context: Context) -> Conductor:
        """Return who decides."""
        from springtide.fleet.rehearsal import growth_orders

        fleet = self.wiring.fleet()
        return self.wiring.conductor(context, lambda due: growth_orders(fleet, due, seen_facts(context)))


class LoadTestOperator(FleetOperator):
    """The load test of one service, and the verdict over it. It is sent once: a worker that died sends none again."""

    template_fields = ("service",)

    def __init__(self, *, service: str, wiring: Wiring = AIRFLOW, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service = service
        self.wiring = wiring

    def execute(self, context: Context) -> Record:
        """Return the outcome."""
        from springtide.fleet.rehearsal import ServiceRehearsal

        outcome = ServiceRehearsal(
            fleet=self.wiring.fleet(),
            rehearsal=required_rehearsal(context),
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

    def conductor(self, context: Context) -> Conductor:
        """Return who decides."""
        from springtide.fleet.rehearsal import WAY_BACK, WayBack

        memory = self.wiring.memory(context)
        decide = WayBack(self.wiring.fleet(), memory, lambda: seen_facts(context))
        return self.wiring.conductor(context, decide, way=WAY_BACK)


class RehearsalReportOperator(FleetOperator):
    """The last task: keeps every service's outcome in the store, and says whether the event would hold."""

    def execute(self, context: Context) -> Record:
        """Return the verdict, service by service."""
        from springtide.events.rehearsed import RehearsalOutcome
        from springtide.fleet.rehearsal_report import end_rehearsal

        records = [record for record in context["ti"].xcom_pull(task_ids=[TESTED_BY]) or [] if record is not None]
        outcomes = [RehearsalOutcome.from_record(record) for record in records]
        return end_rehearsal(self.wiring.fleet(), rehearsal_of(context), outcomes, report_of(context, RELEASED_BY))


def rehearsal_of(context: Context) -> AcceptedRehearsal | None:
    """Return what is rehearsed; None where the first task failed."""
    from springtide.fleet.rehearsal_request import AcceptedRehearsal

    record = context["ti"].xcom_pull(task_ids=FOUND_BY, key=REHEARSAL_KEY)
    return None if record is None else AcceptedRehearsal.from_record(record)


def required_rehearsal(context: Context) -> AcceptedRehearsal:
    """Return what is rehearsed, or raise `PermanentError` where the first task failed."""
    rehearsal = rehearsal_of(context)
    if rehearsal is None:
        raise PermanentError(f"{FOUND_BY} left nothing: clear the run from there on.", code="events_missing")
    return rehearsal
