"""The tasks that act. Each opens the ports, calls one phase of the library, and returns a small record."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, SkipMixin, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from springtide_airflow.ahead import begin_ahead, taken_up
from springtide_airflow.child_runs import going_in
from springtide_airflow.contexts import Record
from springtide_airflow.folders import policy_folder
from springtide_airflow.parameters import origin_of, person_of, request_of
from springtide_airflow.runs import (
    APPROVED_BY,
    APPROVED_KEY,
    PLAN_KEY,
    first_failure,
    opened,
    planned_run,
    progress_record,
    ref_of,
    required_run,
    say_end,
    say_unchanged,
    tell_end,
)
from springtide_airflow.tracing import trace_runs

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.run.handover import Handover
    from springtide.run.planned import PlannedRun
    from springtide.run.ports import Ports, RunRequest


class CalculateCapacityOperator(BaseOperator, SkipMixin):
    """Plans. Where there is nothing to do, or only a plan was asked for, it skips everything but the report.

    The tasks that warm nodes are skipped where the policy names no placeholders.
    """

    inherits_from_skipmixin = True

    def execute(self, context: Context) -> None:
        """Leave the plan for the tasks that follow, and go ahead of them; one that is queued waits for its turn first.

        What fails ahead fails the task of its own name: this one has done its part.
        """
        from springtide.run.handover import Handover

        handover = Handover()
        with opened(context) as ports:
            request, planned = self._planned(context, ports, handover)
            if not isinstance(planned, str):
                self._leave(context, planned)
                begin_ahead(context, ports, request, planned.plan, handover)
        if isinstance(planned, str):
            self._wait(planned)
        else:
            self._skip_the_rest(context, request, planned)

    def _planned(self, context: Context, ports: Ports, handover: Handover) -> tuple[RunRequest, PlannedRun | str]:
        """Return what was asked for, and the plan; or who has the turn before this run."""
        from springtide.run.permission import require_permitted
        from springtide.run.planned import plan_run
        from springtide.run.queueing import who_is_ahead
        from springtide.run.refusals import refusals_kept

        origin = origin_of(context)
        with refusals_kept(ports.store, context["params"], policy_folder(), origin, ports.clock):
            request = request_of(context, ports.clock)
            require_permitted(request.policy, person_of(context), ports.store, run_id=request.run_id)
            ahead = who_is_ahead(ports, request, origin.due, is_going=going_in(context))
            too_late = origin.refusal_for_age(ports.clock.now())
            attempt = context["ti"].try_number
            return request, ahead or plan_run(ports, request, attempt, refusal=too_late, handover=handover)

    def _leave(self, context: Context, planned: PlannedRun) -> None:
        plan = planned.plan
        context["ti"].xcom_push(key=PLAN_KEY, value=planned.to_record())
        self.log.info("%s, %s → %s replicas: %s", planned.outcome.value, plan.current, plan.replicas, plan.reason)
        if planned.is_unchanged:
            is_asked = context["params"].get("dry_run") is True
            self.log.info("nothing is changed: %s", planned.why_unchanged(is_asked=is_asked))

    def _skip_the_rest(self, context: Context, request: RunRequest, planned: PlannedRun) -> None:
        """Skip what the plan has no need of: this raises what ends a task that does."""
        following = self.get_flat_relatives(upstream=False)
        if planned.is_unchanged:
            self.skip(context["ti"], [task for task in following if task.trigger_rule != TriggerRule.ALL_DONE])
        elif request.settings.warm_nodes is None:
            self.skip(context["ti"], [task for task in following if _warms(task.task_id)])

    def _wait(self, ahead: str) -> None:
        """Free the worker until it is time to look again: this raises what Airflow defers a task by."""
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        from springtide.run.queueing import SECONDS_BETWEEN_TURNS

        self.log.info("waiting for its turn: %s", ahead)
        trigger = TimeDeltaTrigger(timedelta(seconds=SECONDS_BETWEEN_TURNS))
        self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """Look again."""
        del event
        self.execute(context)


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
    """Takes the workload's Lease and brings the new instances into being; what follows and needs no wait goes ahead."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.state import Phase

        return taken_up(context, Phase.CREATE_INSTANCES, lambda ports, _ref: self._create(context, ports))

    def _create(self, context: Context, ports: Ports) -> Record:
        from springtide.run.phases import create_instances

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

        phase = Phase(self.task_id)
        return taken_up(context, phase, lambda ports, ref: progress_record(run_phase(ports, ref, phase)))


class SmokeTestOperator(BaseOperator):
    """Tests what serves now."""

    def execute(self, context: Context) -> Record:
        """Return the verdict."""
        from springtide.run.phases import smoke_test
        from springtide.run.state import Phase

        return taken_up(context, Phase.SMOKE_TEST, lambda ports, ref: dict(smoke_test(ports, ref).to_record()))


class RollBackOperator(BaseOperator):
    """Undoes the run; skipped where nothing was ever planned, so that there is nothing to undo."""

    def execute(self, context: Context) -> Record:
        """Return what was done."""
        from springtide.run.halted import is_halt
        from springtide.run.phases import roll_back

        planned = planned_run(context)
        if planned is None:
            raise AirflowSkipException("nothing was planned, so nothing was changed and nothing is undone")
        with opened(context) as ports:
            is_halted = is_halt(first_failure(context))
            return progress_record(roll_back(ports, ref_of(context, planned.plan), is_halted=is_halted))


class ReportOperator(BaseOperator):
    """Closes the run, and tells people. It is the last task: a run that failed or rolled back ends failed here.

    Its log and the note of the DAG run have the whole outcome: how it ended, why, what serves now, what to do.
    """

    def execute(self, context: Context) -> Record:
        """Return how the run ended.

        Raises:
            ToldFailure: the run did not do what it was asked to; the log says why in the run's own words.
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
        say_unchanged(context)
        return planned.summary()
    with opened(context) as ports:
        run_id = context["dag_run"].run_id
        attempt = context["ti"].try_number
        tell = partial(tell_end, context, ports)
        try:
            return close_run(ports, planned, error, run_id=run_id, attempt=attempt, tell=tell)
        finally:
            say_end(context, ports)
