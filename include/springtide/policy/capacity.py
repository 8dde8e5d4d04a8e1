"""How demand becomes replicas: one part per capacity model, and how their answers are combined."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from springtide.policy.part import Contradiction, Part
from springtide.policy.units import MAX_REPLICAS, Count, Duration, Quantity, between

Utilization = Annotated[float, Field(gt=0, le=1)]
Window = Annotated[Duration, between("1m", "1d")]


class TargetUtilizationSpec(Part):
    """Replicas = recent demand ÷ (per_replica x target): how the HorizontalPodAutoscaler reasons, on demand."""

    model: Literal["target_utilization"] = "target_utilization"
    """Which model this is."""

    per_replica: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    target: Utilization = 0.7
    """How much of it may be used, above 0 and at most 1. Default 0.7: the rest is headroom for what demand does while
    pods start. `1` disables the headroom."""

    window: Window = Duration("5m")
    """How much of the recent demand counts: the largest one-minute mean in it. Default 5m, the stabilization window of
    the HorizontalPodAutoscaler. `1m` takes the last minute alone."""


class FixedSpec(Part):
    """Always the same number, whatever demand is."""

    model: Literal["fixed"] = "fixed"
    """Which model this is."""

    replicas: Count
    """The answer, 1 to 10000. Required. With `combine: max` it is a floor under the other models."""


class WeightedDemandSpec(Part):
    """The article's formula C = M·L + N·ΣW + Q·S_max, read so that its units agree; see `docs/capacity-formula.md`.

    Demand must be in `cores`: it is N·mean(W)·L, what all pods use together.
    """

    model: Literal["weighted_demand"] = "weighted_demand"
    """Which model this is."""

    request: Quantity
    """M, the CPU that a pod is guaranteed (`100m`). Required. What is used now must fit into what the pods are
    guaranteed."""

    limit: Quantity
    """L, the most CPU that a pod can use (`200m`). Required."""

    growth: Annotated[int, Field(ge=0, le=MAX_REPLICAS)] = 0
    """Q, expected growth, as future pods at today's mean utilisation. Default 0: none is expected."""

    max_replicas: Count
    """S_max, the most replicas that this model asks for. Required."""

    target: Utilization = 0.7
    """How much of L may be used, above 0 and at most 1. Default 0.7, as for `target_utilization`. `1` disables the
    headroom."""

    reserve: Quantity = Quantity("0")
    """CPU kept free on top (`500m`). Default 0, which disables it."""

    window: Window = Duration("5m")
    """How much of the recent demand counts: the largest one-minute mean in it. Default 5m, as for
    `target_utilization`."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.limit <= 0:
            yield Contradiction(("limit",), f"limit {self.limit} is no CPU at all: more than 0", "policy_range")
        elif not 0 < self.request <= self.limit:
            yield Contradiction(
                ("request",), f"request {self.request} must be more than 0 and at most limit {self.limit}"
            )


ModelSpec = Annotated[TargetUtilizationSpec | FixedSpec | WeightedDemandSpec, Field(discriminator="model")]


class CapacitySpec(Part):
    """Which models are asked, and what is made of their answers."""

    combine: Literal["max", "sum"] = "max"
    """`max` (default): the most cautious model decides. `sum`: each model stands for its own share of the work."""

    models: Annotated[tuple[ModelSpec, ...], Field(strict=False, min_length=1, max_length=20)]
    """At least one. Required."""

    @property
    def needs_demand(self) -> bool:
        """Whether any model looks at demand."""
        return any(not isinstance(model, FixedSpec) for model in self.models)
