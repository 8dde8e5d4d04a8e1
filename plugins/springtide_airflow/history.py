"""The tasks that learn from past days. They open the metrics and the store, and no cluster."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperator

from springtide_airflow.clock import system_clock
from springtide_airflow.contexts import Record, try_chain
from springtide_airflow.ends import ends_in_words
from springtide_airflow.folders import policy_folder
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.notifying import page_of, teller
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from airflow.sdk import Context, XComArg

    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.store import RunStore
    from springtide.run.assembly import Metrics
    from springtide.training.whole_days import LearnedDay


class DemandingServicesOperator(BaseOperator):
    """Names the services whose policy reads demand, in the parts that one task each learns."""

    @ends_in_words
    def execute(self, context: Context) -> list[list[str]]:
        """Return the names; a policy with errors is left to the runs of its service, which say so."""
        from springtide.fleet.chunks import learn_chunk, parts_of
        from springtide.training.whole_days import demanding_services

        if conf := context["dag_run"].conf:
            self.log.info("conf %s is not used: this DAG only learns, and never changes a cluster", ", ".join(conf))
        return parts_of(demanding_services(policy_folder()), learn_chunk(airflow_settings()))


class LearnDayOperator(BaseOperator):
    """Keeps one day of each of `services`; the newest day also has their models fitted, judged and tuned.

    A retry goes on with those that are not learned yet. A task that somebody clears learns all of them again.
    """

    template_fields: Sequence[str] = ("services",)

    def __init__(self, *, services: list[str] | XComArg, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.services = services

    @property
    def names(self) -> list[str]:
        """The services, once the answer of another task has come."""
        return cast("list[str]", self.services)

    @property
    def title(self) -> str:
        """What Airflow's page calls this task: it is asked before the task begins, so a failed one has it as well."""
        from springtide.fleet.chunks import span_of

        return span_of(self.names)

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return what the day was like for each.

        Raises:
            ToldFailure: the day is not over yet, the store did not answer, or a service could not be learned; then the
                others are kept.
        """
        from springtide.fleet.learning import Attempts, DayLearner

        hook = SpringtideHook()
        with hook.store() as store:
            learner = DayLearner(
                day=day_of(context),
                policies=policy_folder(),
                learn=self._lesson(context, store, hook.metrics()),
                clock=system_clock(),
                tell=self.log.info,
            )
            learned = learner.learn_all(self.names, Attempts(context["task_state_store"], try_chain(context)))
        learned.require_all()
        return learned.to_record()

    def _lesson(self, context: Context, store: RunStore, metrics: Metrics) -> Callable[[ScalingPolicy], LearnedDay]:
        """Return what learns the day of one service, and tells people where the cluster follows old numbers."""
        from springtide.training.assembly import learning, pages_kept
        from springtide.training.notices import tell_staleness
        from springtide.training.whole_days import learn_whole_day, require_over

        now = system_clock().now()  # one for all: none of them is judged by another day than the others
        day = day_of(context)
        require_over(day, now)
        pages = airflow_settings().pages
        kept = pages_kept(airflow_settings())
        tells = teller(lambda: nullcontext(store))

        def learn(policy: ScalingPolicy) -> LearnedDay:
            lesson = learning(policy, store, metrics, pages=pages.joinpath(policy.name), kept=kept)
            learned = learn_whole_day(lesson, day, now)
            for message in learned.warnings:
                self.log.warning("%s: %s", policy.name, message)
            tell_staleness(tells, policy, learned, now, link=page_of(context))
            return learned

        return learn


class PruneOperator(BaseOperator):
    """Forgets what is older than SPRINGTIDE_KEEP_… say: records alone, and none that somebody still needs."""

    def execute(self, context: Context) -> Record:
        """Return how many rows went, and how many stayed.

        Raises:
            InputError: a setting is no such age (`age_invalid`).
            TemporaryError: the store did not answer.
        """
        from springtide.record.retention import Ages

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
