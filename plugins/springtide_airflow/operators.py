"""The tasks that act. Each opens the ports, calls one phase of the library, and returns a small record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator, SkipMixin, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from springtide_airflow.parameters import request_of
from springtide_airflow.runs import (
    Record,
    as_approved,
    failure_of,
    keep_plan,
    opened,
    plan_of,
    progress_record,
    ref_of,
    required_plan,
    unchanged,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


class CalculateCapacityOperator(BaseOperator, SkipMixin):
    """Plans. Where there is nothing to do, or only a plan was asked for, it skips everything but the report."""

    inherits_from_skipmixin = True

    def execute(self, context: Context) -> None:
        """Leave the plan for the tasks that follow."""
        from springtide.run.phases import calculate_capacity

        with opened(context) as ports:
            request = request_of(context, ports.clock)
            plan = calculate_capacity(ports, request, attempt=context["ti"].try_number)
        keep_plan(context, plan, is_dry=request.dry_run)
        self.log.info("%s, %s → %s replicas: %s", plan.outcome.value, plan.current, plan.replicas, plan.reason)
        if unchanged(context):
            self.log.info("nothing is changed: %s", "this is a dry run" if request.dry_run else "nothing to do")
            changes = [t for t in self.get_flat_relatives(upstream=False) if t.trigger_rule != TriggerRule.ALL_DONE]
            self.skip(ti=context["ti"], tasks=changes)


class CreateInstancesOperator(BaseOperator):
    """Takes the workload's Lease and brings the new instances into being."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import create_instances

        with opened(context) as ports:
            plan = required_plan(context)
            request = as_approved(context, request_of(context, ports.clock), ports.clock.now())
            return progress_record(create_instances(ports, request, plan, attempt=context["ti"].try_number))


class PhaseOperator(BaseOperator):
    """A phase that acts and needs nothing but the run's name; the task is called as the library's function."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import run_phase
        from springtide.run.state import Phase

        with opened(context) as ports:
            return progress_record(run_phase(ports, ref_of(context, required_plan(context)), Phase(self.task_id)))


class SmokeTestOperator(BaseOperator):
    """Tests what serves now."""

    def execute(self, context: Context) -> Record:
        """Return the verdict."""
        from springtide.run.phases import smoke_test

        with opened(context) as ports:
            return dict(smoke_test(ports, ref_of(context, required_plan(context))).to_record())


class RollBackOperator(BaseOperator):
    """Undoes the run; skipped where nothing was ever planned, so that there is nothing to undo."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.phases import roll_back

        plan = plan_of(context)
        if plan is None:
            raise AirflowSkipException("nothing was planned, so nothing was changed and nothing is undone")
        with opened(context) as ports:
            return progress_record(roll_back(ports, ref_of(context, plan)))


class ReportOperator(BaseOperator):
    """Closes the run. It is the last task, so a run that failed or rolled back ends failed by failing here."""

    def execute(self, context: Context) -> Record:
        """Return how the run ended.

        Raises:
            AirflowFailException: the run did not do what it was asked to; the message is the run's own.
        """
        from springtide.record.model import RunOutcome
        from springtide.run.journal import end_run
        from springtide.run.phases import report

        plan, error, outcome = plan_of(context), failure_of(context), RunOutcome.FAILED
        if error is None and (planned := unchanged(context)):
            return planned
        with opened(context) as ports:
            if plan is None:
                end_run(ports, context["dag_run"].run_id, outcome, error)
            else:
                outcome = report(ports, ref_of(context, plan), error)
        if plan is None or outcome is not RunOutcome.SUCCEEDED:
            raise AirflowFailException(f"{outcome.value}: {error.message if error else _BY_HAND}")
        return {"outcome": outcome.value, "current": plan.current, "replicas": plan.replicas, "reason": plan.reason}


_BY_HAND = "no task failed, so some were skipped or marked by hand: see the tasks before this one."
