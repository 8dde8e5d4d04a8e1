"""Is the pod template still the one that the run began with? Where it is not: what differs, and who changed it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from springtide.errors import Conflict
from springtide.kube.client import FIELD_MANAGER
from springtide.kube.objects import Json
from springtide.kube.observation import Observation, PodSet
from springtide.plan.managed_fields import managers_of
from springtide.strategy.model import Snapshot

_LISTED: Final = 3


def has_same_template(pod_set: PodSet, snapshot: Snapshot) -> bool:
    """Say whether the workload's template is still the one that the run began with."""
    return pod_set.scaled.template_digest == snapshot.template_digest


def require_same_template(observation: Observation, snapshot: Snapshot) -> None:
    """Raise `Conflict` when somebody changed the workload's template during the run.

    It names the fields that differ, never their values, which may be secrets.
    """
    if has_same_template(observation.pod_set, snapshot):
        return
    scaled = observation.pod_set.scaled
    managers = sorted(set(managers_of(scaled, ("spec", "template"))))
    advice = "Let the rollout finish, then scale again."
    if FIELD_MANAGER in managers:
        # No run writes a template: what stands there by its account came from admission, with a write of the run.
        advice = (
            f"A mutating webhook changed it as the run wrote to the {scaled.noun}, and will each time. Have it leave "
            "alone what does not change the template, then scale again."
        )
    by = f" by {', '.join(managers)}" if managers else ""
    fields = _changed_since(observation, snapshot)
    told = f" ({fields} differ)" if fields else ""
    raise Conflict(
        f"{scaled.title}: its pod template was changed during the run{by}{told}. {advice}",
        code="rollout_in_progress",
    )


def changed_fields(before: Json, after: Json) -> str:
    """Return the paths at which two templates differ, never the values, which may be secrets: the first few."""
    fields = list(_differing(before, after, ""))
    more = f" and {len(fields) - _LISTED} more" if len(fields) > _LISTED else ""
    return f"{', '.join(fields[:_LISTED])}{more}"


def _changed_since(observation: Observation, snapshot: Snapshot) -> str:
    """Return in what the template differs from the run's; empty where no ReplicaSet holds that any more."""
    sets = [*observation.pod_set.replica_sets, *(each.replica_set for each in observation.aside)]
    before = next((each for each in sets if each.template_digest == snapshot.template_digest), None)
    if before is None:
        return ""
    return changed_fields(before.own_template, observation.pod_set.scaled.own_template)


def _differing(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _differing(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for index, (one, other) in enumerate(zip_longest(before, after)):
            yield from _differing(one, other, f"{path}[{index}]")
    elif before != after:
        yield path.lstrip(".")
