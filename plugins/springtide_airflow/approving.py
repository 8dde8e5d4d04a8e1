"""The task that keeps what somebody approved before it came."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from springtide_airflow.contexts import Record
from springtide_airflow.ends import ends_in_words, leave_note
from springtide_airflow.event_operators import FleetOperator
from springtide_airflow.parameters import person_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.record.approvals import ApprovalAhead

log = logging.getLogger(__name__)


class ApproveAheadOperator(FleetOperator):
    """Keeps the approval of one preparation, or takes one back. Only a person's run does so."""

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return the approval as it is kept."""
        from springtide.run.permission import require_permitted

        approval = self._asked(context)
        fleet = self.wiring.fleet()
        policy = fleet.policies.get(approval.policy)
        with fleet.open_store() as store:
            require_permitted(policy, person_of(context), store, run_id=context["dag_run"].run_id)
            store.approve_ahead(approval)
        return _said(context, approval)

    def _asked(self, context: Context) -> ApprovalAhead:
        from springtide.fleet.approve_ahead import approval_asked

        fleet = self.wiring.fleet()
        # Who runs it by Airflow's own word: a run that a schedule or a task has started names nobody, and is refused.
        return approval_asked(
            dict(context["params"]),
            by=context["dag_run"].triggering_user_name,
            policies=fleet.policies,
            calendars=fleet.calendars(),
            now=fleet.clock.now(),
        )


def _said(context: Context, approval: ApprovalAhead) -> Record:
    """Return the approval's record; its words stand in the log and in the note."""
    log.info("%s", approval)
    leave_note(context, "approval taken back" if approval.is_taken_back else "approved ahead", [str(approval)])
    return approval.to_record()
