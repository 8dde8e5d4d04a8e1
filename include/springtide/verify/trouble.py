"""What keeps pods from becoming ready, in their own words: which kind of trouble, since when, and whether it is final.

The Deployment's status does not tell: when a finished Deployment is scaled up, `progressDeadlineSeconds` never fires
and `Progressing` stays True, even when a quota or a bad image keeps every pod away. So the pods themselves are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from springtide.kube.objects import Json, Pod, Scalable
from springtide.kube.observation import ScaledPods

CRASHES: Final = 2
"""Restarts before a crash loop is believed: one restart may be a dependency that was a moment late."""


class TroubleKind(StrEnum):
    """What often mends itself, each named as its key of `strategy.patience`."""

    UNSCHEDULABLE = "unschedulable"
    IMAGE = "image"
    REFUSED = "refused"
    CRASH = "crash"
    CONTAINER = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that pods report, for `reason` in Kubernetes' own word.

    `code` is stable. `since` is when it can have begun at the earliest, None where nobody says. `is_final`: by its own
    words it will not mend itself.
    """

    kind: TroubleKind
    code: str
    reason: str
    text: str
    since: datetime | None = None
    is_final: bool = False


_FINAL_REASONS: Final = frozenset({"ErrImageNeverPull", "InvalidImageName"})
_FINAL_WORDS: Final = re.compile(r"code = NotFound\b|: not found\b|manifest unknown|name unknown", re.IGNORECASE)
"""How registries and container runtimes say that they were asked and have no such image. "May require authorization" is
not among them: a pull secret may still come."""

_IMAGE: Final = frozenset(
    {
        *_FINAL_REASONS,
        "ErrImagePull",
        "ImagePullBackOff",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CODES: Final = {
    TroubleKind.IMAGE: "image_unavailable",
    TroubleKind.CONTAINER: "container_config",
    TroubleKind.CRASH: "crash_loop",
}
_CONTAINER: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_STAGES: Final = frozenset({"PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"})
"""The conditions by which a pod comes along; readiness gates are others' and may move at any time."""


def troubles_of(pods: ScaledPods) -> tuple[Trouble, ...]:
    """Return what the set and its pods report that keeps pods from becoming ready, at most one thing for each pod."""
    unready = (pod for pod in pods.pods if not pod.is_ready and not pod.is_terminating)
    return (*_refusal(pods.scaled), *(found for pod in unready if (found := _trouble_of(pod)) is not None))


def _refusal(scaled: Scalable) -> Iterator[Trouble]:
    condition = scaled.condition("ReplicaFailure")
    if condition is not None and condition.status == "True":
        yield Trouble(
            kind=TroubleKind.REFUSED,
            code="quota_short" if "exceeded quota" in condition.message else "pods_refused",
            reason=condition.reason,
            text=f"{condition.reason}: {condition.message}",
            since=condition.since,
        )


def _trouble_of(pod: Pod) -> Trouble | None:
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and pod.is_unschedulable:
        return Trouble(
            kind=TroubleKind.UNSCHEDULABLE,
            code="unschedulable",
            reason=scheduled.reason,
            text=f"pod {pod.name}: Unschedulable: {scheduled.message}",
            since=scheduled.since,
        )
    return next((found for status in pod.container_statuses if (found := _container_trouble(pod, status))), None)


def _container_trouble(pod: Pod, status: Json) -> Trouble | None:
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    message = waiting.get("message", "")
    restarts = int(status.get("restartCount") or 0)
    words = f"{reason}: {message}"
    if reason in _IMAGE:
        kind = TroubleKind.IMAGE
    elif reason in _CONTAINER:
        kind = TroubleKind.CONTAINER
    elif reason == "CrashLoopBackOff" and restarts >= CRASHES:
        kind = TroubleKind.CRASH
        ended = (status.get("lastState") or {}).get("terminated") or {}
        words = f"{reason} after {restarts} restarts, last exit code {ended.get('exitCode', 'unknown')}: {message}"
    else:
        return None
    is_final = reason in _FINAL_REASONS or (kind is TroubleKind.IMAGE and _FINAL_WORDS.search(message) is not None)
    return Trouble(
        kind=kind,
        code=_CODES[kind],
        reason=reason,
        text=f"pod {pod.name}: {words}",
        since=_since(pod),
        is_final=is_final,
    )


def _since(pod: Pod) -> datetime | None:
    """Return when the pod came as far as it is: no container says since when it waits."""
    moved = [each.since for each in pod.conditions if each.type in _STAGES and each.since is not None]
    return max(moved, default=pod.created_at)
