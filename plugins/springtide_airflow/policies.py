"""The folder of policies, as Airflow's processes see it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import InputError

if TYPE_CHECKING:
    from springtide.policy.model import ScalingPolicy

FOLDER_VARIABLE: Final = "SPRINGTIDE_POLICIES"
"""The environment variable that names the folder; without it, `policies/` beside `plugins/`."""

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def policies_folder() -> Path:
    """Return where the policies are."""
    beside_plugins = Path(__file__).resolve().parents[2] / "policies"
    return Path(os.environ.get(FOLDER_VARIABLE) or beside_plugins)


def policy_names(folder: Path) -> list[str]:
    """Return the services that have a policy, by the names of the files alone: nothing is opened.

    A folder that is not there has none.
    """
    return sorted(path.stem for path in folder.glob("*.yaml") if _NAME.fullmatch(path.stem))


def policy_of(service: object, folder: Path) -> ScalingPolicy:
    """Return the policy of `service`.

    Raises:
        InputError: `service` is no name of a policy (`service_unknown`); it never becomes a path.
        PolicyError: the file has errors.
    """
    from springtide.policy.parse import load_policy

    known = policy_names(folder)
    if not isinstance(service, str) or service not in known:
        listed = ", ".join(known) or f"none, {folder} holds no policy file"
        raise InputError(
            f"service: there is no policy {str(service)[:80]!r}; there are: {listed}.",
            code="service_unknown",
            field="service",
        )
    return load_policy(folder / f"{service}.yaml")
