"""The task that asks a run to stop, and waits until the run says what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator

from springtide_airflow.clock import system_clock
from springtide_airflow.contexts import Record
from springtide_airflow.ends import ends_in_words, require
from springtide_airflow.folders import policy_folder
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.parameters import person_of
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class AbortRunOperator(BaseOperator):
    """Writes the request on the service's Lease. Asked again, by a retry for one, it waits for the same end."""

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return how the run ended.

        Raises:
            PermanentError: it did not roll back; the message says how it stands, and why.
        """
        from springtide.run.abort_parameters import longest_wait, parse_abort
        from springtide.run.aborting import await_abort, request_abort
        from springtide.run.permission import require_permitted
        from springtide.run.waiting import WaitLog

        asked = parse_abort(context["params"], policy_folder())
        wait = longest_wait(airflow_settings())
        by = context["dag_run"].triggering_user_name or "airflow"
        on_wait = WaitLog(lambda message: self.log.info("waiting: %s", message), system_clock())
        with SpringtideHook.of(asked.policy).ports(on_wait) as ports:
            require_permitted(asked.policy, person_of(context), ports.store, run_id=context["dag_run"].run_id)
            workload = asked.policy.spec.target.workload
            abort = request_abort(ports, workload, asked.policy.name, by=by, reason=asked.reason, run_id=asked.run_id)
            self.log.info("run %s: %s", abort.run_id, abort)
            end = await_abort(ports, workload, abort.run_id, at_most=wait)
        self.log.info("%s", end.message)
        head = f"abort of {asked.policy.name}: {end.outcome.replace('_', ' ')}"
        require(context, end.require_rolled_back, head, [end.message, f"asked for by {by}: {asked.reason}"])
        return dict(end.to_record())
