"""Which pods of a ReplicaSet go first when it shrinks.

The order is that of Kubernetes' documentation of ReplicaSets and of `pod-deletion-cost`. Of pods that are
alike in all of it a real cluster takes any; this one takes those that are named first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from springtide.sandbox.objects import Json, annotations_of, condition, is_true, parse_stamp

_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = ("Pending", "Unknown", "Running")


class _Rank(NamedTuple):
    """What is smaller goes first."""

    is_placed: bool
    phase: int
    is_ready: bool
    cost: int
    fewer_neighbours: int
    ready_for: int
    fewer_restarts: int
    age: int


def by_loss(pods: Sequence[Json], neighbours: Iterable[Json], now: datetime) -> list[Json]:
    """Return the pods in the order in which they go, the smallest loss first.

    `neighbours` are all active pods of the same workload: of two pods, that on the fuller node goes.
    """
    on_node = Counter(_node(pod) for pod in neighbours)
    return sorted(pods, key=lambda pod: _rank(pod, on_node, now))


def _rank(pod: Json, on_node: Counter[str], now: datetime) -> _Rank:
    ready = condition(pod, "Ready") if is_true(pod, "Ready") else None
    return _Rank(
        is_placed=bool(_node(pod)),
        phase=_PHASES.index(pod["status"]["phase"]),
        is_ready=ready is not None,
        cost=_cost(pod),
        fewer_neighbours=-on_node[_node(pod)],
        ready_for=_magnitude(now - parse_stamp(ready["lastTransitionTime"])) if ready else 0,
        fewer_restarts=-_restarts(pod),
        age=_magnitude(now - parse_stamp(pod["metadata"]["creationTimestamp"])),
    )


def _node(pod: Json) -> str:
    name: str = pod["spec"].get("nodeName", "")
    return name


def _restarts(pod: Json) -> int:
    statuses = pod["status"].get("containerStatuses", ())
    return max((container.get("restartCount", 0) for container in statuses), default=0)


def _cost(pod: Json) -> int:
    text = annotations_of(pod).get(_COST, "")
    return int(text) if re.fullmatch(r"[-+]?\d{1,10}", text) else 0


def _magnitude(age: timedelta) -> int:
    """Return the age on a logarithmic scale: pods of about the same age are alike."""
    nanoseconds = age.total_seconds() * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds > 0 else -1
