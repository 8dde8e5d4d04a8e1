"""Is a pod set ready? A pure predicate with counts, which bears what often mends itself for as long as the policy says.

What keeps pods from becoming ready is in `trouble`; how long it may last, in `strategy.patience`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from springtide.errors import WorkloadFailed
from springtide.kube.objects import Deployment
from springtide.kube.observation import ScaledPods
from springtide.policy.scaling.strategy import RunSettings
from springtide.verify.trouble import Trouble, TroubleKind, troubles_of

SECOND_LOOK: Final = timedelta(seconds=60)
"""How long a pod that serves may be unschedulable: long enough for the scheduler's second look."""

_FIRST_PULL: Final = "ErrImagePull"
"""The first of several tries."""


def missing_readiness(pods: ScaledPods, *, needed: int, at: datetime, settings: RunSettings) -> str | None:
    """Return what is still missing until `needed` pods of the present template are available; None when they are.

    Available is Kubernetes' own: Ready, gates included, for `minReadySeconds`. While pods report what may mend itself
    within `settings.patience`, the answer repeats their words.

    Raises:
        WorkloadFailed: so many pods will not become ready that `needed` cannot be reached; the message says what they
            report.
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
    troubles = troubles_of(pods)
    _raise_if_hopeless(pods, troubles, needed, at, settings)
    return (
        f"{scaled.title}: {len(pods.ready_pods)} of {needed} pods are Ready, "
        f"{scaled.available_replicas} available{updated}{_told(troubles, at, settings)}"
    )


def _raise_if_hopeless(
    pods: ScaledPods, troubles: tuple[Trouble, ...], needed: int, at: datetime, settings: RunSettings
) -> None:
    over = [each for each in troubles if _is_over(each, at, settings)]
    present = sum(not pod.is_terminating for pod in pods.pods)
    lost = sum(each.kind is not TroubleKind.REFUSED for each in over)
    # A pod that does not come is one that may still come, until nobody is waited for any more.
    may_come = present if lost < len(over) else max(present, pods.scaled.replicas)
    if over and may_come - lost < needed:
        worst = over[0]
        raise WorkloadFailed(f"{pods.scaled.title} will not become ready: {worst.text}", code=worst.code)


def _left(trouble: Trouble, at: datetime, settings: RunSettings) -> timedelta:
    """Return how much of its grace is left; the whole of it where nobody says since when it lasts."""
    if trouble.is_final:
        return timedelta(0)
    grace: timedelta = min(getattr(settings.patience, trouble.kind.value), settings.deadlines.ready)
    return grace - (at - (trouble.since or at))


def _told(troubles: tuple[Trouble, ...], at: datetime, settings: RunSettings) -> str:
    if not troubles:
        return ""
    soonest = min(troubles, key=lambda each: _left(each, at, settings))
    left = max(0.0, _left(soonest, at, settings).total_seconds())
    others = len(troubles) - 1
    more = f", and {others} more like it or other" if others else ""
    return f"; {soonest.text} (strategy.patience.{soonest.kind.value}: {left:.0f} s are left{more})"


def failure_reason(pods: ScaledPods, at: datetime, *, settings: RunSettings | None = None) -> tuple[str, str] | None:
    """Return (code, text) of the first thing that says this set will not become ready; None when nothing does.

    Without `settings` there is no patience: for pods that have traffic, while what serves in their place is one swap
    away.
    """
    over = (each for each in troubles_of(pods) if _is_over(each, at, settings))
    return next(((each.code, each.text) for each in over), None)


def _is_over(trouble: Trouble, at: datetime, settings: RunSettings | None) -> bool:
    if settings is not None:
        return _left(trouble, at, settings) <= timedelta(0)
    if trouble.kind is TroubleKind.UNSCHEDULABLE:
        return at - (trouble.since or at) >= SECOND_LOOK
    return trouble.is_final or trouble.reason != _FIRST_PULL
