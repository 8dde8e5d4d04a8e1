"""The calendars as Airflow's processes see them: the folder, and the file that remembers what was read last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide_airflow.policies import policies_folder, policy_names, policy_of

if TYPE_CHECKING:
    from springtide.fleet.calendars import CalendarFolder
    from springtide.policy.model import ScalingPolicy

FOLDER_VARIABLE: Final = "SPRINGTIDE_CALENDARS"
"""The environment variable that names the folder; without it, `calendars/` beside `plugins/`."""

MEMORY_VARIABLE: Final = "SPRINGTIDE_KNOWN_EVENTS"
"""The environment variable that names the file of what was read last; without it, one in AIRFLOW_HOME. Containers that
do not share it each remember for themselves."""


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
    beside_plugins = Path(__file__).resolve().parents[2] / "calendars"
    return Path(os.environ.get(FOLDER_VARIABLE) or beside_plugins)


def memory_file() -> Path:
    """Return the file that remembers what was read last."""
    in_home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "springtide-known-events.json"
    return Path(os.environ.get(MEMORY_VARIABLE) or in_home)


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
    """Return the store's URL where Airflow's variables cannot be asked: the environment's, else in AIRFLOW_HOME."""
    from springtide.record.settings import STORE_VARIABLE

    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    return os.environ.get(STORE_VARIABLE) or f"sqlite:///{home}/springtide.db"
