"""The demand of the services of one look, asked for together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import structlog

from springtide.demand.asking import Shareable
from springtide.demand.model import DemandSource
from springtide.demand.together import Together
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports

log = structlog.get_logger(__name__)


def sharing_demand(ports: Ports, policies: Iterable[ScalingPolicy], *, most: int) -> Ports:
    """Return `ports` that ask Prometheus for the demand of `policies` together, of up to `most` services at once.

    For looks: each service is read once.
    """
    if most == 1:
        return ports
    together = Together(ports.clock, most=most)
    joined: dict[str, DemandSource] = {}
    for policy in policies:
        spec = policy.spec.demand
        if isinstance(spec, PrometheusDemand):
            source = _source(ports, policy)
            if isinstance(source, Shareable):
                joined[policy.name] = together.join(source, spec)
    return replace(ports, demand=lambda policy: joined[policy.name] if policy.name in joined else ports.demand(policy))


def _source(ports: Ports, policy: ScalingPolicy) -> DemandSource | None:
    try:
        return ports.demand(policy)
    except Exception as error:  # noqa: BLE001  # the look at this service meets it again, and tells
        log.debug("demand_not_shared", service=policy.name, error=type(error).__name__)
        return None
