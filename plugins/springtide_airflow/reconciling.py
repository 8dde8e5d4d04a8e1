"""The task that ends what others have left: runs whose DAG run has ended, timed out, or is not there any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from springtide_airflow.policies import policies_folder
from springtide_airflow.runs import Record, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from springtide.recovery.reconcile import IsAlive

UNDER_WAY: Final = ("queued", "running")
"""The states of a DAG run that may still do something; every other is an end, and so is to be unknown to Airflow."""


class ReconcileRunsOperator(BaseOperator):
    """Finishes or undoes every run that no DAG run vouches for and whose Lease stands still.

    `scaling_dags` are the DAGs whose runs scale: a run's owner lives as long as one of them has it queued or running.
    """

    def __init__(self, *, scaling_dags: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scaling_dags = tuple(scaling_dags)

    def execute(self, context: Context) -> list[Record]:
        """Return what became of each run that owned a workload.

        Raises:
            AirflowFailException: a run needs a person, or something kept this task from looking everywhere; the message
                says all of it. So the DAG stays red until somebody has looked.
        """
        from springtide.policy.reading.folder import PolicyFolder
        from springtide.recovery.rounds import ReconcileStatus, reconcile_round

        policies, unread = PolicyFolder(policies_folder()).readable()
        if not policies and not unread:
            raise AirflowSkipException(f"{policies_folder()} holds no policy, so there is no workload to look after")
        with opened(context) as ports:
            namespaces = {policy.spec.target.namespace for policy in policies}
            swept = reconcile_round(ports, namespaces, self._is_alive(context))
        for run in swept.runs:
            self.log.info("%s: %s", run.status.value, run)
        problems = [
            *map(str, swept.with_status(ReconcileStatus.NEEDS_ATTENTION)),
            *(error.message for error in swept.refused),
        ]
        if problems := [*problems, *map(str, unread)]:
            raise AirflowFailException("\n".join(problems))
        return [dict(run.to_record()) for run in swept.runs]

    def _is_alive(self, context: Context) -> IsAlive:
        """Return what asks Airflow, through the API that tasks have: a task does not read Airflow's database."""
        from springtide.recovery.rounds import COMMAND_LINE

        count = context["ti"].get_dr_count

        def is_alive(run_id: str) -> bool:
            if run_id.startswith(COMMAND_LINE):
                return False  # no DAG run's: its Lease alone tells
            return any(count(dag_id=dag, run_ids=[run_id], states=list(UNDER_WAY)) for dag in self.scaling_dags)

        return is_alive
