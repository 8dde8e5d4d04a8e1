"""What every part of the kubelet does with a pod on the node: report its status, warn in events, act later."""

from __future__ import annotations

from collections.abc import Callable

from springtide.sandbox.containers import PodRuntime
from springtide.sandbox.core import Core
from springtide.sandbox.podstatus import pod_status
from springtide.sandbox.timeline import Timer


class PodReporter:
    """The kubelet's way to the API server and to the timeline."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def after(self, runtime: PodRuntime, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` when `seconds` more have passed, unless the pod is gone by then."""

        def run() -> None:
            if not runtime.gone:
                action()

        return self.core.timeline.after(seconds, run)

    def report(self, runtime: PodRuntime) -> None:
        """Write the pod's status; another pod of the same name is left alone."""
        pod = self.core.store.get(runtime.ref)
        if pod is not None and pod["metadata"]["uid"] == runtime.uid:
            status = pod_status(runtime, pod, self.core.stamp(), self.core.network.node)
            self.core.store.put(runtime.ref, {**pod, "status": status})

    def warn(self, runtime: PodRuntime, reason: str, message: str) -> None:
        """Record a warning about the pod."""
        pod = self.core.store.get(runtime.ref)
        if pod is not None:
            self.core.event(pod, "Warning", reason, message)
