"""Pods on their way out: which of them a run waits for, and which are only told.

A run takes its pods away step by step, and the counts of a step mean something once its pods are gone. But a pod of a
lost node stays in Terminating until somebody ends it by hand, and one that somebody else sent away may drain for an
hour. Neither has traffic, and neither is the run's business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from springtide.kube.objects import Pod
from springtide.strategy.model import RunOrder

OVERDUE_AFTER: Final = timedelta(seconds=30)
"""How long after the end of its grace period a pod is taken for one that does not go: its kubelet ends it by force at
that end, and reports it within seconds."""

_NAMED: Final = 3


def staying(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return the pods that nobody has deleted."""
    return tuple(pod for pod in pods if not pod.is_terminating)


def awaited(pods: Iterable[Pod], order: RunOrder, *, to: int, at: datetime) -> tuple[Pod, ...]:
    """Return the pods that are going because of this run, which has brought their set to `to` replicas or is about to.

    None where the run never takes pods from so few. Not those that were going before it, those that should have been
    gone by now, or any of them once the phase has had all its time.
    """
    if order.peak <= to or order.is_late:
        return ()
    before = order.snapshot.leaving
    return tuple(pod for pod in pods if pod.is_terminating and pod.uid not in before and not _is_overdue(pod, at))


def _is_overdue(pod: Pod, at: datetime) -> bool:
    return pod.due_to_go is not None and at >= pod.due_to_go + OVERDUE_AFTER


def told_of_leaving(pods: Iterable[Pod], *, but: Collection[Pod] = ()) -> str:
    """Return what a message says at its end of pods that are going and not waited for; nothing without any."""
    waited = {pod.uid for pod in but}
    names = [pod.name for pod in pods if pod.is_terminating and pod.uid not in waited]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    noun = "pod is" if len(names) == 1 else "pods are"
    return f"; {len(names)} {noun} still on the way out and not waited for: {', '.join(names[:_NAMED])}{more}"
