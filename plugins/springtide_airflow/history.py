"""The tasks that learn from past days. They open the metrics and the store, and no cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from springtide_airflow.clock import system_clock
from springtide_airflow.contexts import Record
from springtide_airflow.folders import policy_folder
from springtide_airflow.notifying import page_of, teller
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow.sdk import Context


class DemandingServicesOperator(BaseOperator):
    """Names the services whose policy reads demand."""

    def execute(self, context: Context) -> list[str]:
        """Return the names; a policy with errors is left to the runs of its service, which say so."""
        from springtide.training.whole_days import demanding_services

        if conf := context["dag_run"].conf:
            self.log.info("conf %s is not used: this DAG only learns, and never changes a cluster", ", ".join(conf))
        return demanding_services(policy_folder())


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
        from springtide.training.notices import tell_staleness
        from springtide.training.whole_days import learn_whole_day
        from springtide_airflow.hook import SpringtideHook

        context["service"] = self.service  # type: ignore[typeddict-unknown-key]  # what map_index_template shows
        policy = policy_folder().get(self.service)
        day = day_of(context)
        now = system_clock().now()
        with SpringtideHook().learning(policy) as learning:
            learned = learn_whole_day(learning, day, now)
        if learned.not_fitted is not None:
            self.log.warning("no model is fitted: %s", learned.not_fitted)
        for message in learned.stale:
            self.log.warning("%s", message)
        tell_staleness(teller(), policy, learned, now, link=page_of(context))
        return learned.to_record()


class PruneOperator(BaseOperator):
    """Forgets what is older than SPRINGTIDE_KEEP_… say: records alone, and none that somebody still needs."""

    def execute(self, context: Context) -> Record:
        """Return how many rows went, and how many stayed.

        Raises:
            InputError: a setting is no such age (`age_invalid`).
            TemporaryError: the store did not answer.
        """
        from springtide.record.retention import Ages
        from springtide_airflow.hook import SpringtideHook

        now = system_clock().now()
        ages = Ages.of(airflow_settings())
        with SpringtideHook().store() as store:
            told = store.prune(ages, now=now, is_dry=False)
        self.log.info("%s: %s", context["dag_run"].run_id, told)
        return dict(told.to_record())


def day_of(context: Context) -> date:
    """Return the UTC day that a run is about: its interval's, or the last whole one for a run without any."""
    from springtide.training.whole_days import day_asked

    dag_run = context["dag_run"]
    return day_asked(dag_run.data_interval_start or dag_run.logical_date, dag_run.run_after)
