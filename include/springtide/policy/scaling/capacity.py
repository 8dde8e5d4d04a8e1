"""How demand becomes replicas: one part per capacity model, and how their answers are combined."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import MAX_REPLICAS, Count, Duration, Factor, Percent, Quantity, refusal
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.capacity_ahead import ConformalSpec, EventModelSpec, ForecastSpec, SeasonalSpec
from springtide.policy.scaling.capacity_part import ModelPart, Positive, Quantile, Utilization, Window, WindowPart
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand


class TargetUtilizationSpec(WindowPart):
    """Replicas = recent demand ÷ (per_replica x target): how the HorizontalPodAutoscaler reasons, on demand."""

    model: Literal["target_utilization"] = "target_utilization"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    target: Utilization = 0.7
    """How much of it may be used, above 0 and at most 1. Default 0.7: the rest is headroom for what demand does while
    pods start. `1` disables the headroom."""


class FixedSpec(Part):
    """Always the same number, whatever demand is."""

    model: Literal["fixed"] = "fixed"
    """Which model this is."""

    replicas: Count
    """The answer, 1 to 10000. Required. With `combine: max` it is a floor under the other models."""


class WeightedDemandSpec(WindowPart):
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

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.limit <= 0:
            yield Contradiction(("limit",), f"limit {self.limit} is out of range: more than 0", "policy_range")
        elif not 0 < self.request <= self.limit:
            yield Contradiction(
                ("request",), f"request {self.request} must be more than 0 and at most limit {self.limit}"
            )

    def against(self, demand: PrometheusDemand | FileDemand) -> Iterator[Contradiction]:
        """Yield what this model and `demand` contradict each other in."""
        yield from super().against(demand)
        # The formula's M and L are cores; a demand in requests would be divided by them without any error to be seen.
        if demand.unit != "cores":
            yield Contradiction(
                ("model",),
                f"weighted_demand takes demand in cores, demand.unit is {demand.unit!r}: use another model",
            )


class SqrtHeadroomSpec(WindowPart):
    """Replicas = x ÷ target + headroom·√x, x being recent demand ÷ per_replica: small services get more headroom."""

    model: Literal["sqrt_headroom"] = "sqrt_headroom"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    target: Utilization = 0.9
    """How much of it may be used on average, above 0 and at most 1. Default 0.9: the square root does the rest."""

    headroom: Annotated[float, Field(ge=0, le=20)] = 1.5
    """How many square roots of x are kept free. Default 1.5. One queue for all replicas waits with 5 % at 1.74 and with
    1 % at 2.38 (target 1). `0` disables it."""


def _widens(margin: Factor) -> Factor:
    if not 1 <= margin <= MAX_REPLICAS:
        raise refusal("policy_range", f"{margin} is out of range: 1x to {MAX_REPLICAS}x")
    return margin


class PercentileSpec(WindowPart):
    """Replicas = margin · a quantile of the demand in a moving window ÷ per_replica."""

    model: Literal["percentile"] = "percentile"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    quantile: Quantile = Percent("95%")
    """Which quantile of the window's one-minute means. Default 95%."""

    margin: Annotated[Factor, AfterValidator(_widens)] = Factor("1.15x")
    """What it is multiplied with. Default 1.15x, the safety margin of the VerticalPodAutoscaler. `1x` disables it."""

    window: Window = Duration("1h")
    """How much of the recent demand counts. Default 1h: long enough for a percentile, short enough to follow a day."""


class QueueingSpec(WindowPart):
    """As many replicas as an objective on waiting time needs, by Erlang's formula for waiting."""

    model: Literal["queueing"] = "queueing"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit, which is per second. Required; measure
    it under load."""

    workers: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many requests one replica works on at once. Default 1; a request takes workers ÷ per_replica seconds."""

    wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """How long a request may wait for a worker. Default 0: it should not wait at all."""

    share: Quantile = Percent("95%")
    """How many requests must not wait longer. Default 95%."""

    routing: Literal["random", "shared"] = "random"
    """`random` (default): a Service hands requests to any pod, so each has a queue of its own. `shared`: one queue
    feeds all, as workers that take jobs from a broker do; needs far fewer."""


class MeasuredThroughput(Part):
    """One measurement under full load."""

    replicas: Count
    """How many replicas ran. Required."""

    throughput: Positive
    """What they served together, in the demand's unit. Required."""


class UslSpec(WindowPart):
    """Throughput per replica falls with replicas (contention, coherency): fitted to what was measured."""

    model: Literal["usl"] = "usl"
    """Which model this is."""

    measured: Annotated[tuple[MeasuredThroughput, ...], Field(strict=False, min_length=3, max_length=200)]
    """Throughput at full load with at least three different numbers of replicas; see `MeasuredThroughput`. Required."""

    target: Utilization = 0.7
    """How much of the throughput may be used, above 0 and at most 1. Default 0.7. `1` disables the headroom."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        sizes = {point.replicas for point in self.measured}
        if len(sizes) < 3:  # noqa: PLR2004  # as many as the law has parameters
            yield Contradiction(
                ("measured",), f"measured at {len(sizes)} different numbers of replicas: at least 3 are needed"
            )


ModelSpec = Annotated[
    AutoSpec
    | TargetUtilizationSpec
    | FixedSpec
    | WeightedDemandSpec
    | SqrtHeadroomSpec
    | PercentileSpec
    | SeasonalSpec
    | ConformalSpec
    | ForecastSpec
    | QueueingSpec
    | UslSpec
    | EventModelSpec,
    Field(discriminator="model"),
]


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

    @property
    def rated_load(self) -> float | None:
        """What one replica serves by the first model that says so, in the unit of demand; None where none does."""
        rated = (model.rated_load for model in self.models if isinstance(model, ModelPart))
        return next((load for load in rated if load), None)
