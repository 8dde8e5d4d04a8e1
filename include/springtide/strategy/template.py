"""Is the pod template still the one that the run began with? Where it is not: what differs, and who changed it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from springtide.errors import Conflict
from springtide.kube.client import FIELD_MANAGER
from springtide.kube.observation import Observation, PodSet
from springtide.plan.managed_fields import managers_of
from springtide.strategy.model import Snapshot

_LISTED: Final = 3


def has_same_template(pod_set: PodSet, snapshot: Snapshot) -> bool:
    """Say whether the Deployment's template is still the one that the run began with."""
    return pod_set.deployment.template_digest == snapshot.template_digest


def require_same_template(observation: Observation, snapshot: Snapshot) -> None:
    """Raise `Conflict` when somebody changed the Deployment's template during the run.

    It names the fields that differ, never their values, which may be secrets.
    """
    if has_same_template(observation.pod_set, snapshot):
        return
    deployment = observation.pod_set.deployment
    managers = sorted(set(managers_of(deployment, ("spec", "template"))))
    advice = "Let the rollout finish, then scale again."
    if FIELD_MANAGER in managers:
        # No run writes a template: what stands there by its account came from admission, with a write of the run.
        advice = (
            "A mutating webhook changed it as the run wrote to the Deployment, and will each time. Have it leave alone "
            "what does not change the template, then scale again."
        )
    by = f" by {', '.join(managers)}" if managers else ""
    fields = _shown(_changed_fields(observation, snapshot))
    raise Conflict(
        f"{deployment.title}: its pod template was changed during the run{by}{fields}. {advice}",
        code="rollout_in_progress",
    )


def _shown(fields: list[str]) -> str:
    if not fields:
        return ""
    more = f" and {len(fields) - _LISTED} more" if len(fields) > _LISTED else ""
    return f" ({', '.join(fields[:_LISTED])}{more} differ)"


def _changed_fields(observation: Observation, snapshot: Snapshot) -> list[str]:
    """Return the fields in which the template differs from the run's; empty where no ReplicaSet holds that any more."""
    sets = [*observation.pod_set.replica_sets, *(each.replica_set for each in observation.aside)]
    before = next((each for each in sets if each.template_digest == snapshot.template_digest), None)
    if before is None:
        return []
    return list(_differing(before.own_template, observation.pod_set.deployment.own_template, ""))


def _differing(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _differing(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for index, (one, other) in enumerate(zip_longest(before, after)):
            yield from _differing(one, other, f"{path}[{index}]")
    elif before != after:
        yield path.lstrip(".")
