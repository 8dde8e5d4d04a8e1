"""Have the same pods been ready all the while? What is kept of each one tells a restart that nobody saw happen.

A pod that crashed and is Ready again looks well at every look but one. Its restarts were counted, though, and the time
since when it is Ready has moved: both by the kubelet alone, so no two clocks are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from springtide.kube.objects import Json, Pod
from springtide.kube.observation import ScaledPods

_KEY_LENGTH: Final = 12
"""Hexadecimal digits of a pod's key: no two of thousands of pods share one, and all keys fit into an annotation."""

_NAMED: Final = 2


def marks_of(pods: Iterable[Pod]) -> dict[str, str]:
    """Return what has to be kept of each pod, by a short key of its uid: its restarts, and since when it is Ready."""
    return {_key(pod): _mark(pod) for pod in pods}


def lost_steadiness(pods: ScaledPods, marks: Mapping[str, str], *, needed: int, floor: int) -> str | None:
    """Return why fewer than `needed` of the pods of `marks` have been ready ever since; None when so many have.

    A pod that somebody deleted did nothing wrong: where it is missing, `floor` must have been ready all the while. What
    came in its place may take its time, but once it restarts, the deleted one counts as missing again.
    """
    steady = [pod for pod in pods.ready_pods if marks.get(_key(pod)) == _mark(pod)]
    present = {_key(pod): pod for pod in pods.pods if not pod.is_terminating}
    gone = len(marks.keys() - present.keys())
    failed = sum(key not in marks and _restarts(pod) > 0 for key, pod in present.items())
    if len(steady) >= max(min(floor, needed), needed - max(gone - failed, 0)):
        return None
    kept = {pod.uid for pod in steady}
    words = [f"{gone} of them went"] if gone else []
    words += [_words(pod, marks) for pod in pods.pods if pod.uid not in kept]
    more = f", and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"{len(steady)} of {needed} pods have been ready all the while; {'; '.join(words[:_NAMED])}{more}"


def _key(pod: Pod) -> str:
    return hashlib.sha256(pod.uid.encode()).hexdigest()[:_KEY_LENGTH]


def _mark(pod: Pod) -> str:
    ready = pod.condition("Ready")
    since = ready.since.isoformat() if ready and ready.since else ""
    return f"{_restarts(pod)} {since}"


def _restarts(pod: Pod) -> int:
    return sum(int(status.get("restartCount") or 0) for status in pod.container_statuses)


def _words(pod: Pod, marks: Mapping[str, str]) -> str:
    ended = next(_ends(pod), None)
    mark = marks.get(_key(pod))
    if ended is not None and not (mark or "0 ").startswith(f"{_restarts(pod)} "):
        return f"pod {pod.name} restarted, last exit code {ended.get('exitCode', 'unknown')}"
    if pod.is_terminating:
        return f"pod {pod.name} is going"
    if not pod.is_ready:
        return f"pod {pod.name} is not ready"
    return f"pod {pod.name} was not ready for a while" if mark is not None else f"pod {pod.name} came later"


def _ends(pod: Pod) -> Iterator[Json]:
    """Yield how containers ended the last time."""
    for status in pod.container_statuses:
        ended = (status.get("lastState") or {}).get("terminated") or (status.get("state") or {}).get("terminated")
        if ended:
            yield ended
