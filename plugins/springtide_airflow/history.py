"""The tasks that learn from past days. They open the metrics and the store, and no cluster."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from springtide.errors import PolicyError
from springtide_airflow.clock import system_clock
from springtide_airflow.policies import policies_folder, policy_names, policy_of
from springtide_airflow.runs import Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow.sdk import Context

MEANT_FOR_RUNS = ("dry_run", "replicas", "strategy")


class DemandingServicesOperator(BaseOperator):
    """Names the services whose policy reads demand."""

    def execute(self, context: Context) -> list[str]:
        """Return the names; a policy with errors is left to the runs of its service, which say so."""
        given = [name for name in MEANT_FOR_RUNS if name in (context["dag_run"].conf or {})]
        if given:
            self.log.info("conf %s is not used: this DAG only learns, and never changes a cluster", ", ".join(given))
        return [name for name in policy_names(policies_folder()) if self._reads_demand(name)]

    def _reads_demand(self, name: str) -> bool:
        try:
            return policy_of(name, policies_folder()).spec.demand is not None
        except PolicyError as error:
            self.log.warning("%s is left out: %s", name, error.message)
            return False


class LearnDayOperator(BaseOperator):
    """Keeps one day of `service`; the newest day also has its models fitted, judged and tuned."""

    template_fields: Sequence[str] = ("service",)

    def __init__(self, *, service: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service = service

    def execute(self, context: Context) -> Record:
        """Return what the day was like.

        Raises:
            InputError: the day is not over yet.
            DemandUnavailable, TemporaryError: the metrics or the store did not answer.
        """
        from springtide.training.whole_days import learn_whole_day
        from springtide_airflow.hook import SpringtideHook

        context["service"] = self.service  # type: ignore[typeddict-unknown-key]  # what map_index_template shows
        policy = policy_of(self.service, policies_folder())
        with SpringtideHook().learning(policy) as learning:
            learned = learn_whole_day(learning, day_of(context), system_clock().now())
        if learned.not_fitted is not None:
            self.log.warning("no model is fitted: %s", learned.not_fitted)
        for message in learned.stale:
            self.log.warning("%s", message)
        return learned.to_record()


def day_of(context: Context) -> date:
    """Return the UTC day that a run is about: its interval's, or the last whole one for a run without any."""
    from springtide.training.whole_days import last_whole_day

    dag_run = context["dag_run"]
    start = dag_run.data_interval_start or dag_run.logical_date
    return last_whole_day(dag_run.run_after) if start is None else start.astimezone(UTC).date()
