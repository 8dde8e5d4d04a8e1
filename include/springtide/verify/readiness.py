"""Is a pod set ready? A pure predicate with counts, which fails fast with what the pods report.

The Deployment's status does not tell: when a finished Deployment is scaled up, `progressDeadlineSeconds` never fires
and `Progressing` stays True, even when a quota or a bad image keeps every pod away. So the pods themselves are read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from springtide.errors import WorkloadFailed
from springtide.kube.objects import Deployment, Json, Pod, Scalable
from springtide.kube.observation import ScaledPods

UNSCHEDULABLE_GRACE: Final = timedelta(seconds=60)
"""How long a pod may be unschedulable: long enough for the scheduler's second look, too short to wait out a sale."""

_CRASHES: Final = 2
"""Restarts before a crash loop is believed: one restart may be a dependency that was a moment late."""

_HOPELESS: Final = frozenset(
    {"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
)
"""Reasons that do not go away by themselves. `ErrImagePull` is left out: it is the first of several tries."""


def missing_readiness(pods: ScaledPods, *, needed: int, at: datetime) -> str | None:
    """Return what is still missing until `needed` pods of the present template are available; None when they are.

    Available is Kubernetes' own: Ready, gates included, for `minReadySeconds`.

    Raises:
        WorkloadFailed: the pods will not become ready; the message says what they report.
    """
    scaled = pods.scaled
    if not scaled.is_observed:
        return f"{scaled.title}: its controller has not seen the latest change yet"
    counts = [scaled.replicas, scaled.available_replicas, len(pods.ready_pods)]
    updated = ""
    if isinstance(scaled, Deployment):
        updated = f", {scaled.updated_replicas} of the present template"
        if not scaled.is_paused:  # a paused one that somebody edited says 0, for no ReplicaSet has the edit yet
            counts.append(scaled.updated_replicas)
    if min(counts) >= needed:
        return None
    _raise_if_hopeless(pods, at)
    return (
        f"{scaled.title}: {len(pods.ready_pods)} of {needed} pods are Ready, "
        f"{scaled.available_replicas} available{updated}"
    )


def _raise_if_hopeless(pods: ScaledPods, at: datetime) -> None:
    failure = failure_reason(pods, at)
    if failure is not None:
        code, text = failure
        raise WorkloadFailed(f"{pods.scaled.title} will not become ready: {text}", code=code)


def failure_reason(pods: ScaledPods, at: datetime) -> tuple[str, str] | None:
    """Return (code, text) of the first thing that says this set will not become ready; None when nothing does."""
    refused = _replica_failure(pods.scaled)
    if refused is not None:
        return refused
    unready = [pod for pod in pods.pods if not pod.is_ready and not pod.is_terminating]
    return next((failure for pod in unready if (failure := _pod_failure(pod, at)) is not None), None)


def _replica_failure(scaled: Scalable) -> tuple[str, str] | None:
    condition = scaled.condition("ReplicaFailure")
    if condition is None or condition.status != "True":
        return None
    code = "quota_short" if "exceeded quota" in condition.message else "pods_refused"
    return code, f"{condition.reason}: {condition.message}"


def _pod_failure(pod: Pod, at: datetime) -> tuple[str, str] | None:
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.reason == "Unschedulable":
        since = scheduled.since or at
        if at - since >= UNSCHEDULABLE_GRACE:
            return "unschedulable", f"pod {pod.name}: Unschedulable: {scheduled.message}"
    failures = (_container_failure(status) for status in pod.container_statuses)
    return next(((code, f"pod {pod.name}: {text}") for code, text in filter(None, failures)), None)


def _container_failure(status: Json) -> tuple[str, str] | None:
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    message = waiting.get("message", "")
    if reason in _HOPELESS:
        return "image_unavailable" if "Image" in reason else "container_config", f"{reason}: {message}"
    restarts = int(status.get("restartCount") or 0)
    if reason == "CrashLoopBackOff" and restarts >= _CRASHES:
        ended = (status.get("lastState") or {}).get("terminated") or {}
        code = ended.get("exitCode", "unknown")
        return "crash_loop", f"CrashLoopBackOff after {restarts} restarts, last exit code {code}: {message}"
    return None
