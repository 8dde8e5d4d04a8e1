"""The task between a plan and its run: it asks a person where the policy wants one, and is passed at once elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator

from springtide_airflow.ahead import was_begun
from springtide_airflow.clock import system_clock
from springtide_airflow.errors import told
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.notifying import answer_page_of, teller
from springtide_airflow.parameters import request_of
from springtide_airflow.runs import APPROVED_KEY, leave_error, required_run

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlanApprovalOperator(ApprovalOperator):
    """Shows the plan and waits for an answer. It passes where nobody needs to be asked; rejected, the run fails."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(subject="Apply this plan?", body="", fail_on_reject=True, **kwargs)

    def execute(self, context: Context) -> Any:
        """Ask; pass at once where nobody needs to be asked, and what somebody approved ahead for the run's event."""
        from springtide.run.approval import (
            approval_page,
            approval_subject,
            keep_approved,
            keep_asked,
            needs_approval,
            others_waiting,
        )
        from springtide.run.approved_ahead import approval_in
        from springtide.run.notices import approval_fact
        from springtide.run.planned import approval_record

        clock = system_clock()
        plan = required_run(context).plan
        if was_begun(context):
            # Another question, by a policy that has changed since, would be about what is done.
            self.log.info("this plan needed no approval, and is being applied")
            return {"approval": "not needed"}
        request = request_of(context, clock)
        if not needs_approval(request, plan):
            self.log.info("this plan needs no approval")
            return {"approval": "not needed"}
        now = clock.now()
        ahead = approval_in(SpringtideHook().store, request, plan, now)
        if ahead is not None:
            self.log.info("%s", ahead)
            keep_approved(SpringtideHook().store, request.run_id, str(ahead), now)
            context["ti"].xcom_push(key=APPROVED_KEY, value=approval_record(plan, now))
            return {"approved_ahead": str(ahead)}
        waiting = others_waiting(SpringtideHook().store, plan.policy, now)
        self.subject = approval_subject(plan)
        self.body = approval_page(plan, request, now, waiting=waiting)
        link = answer_page_of(context)
        teller().tell(approval_fact(request.policy, plan, context["dag_run"].run_id, link=link))
        # no subclass of it: Airflow's supervisor takes none, and the task would be tried again and again
        self.response_timeout = keep_asked(SpringtideHook().store, request, clock.now())
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Leave the fingerprint of what was approved; only that plan is applied.

        Raises:
            ToldFailure: it was rejected, or nobody answered.
        """
        from springtide.run.approval import keep_answered, keep_approved, rejected, unanswered
        from springtide.run.planned import approval_record

        plan = required_run(context).plan
        try:
            answer = super().execute_complete(context, event)
        except (HITLRejectException, HITLTimeoutError) as error:
            who = (event.get("responded_by_user") or {}).get("name")
            refusal = rejected(plan, who) if isinstance(error, HITLRejectException) else unanswered(plan)
            keep_answered(SpringtideHook().store, plan.policy, refusal)
            leave_error(context, refusal)
            raise told(refusal) from error
        keep_answered(SpringtideHook().store, plan.policy)
        who = (event.get("responded_by_user") or {}).get("name") or "somebody"
        run_id = context["dag_run"].run_id
        keep_approved(SpringtideHook().store, run_id, f"approved by {who}", system_clock().now())
        context["ti"].xcom_push(key=APPROVED_KEY, value=approval_record(plan, answer["responded_at"]))
        return answer
