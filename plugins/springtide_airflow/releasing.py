"""The task that gives back what nobody gave back: floors whose time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springtide_airflow.contexts import Record
from springtide_airflow.ends import ends_in_words
from springtide_airflow.event_operators import FleetOperator
from springtide_airflow.folders import policy_folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.notify.facts import Fact


class ReleaseExpiredOperator(FleetOperator):
    """Gives back every floor whose time is over, one run each; a run that fails keeps no other from its own."""

    @ends_in_words
    def execute(self, context: Context) -> list[Record]:
        """Return what became of each."""
        from springtide.fleet.expired import release_everywhere

        policies, unread = policy_folder().readable()
        parent = context["dag_run"].run_id
        told: list[Fact] = []
        try:
            opened = self.wiring.open_cluster
            by = "airflow (expired)"
            released = release_everywhere(opened, policies, unread, parent=parent, requested_by=by, told=told)
        finally:
            self.wiring.teller().tell(*told)
        return [floor.to_record() for floor in released]
