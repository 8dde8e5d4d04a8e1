"""What a node autoscaler says of pods that wait for a node: told beside the wait, and never a reason to decide by.

Kubernetes' cluster autoscaler writes an event on each such pod: `TriggeredScaleUp` where it adds nodes for it,
`NotTriggerScaleUp` where it sees no way to. The second is no end: it also stands there while an earlier try is paused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from springtide.errors import ClusterRefused, ClusterUnavailable, WorkloadFailed
from springtide.kube.objects import Kind, KubeEvent
from springtide.kube.observation import Observation
from springtide.run.engine import Decide
from springtide.run.ports import Ports
from springtide.strategy.model import Decision, RunOrder, Wait

_ADDS: Final = "TriggeredScaleUp"
_ADDS_NONE: Final = "NotTriggerScaleUp"
_AGAIN_SECONDS: Final = 10.0
"""Between two reads: an autoscaler looks every ten seconds, too."""

_LENGTH: Final = 200
"""Characters of an event's words that are repeated."""


def told_of_nodes(ports: Ports, namespace: str, decide: Decide) -> Decide:
    """Return `decide`, whose waits for pods without a node also say what a node autoscaler does about it."""
    known = _Told(ports=ports, namespace=namespace)

    def decide_and_tell(observation: Observation, order: RunOrder) -> Decision:
        try:
            decision = decide(observation, order)
        except WorkloadFailed as error:
            said = known.of(observation) if error.code == "unschedulable" else ""
            if not said:
                raise
            raise WorkloadFailed(f"{error.message}; {said}", code=error.code) from error
        said = known.of(observation) if isinstance(decision, Wait) else ""
        return Wait(f"{decision.message}; {said}") if said and isinstance(decision, Wait) else decision

    return decide_and_tell


@dataclass(slots=True, kw_only=True)
class _Told:
    """What was said last, read again after a while."""

    ports: Ports
    namespace: str
    said: str = ""
    read_at: float | None = None

    def of(self, observation: Observation) -> str:
        """Return what is said of the pods that wait for a node; nothing where none does."""
        names = {pod.name for pod in observation.pods if pod.is_unschedulable}
        if not names:
            return ""
        now = self.ports.clock.monotonic()
        if self.read_at is None or now - self.read_at >= _AGAIN_SECONDS:
            self.said = self._read(names)
            self.read_at = now
        return self.said

    def _read(self, names: set[str]) -> str:
        try:
            events = [
                KubeEvent(raw)
                for reason in (_ADDS, _ADDS_NONE)
                for raw in self.ports.kube.list(Kind.EVENT, self.namespace, fields=f"reason={reason}")
            ]
        except (ClusterRefused, ClusterUnavailable) as error:
            return f"whether a node autoscaler adds nodes is not known: {error.message}"
        mine = [event for event in events if event.about in names]
        if not mine:
            return "no node autoscaler has said that it adds nodes"
        newest = max(mine, key=lambda event: (event.at is not None, event.at))
        verb = "adds nodes" if newest.reason == _ADDS else "adds no node"
        return f"a node autoscaler {verb} for pod {newest.about}: {newest.message[:_LENGTH]}"
