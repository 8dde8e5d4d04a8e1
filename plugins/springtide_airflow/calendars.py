"""The calendars as Airflow's processes see them: the folder, and the file that remembers what was read last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springtide_airflow import settings
from springtide_airflow.policies import policies_folder, policy_names, policy_of

if TYPE_CHECKING:
    from pathlib import Path

    from springtide.fleet.calendars import CalendarFolder
    from springtide.policy.scaling.model import ScalingPolicy


class FolderPolicies:
    """The policies of the folder, as conductors and calendars ask for them."""

    def names(self) -> list[str]:
        """Return the services that have a policy."""
        return policy_names(policies_folder())

    def get(self, name: str) -> ScalingPolicy:
        """Return the policy of one service."""
        return policy_of(name, policies_folder())


def calendars_folder() -> Path:
    """Return where the calendars are."""
    return settings.airflow_settings().calendars


def memory_file() -> Path:
    """Return the file that remembers what was read last; containers should share it."""
    return settings.airflow_settings().known_events


def calendar_folder() -> CalendarFolder:
    """Return the folder and its memory, with the policies and the store that leads are learned from."""
    from springtide.fleet.calendars import CalendarFolder
    from springtide.record.sql import open_store

    return CalendarFolder(
        folder=calendars_folder(),
        memory_file=memory_file(),
        policies=FolderPolicies(),
        open_store=lambda: open_store(store_url()),
    )


def store_url() -> str:
    """Return the URL of the store of runs: the very one that runs are kept in, also in the DAG processor."""
    return settings.store_url()
