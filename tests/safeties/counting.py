"""What counts as serving: pods, once each, and only where they say themselves that they are ready (I-5, I-10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from safeties.safety import Safety, wrapped
from springtide.kube import observation
from springtide.kube.endpoints import Endpoint
from springtide.kube.objects import Json, Pod

Real = Callable[[Iterable[Json], Iterable[Pod]], tuple[Endpoint, ...]]

SERVICES = "sim/test_services_as_they_are.py"
FAILING = f"{SERVICES}::test_no_run_in_place_succeeds_with_pods_that_are_not_ready"


def by_slice(real: Real) -> Callable[..., Any]:
    """Count the entries of each slice for themselves."""
    return lambda slices, pods: tuple(each for one in slices for each in real([one], pods))


def by_slices_alone(real: Real) -> Callable[..., Any]:
    """Believe the slices, whatever the pods say."""
    return lambda slices, _pods: real(slices, ())


SAFETIES = (
    Safety(
        name="A pod in two slices counts once",
        keeps="a dual-stack Service seems to have twice the pods, and the floor is undercut",
        take_out=wrapped(observation, "endpoints_of", by_slice),
        seen_by=f"{FAILING}[two families]",
        because="RunOutcome.SUCCEEDED",
    ),
    Safety(
        name="A pod's own readiness counts, not what is published",
        keeps="a Service that publishes every pod seems to be served by pods that are not ready",
        take_out=wrapped(observation, "endpoints_of", by_slices_alone),
        seen_by=f"{FAILING}[all pods published]",
        because="RunOutcome.SUCCEEDED",
    ),
)
