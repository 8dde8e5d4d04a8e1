"""The tasks that act. Each opens the ports, calls one phase of the library, and returns a small record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator, SkipMixin, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from springtide_airflow.contexts import Record
from springtide_airflow.parameters import request_of
from springtide_airflow.runs import (
    APPROVED_BY,
    APPROVED_KEY,
    PLAN_KEY,
    first_failure,
    opened,
    planned_run,
    progress_record,
    ref_of,
    required_ref,
    required_run,
)
from springtide_airflow.tracing import trace_runs

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.run.planned import PlannedRun
    from springtide.run.ports import Ports, RunRequest


class CalculateCapacityOperator(BaseOperator, SkipMixin):
    """Plans. Where there is nothing to do, or only a plan was asked for, it skips everything but the report.

    The tasks that warm nodes are skipped where the policy names no placeholders.
    """

    inherits_from_skipmixin = True

    def execute(self, context: Context) -> None:
        """Leave the plan for the tasks that follow."""
        from springtide.run.planned import plan_run

        with opened(context) as ports:
            request = request_of(context, ports.clock)
            planned = plan_run(ports, request, context["ti"].try_number)
        plan = planned.plan
        context["ti"].xcom_push(key=PLAN_KEY, value=planned.to_record())
        self.log.info("%s, %s → %s replicas: %s", plan.outcome.value, plan.current, plan.replicas, plan.reason)
        if planned.is_unchanged:
            why = "this is a dry run" if planned.dry_run else plan.outcome.value.replace("_", " ")
            self.log.info("nothing is changed: %s", why)
            changes = [t for t in self.get_flat_relatives(upstream=False) if t.trigger_rule != TriggerRule.ALL_DONE]
            self.skip(ti=context["ti"], tasks=changes)
        elif request.settings.warm_nodes is None:
            self.skip(ti=context["ti"], tasks=[t for t in self.get_flat_relatives(upstream=False) if _warms(t.task_id)])


def _warms(task_id: str) -> bool:
    from springtide.run.phase_table import WARMING

    return task_id in {phase.value for phase in WARMING}


class WarmNodesOperator(BaseOperator):
    """Takes the workload's Lease and raises the placeholders, so that nodes come before pods."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import warm_nodes

        with opened(context) as ports:
            planned, request = _approved(context, ports)
            return progress_record(warm_nodes(ports, request, planned.plan, attempt=context["ti"].try_number))


class CreateInstancesOperator(BaseOperator):
    """Takes the workload's Lease and brings the new instances into being."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import create_instances

        with opened(context) as ports:
            planned, request = _approved(context, ports)
            return progress_record(create_instances(ports, request, planned.plan, attempt=context["ti"].try_number))


def _approved(context: Context, ports: Ports) -> tuple[PlannedRun, RunRequest]:
    """Return the plan of this DAG run, and the request as a person approved it, where one was asked."""
    planned = required_run(context)
    answer = context["ti"].xcom_pull(task_ids=APPROVED_BY, key=APPROVED_KEY)
    return planned, planned.as_approved(request_of(context, ports.clock), answer, ports.clock.now())


class PhaseOperator(BaseOperator):
    """A phase that acts and needs nothing but the run's name; the task is called as the library's function."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import run_phase
        from springtide.run.state import Phase

        with opened(context) as ports:
            return progress_record(run_phase(ports, required_ref(context), Phase(self.task_id)))


class SmokeTestOperator(BaseOperator):
    """Tests what serves now."""

    def execute(self, context: Context) -> Record:
        """Return the verdict."""
        from springtide.run.phases import smoke_test

        with opened(context) as ports:
            return dict(smoke_test(ports, required_ref(context)).to_record())


class RollBackOperator(BaseOperator):
    """Undoes the run; skipped where nothing was ever planned, so that there is nothing to undo."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import roll_back

        planned = planned_run(context)
        if planned is None:
            raise AirflowSkipException("nothing was planned, so nothing was changed and nothing is undone")
        with opened(context) as ports:
            return progress_record(roll_back(ports, ref_of(context, planned.plan)))


class ReportOperator(BaseOperator):
    """Closes the run. It is the last task, so a run that failed or rolled back ends failed by failing here."""

    def execute(self, context: Context) -> Record:
        """Return how the run ended.

        Raises:
            PermanentError: the run did not do what it was asked to; the message is the run's own.
        """
        try:
            return _closed(context)
        finally:
            trace_runs([context["dag_run"].run_id])


def _closed(context: Context) -> Record:
    from springtide.run.planned import close_run

    error = first_failure(context)
    planned = planned_run(context)
    if error is None and planned is not None and planned.is_unchanged:
        return planned.summary()
    with opened(context) as ports:
        run_id = context["dag_run"].run_id
        return close_run(ports, planned, error, run_id=run_id, attempt=context["ti"].try_number)
