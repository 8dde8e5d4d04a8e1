"""From a policy's `capacity.models` to models: one line per model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from springtide.capacity.fixed import Fixed
from springtide.capacity.model import CapacityModel
from springtide.capacity.target_utilization import TargetUtilization
from springtide.capacity.weighted_demand import WeightedDemand
from springtide.policy.model import FixedSpec, ModelSpec, TargetUtilizationSpec, WeightedDemandSpec


def _weighted_demand(spec: WeightedDemandSpec) -> WeightedDemand:
    return WeightedDemand(
        request=float(spec.request),
        limit=float(spec.limit),
        max_replicas=spec.max_replicas,
        growth=spec.growth,
        target=spec.target,
        reserve=float(spec.reserve),
        window=spec.window,
    )


_BUILDERS: dict[type, Callable[[Any], CapacityModel]] = {
    TargetUtilizationSpec: lambda spec: TargetUtilization(spec.per_replica, spec.target, spec.window),
    FixedSpec: lambda spec: Fixed(spec.replicas),
    WeightedDemandSpec: _weighted_demand,
}


def build_model(spec: ModelSpec) -> CapacityModel:
    """Return the model that `spec` describes."""
    return _BUILDERS[type(spec)](spec)
