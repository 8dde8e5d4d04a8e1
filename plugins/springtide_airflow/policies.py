"""The folder of policies as Airflow's processes see it: a `PolicyFolder` in the place that they know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from springtide.policy.reading.folder import PolicyFolder
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from pathlib import Path

    from springtide.policy.scaling.model import ScalingPolicy


def policies_folder() -> Path:
    """Return where the policies are."""
    return airflow_settings().policies


def policy_names(folder: Path) -> list[str]:
    """Return the services that have a policy: see `PolicyFolder.names`."""
    return PolicyFolder(folder).names()


def policy_of(service: object, folder: Path) -> ScalingPolicy:
    """Return the policy of `service`: see `PolicyFolder.get`, also for what is raised."""
    return PolicyFolder(folder).get(service)
