"""The task that pauses one service, or resumes it, in the name of whoever asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.sdk import Param

from springtide.fleet.pause_form import pause_form
from springtide_airflow.contexts import Record, run_type_of
from springtide_airflow.ends import ends_in_words, leave_note
from springtide_airflow.event_operators import FleetOperator
from springtide_airflow.folders import policy_or_none
from springtide_airflow.notifying import page_of
from springtide_airflow.parameters import person_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.fleet.pausing import Paused
    from springtide.policy.reading.folder import PolicyFolder


def pause_params(folder: PolicyFolder) -> dict[str, Param]:
    """Return the form; the services are the policy files of `folder`, by name."""
    return {name: Param(**field) for name, field in pause_form(folder.names()).items()}


class PauseServiceOperator(FleetOperator):
    """Keeps the pause, or takes it back, and tells people of a pause."""

    @ends_in_words
    def execute(self, context: Context) -> Record:
        """Return what came of it.

        Raises:
            InputError: there is no such service, a value is not allowed, or there is nothing to resume.
            TemporaryError: the store does not answer.
        """
        from springtide.fleet.pause_form import PauseAction
        from springtide.fleet.pauses import paused_fact

        done = self._done(context)
        self.log.info("%s", done.message)
        leave_note(context, f"{done.action.value} {done.pause.service}: done", [done.message])
        if done.action is PauseAction.PAUSE:
            fact = paused_fact(done.pause, policy_or_none(done.pause.service))
            self.wiring.teller().tell(replace(fact, link=page_of(context)))
        return done.to_record()

    def _done(self, context: Context) -> Paused:
        from springtide.fleet.pause_form import PauseAction, parse_action
        from springtide.fleet.pausing import pause_service, resume_service
        from springtide.run.pauses import parse_pause

        asked = context["params"]
        fleet = self.wiring.fleet()
        run = context["dag_run"]
        by = run.triggering_user_name or f"airflow ({run_type_of(run)})"
        now = fleet.clock.now()
        service = asked.get("service")
        self._require_permitted(context, str(service))
        if parse_action(asked.get("action")) is PauseAction.RESUME:
            return resume_service(fleet.open_store, str(service), by=by, reason=asked.get("reason"), now=now)
        policy = fleet.policies.get(str(service))
        return pause_service(fleet.open_store, parse_pause(asked, policy, by=by, now=now), now)

    def _require_permitted(self, context: Context, service: str) -> None:
        """Return when whoever asks may; a pause of a policy that cannot be read may be taken back by anybody."""
        from springtide.run.permission import require_permitted

        policy = policy_or_none(service)
        if policy is None:
            return
        with self.wiring.fleet().open_store() as store:
            require_permitted(policy, person_of(context), store, run_id=context["dag_run"].run_id)
