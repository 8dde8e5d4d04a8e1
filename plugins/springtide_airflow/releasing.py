"""The task that gives back what nobody gave back: floors whose time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from springtide.errors import PermanentError
from springtide_airflow.policies import policies_folder
from springtide_airflow.runs import Record, opened

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReleaseExpiredOperator(BaseOperator):
    """Gives back every floor whose time is over, one run each; a run that fails keeps no other from its own."""

    def execute(self, context: Context) -> list[Record]:
        """Return what became of each.

        Raises:
            AirflowFailException: a floor could not be given back, or a policy cannot be read; the message says all.
        """
        from springtide.policy.folder import PolicyFolder
        from springtide.run import pipeline
        from springtide.run.release import expired_floors, release_request

        policies, unread = PolicyFolder(policies_folder()).readable()
        floors, done, troubles = [each for each in policies if each.spec.strategy.type == "floor"], [], []
        with opened(context) as ports:
            for held in list(expired_floors(ports, floors)):
                name = held.policy.name
                run_id, reason = f"{context['dag_run'].run_id}__{name}", f"over since {held.hold.until.isoformat()}"
                request = release_request(held.policy, run_id=run_id, requested_by="airflow (expired)", reason=reason)
                try:
                    done.append({"service": name, "run_id": run_id, "outcome": pipeline.run(ports, request).value})
                except PermanentError as error:
                    troubles.append(f"{name}: {error.message}")
        if troubles := [*troubles, *map(str, unread)]:
            raise AirflowFailException("\n".join(troubles))
        return done
