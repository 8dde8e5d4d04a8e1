"""The task that ends what others have left: runs whose DAG run has ended, timed out, or is not there any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from springtide_airflow.clock import system_clock
from springtide_airflow.contexts import Record
from springtide_airflow.ends import ends_in_words
from springtide_airflow.folders import policy_folder
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.notifying import teller
from springtide_airflow.settings import airflow_settings
from springtide_airflow.tracing import trace_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

UNDER_WAY: Final = ("queued", "running")
"""The states of a DAG run that may still do something; every other is an end, and so is to be unknown to Airflow."""


class ReconcileRunsOperator(BaseOperator):
    """Finishes or undoes every run that no DAG run vouches for and whose Lease stands still.

    `scaling_dags` are the DAGs whose runs scale: a run's owner lives as long as one of them has it queued or running.
    """

    def __init__(self, *, scaling_dags: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scaling_dags = tuple(scaling_dags)

    @ends_in_words
    def execute(self, context: Context) -> list[Record]:
        """Return what became of each run that owned a workload.

        Raises:
            PermanentError: a run needs a person, or claims to be alive and stands still, or something cannot be
                looked into (`runs_not_reconciled`); the message says all of it, and the DAG stays red meanwhile.
            InputError: a limit of the environment is not one (`limit_invalid`).
            TemporaryError: the cluster did not answer everywhere.
        """
        from springtide.recovery.limits import RoundLimits
        from springtide.recovery.notices import reconciled_facts
        from springtide.recovery.report import ReconcileStatus
        from springtide.recovery.rounds import keep_round, known_by, reconcile_everywhere, scopes_of
        from springtide.run.waiting import WaitLog

        limits = RoundLimits.of(airflow_settings())
        folder = policy_folder()
        scopes, unread = scopes_of(folder)
        if not scopes and not unread:
            raise AirflowSkipException(f"{folder.path} holds no policy, so there is no workload to look after")
        is_alive = known_by(lambda run_id: self._is_under_way(context, run_id))
        on_wait = WaitLog(lambda message: self.log.info("waiting: %s", message), system_clock())
        report = reconcile_everywhere(
            lambda policy: SpringtideHook.of(policy).ports(on_wait), scopes, is_alive, unread, limits=limits
        )
        keep_round(SpringtideHook().store, report, system_clock().now())
        trace_runs(run.run_id for run in report.with_status(ReconcileStatus.ENDED))
        for run in report.runs:
            self.log.info("%s: %s", run.status.value, run)
        # Every minute, so it is also the occasion for what could not be sent.
        policies = [policy for scope in scopes for policy in scope.policies]
        teller().tell(*reconciled_facts(report, policies))
        report.require_good()
        return [dict(run.to_record()) for run in report.runs]

    def _is_under_way(self, context: Context, run_id: str) -> bool:
        """Ask Airflow, through the API that tasks have: a task does not read Airflow's database."""
        count = context["ti"].get_dr_count
        return any(count(dag_id=dag, run_ids=[run_id], states=list(UNDER_WAY)) for dag in self.scaling_dags)
