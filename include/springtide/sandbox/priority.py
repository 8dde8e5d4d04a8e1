"""What the API server's priority plugin makes of a pod: its number, and whether it takes the room of lower ones."""

from __future__ import annotations

from typing import Any, Final

from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.status import forbidden
from springtide.sandbox.store import Store

_BUILT_IN: Final[dict[str, Json]] = {
    "system-cluster-critical": {"value": 2_000_000_000},
    "system-node-critical": {"value": 2_000_001_000},
}
_PREEMPTS: Final = "PreemptLowerPriority"
_COMPUTED: Final = ("priority", "preemptionPolicy", "priorityClassName")


def with_priority(store: Store, pod: Json, old: Json | None) -> Json:
    """Return the pod with what its PriorityClass says of it; of one that is there, that stays.

    Raises:
        ApiError: 403, there is no such class, or the pod names another number than its class.
    """
    spec = pod["spec"]
    if old is not None:
        kept = {name: old["spec"][name] for name in _COMPUTED if name in old["spec"]}
        return {**pod, "spec": {**kept, **spec}}
    found = _class_of(store, pod)
    value = int((found or {}).get("value", 0))
    given = spec.get("priority")
    if given is not None and given != value:
        why = f"the integer value of priority ({given}) must not be provided in pod spec; priority admission controller"
        raise forbidden(_subject(pod), f"{why} computed {value} from the given PriorityClass name")
    named: Json = {} if found is None or "metadata" not in found else {"priorityClassName": found["metadata"]["name"]}
    policy = (found or {}).get("preemptionPolicy", _PREEMPTS)
    return {**pod, "spec": {"preemptionPolicy": policy, **spec, **named, "priority": value}}


def priority_of(pod: Json) -> int:
    """Return the pod's number; pods of higher ones may take its room."""
    return int(pod["spec"].get("priority") or 0)


def preempts(pod: Json) -> bool:
    """Say whether the scheduler may end pods of lower priority for it."""
    return bool(pod["spec"].get("preemptionPolicy", _PREEMPTS) == _PREEMPTS)


def _class_of(store: Store, pod: Json) -> Json | None:
    name = pod["spec"].get("priorityClassName")
    if not name:
        return next((each for each in store.select("priorityclasses") if each.get("globalDefault")), None)
    found = store.get(Ref("priorityclasses", "", name)) or _BUILT_IN.get(name)
    if found is None:
        raise forbidden(_subject(pod), f"no PriorityClass with name {name} was found")
    return found


def _subject(pod: Json) -> Any:
    return KINDS["pods"].subject(pod["metadata"]["name"])
