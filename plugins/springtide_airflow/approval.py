"""The task between a plan and its run: it asks a person where the policy wants one, and is passed at once elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from springtide.errors import PermanentError
from springtide_airflow.clock import system_clock
from springtide_airflow.parameters import request_of
from springtide_airflow.runs import APPROVED_KEY, ERROR_KEY, required_plan

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.plan.model import ScalingPlan


class PlanApprovalOperator(ApprovalOperator):
    """Shows the plan and waits for an answer. Skipped where nobody needs to be asked; rejected, the run fails."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(subject="Apply this plan?", body="", fail_on_reject=True, **kwargs)

    def execute(self, context: Context) -> Any:
        """Ask, or skip."""
        from springtide.run.approval import needs_approval

        plan = required_plan(context)
        request = request_of(context, system_clock())
        if not needs_approval(request, plan):
            raise AirflowSkipException("this plan needs no approval")
        self.body = message_of(plan)
        # no subclass of it: Airflow's supervisor takes none, and the task would be tried again and again
        self.response_timeout = timedelta(seconds=request.policy.spec.approval.within.total_seconds())
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Leave the fingerprint of what was approved; only that plan is applied.

        Raises:
            PermanentError: it was rejected, or nobody answered.
        """
        plan = required_plan(context)
        try:
            answer = super().execute_complete(context, event)
        except HITLRejectException as error:
            who = (event.get("responded_by_user") or {}).get("name", "somebody")
            raise _told(context, f"plan {plan.fingerprint} was rejected by {who}.", "approval_rejected") from error
        except HITLTimeoutError as error:
            message = f"nobody answered within approval.within of policy {plan.policy}; nothing was written."
            raise _told(context, message, "approval_missing") from error
        at = answer["responded_at"].isoformat()
        context["ti"].xcom_push(key=APPROVED_KEY, value={"plan": plan.fingerprint, "at": at})
        return answer


def message_of(plan: ScalingPlan) -> str:
    """Return the plan for the page that asks, as Markdown; what others wrote stands in code, so it is only text."""
    numbers = f"{plan.current} → {plan.replicas} replicas by `{plan.strategy}`"
    lines = [f"**{plan.policy}**: {numbers}, plan `{plan.fingerprint}`"]
    lines += ["", "    " + plan.reason, "", "| check | | found |", "|---|---|---|"]
    lines += [f"| {each.check} | {each.status.value} | `{_cell(each.message)}` |" for each in plan.findings]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("`", "'").replace("\n", " ")


def _told(context: Context, message: str, code: str) -> PermanentError:
    error = PermanentError(message, code=code, field="approval")
    context["ti"].xcom_push(key=ERROR_KEY, value=error.to_record())
    return error
