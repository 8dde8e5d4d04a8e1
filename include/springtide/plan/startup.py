"""How long a workload's probes allow its pods to take to start, which counts until runs have measured it. Pure."""

from __future__ import annotations

from springtide.capacity.registry import UNMEASURED
from springtide.kube.objects import Json, WorkloadObject


def startup_allowed(scaled: WorkloadObject) -> float | None:
    """Return the seconds that the slowest container's probes and `minReadySeconds` allow; None without a probe.

    Never less than what counts where nothing is known: probes begin once the image is there and the container runs, and
    a readiness probe alone bounds nothing.
    """
    budget = startup_budget(scaled)
    return None if budget is None else max(UNMEASURED.total_seconds(), budget)


def startup_budget(scaled: WorkloadObject) -> float | None:
    """Return the same as the probes have it, however little that is."""
    waits = [wait for container in _containers(scaled) if (wait := _allowed(container)) is not None]
    return max(waits) + scaled.min_ready_seconds if waits else None


def startup_least(scaled: WorkloadObject) -> float:
    """Return the seconds before which no pod can be available, however fast it starts: initial delays and the rest."""
    return max(map(_least, _containers(scaled)), default=0.0) + scaled.min_ready_seconds


def _containers(scaled: WorkloadObject) -> list[Json]:
    return list(scaled.pod_spec.get("containers") or ())


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


def _least(container: Json) -> float:
    """Return the earliest that a container can be ready: both delays count from its start."""
    startup = container.get("startupProbe") or {}
    readiness = container.get("readinessProbe") or {}
    repeats = max(0, readiness.get("successThreshold", 1) - 1)
    wait = readiness.get("initialDelaySeconds", 0) + readiness.get("periodSeconds", 10) * repeats
    return float(max(startup.get("initialDelaySeconds", 0), wait))
