"""How long a workload's probes allow its pods to take to start, which counts until runs have measured it. Pure."""

from __future__ import annotations

from springtide.capacity.registry import UNMEASURED
from springtide.kube.objects import Json, WorkloadObject


def startup_allowed(scaled: WorkloadObject) -> float | None:
    """Return the seconds that the slowest container's probes and `minReadySeconds` allow; None without a probe.

    Never less than what counts where nothing is known: probes begin once the image is there and the container runs, and
    a readiness probe alone bounds nothing.
    """
    containers = scaled.pod_spec.get("containers", ())
    waits = [wait for container in containers if (wait := _allowed(container)) is not None]
    return max(UNMEASURED.total_seconds(), max(waits) + scaled.min_ready_seconds) if waits else None


def _allowed(container: Json) -> float | None:
    """Return the longest that Kubernetes waits for this container to start, and one look whether it is ready."""
    startup = container.get("startupProbe")
    readiness = container.get("readinessProbe")
    if startup is None and readiness is None:
        return None
    wait = 0.0
    if startup is not None:
        wait += startup.get("initialDelaySeconds", 0)
        wait += startup.get("periodSeconds", 10) * startup.get("failureThreshold", 3)
    if readiness is not None:
        wait += readiness.get("initialDelaySeconds", 0)
        wait += readiness.get("periodSeconds", 10) * readiness.get("successThreshold", 1)
    return wait
