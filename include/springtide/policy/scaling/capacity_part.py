"""What the capacity models of a policy have in common."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Duration, Percent, between, refusal
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

Utilization = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Window = Annotated[Duration, between("1m", "1d")]


def _divides_the_hour(interval: Duration) -> Duration:
    minutes, seconds = divmod(interval.total_seconds(), 60)
    if seconds or not minutes or 60 % minutes:
        raise refusal("policy_range", f"{interval} does not divide the hour: 1m, 5m, 10m, 15m, 20m, 30m or 1h")
    return interval


def _between_none_and_all(quantile: Percent) -> Percent:
    if not 0 < quantile < 1:
        raise refusal("policy_range", f"{quantile} is out of range: more than 0%, less than 100%")
    return quantile


Interval = Annotated[Duration, AfterValidator(_divides_the_hour)]
Quantile = Annotated[Percent, AfterValidator(_between_none_and_all)]


class ModelPart(Part):
    """A model that looks at demand: what it needs of `spec.demand`."""

    @property
    def rated_load(self) -> float | None:
        """What one replica serves by the policy's word, in the unit of demand; None where the model does not say."""
        per_replica: float | None = getattr(self, "per_replica", None)
        return per_replica

    @property
    def looks_back(self) -> timedelta:
        """How far back demand must be read for an answer."""
        return timedelta(minutes=1)

    def against(self, demand: PrometheusDemand | FileDemand) -> Iterator[Contradiction]:
        """Yield what this model and `demand` contradict each other in; `field` counts from the model."""
        if self.looks_back > demand.lookback:
            needed = Duration.of(self.looks_back)
            yield Contradiction(
                ("model",), f"it needs {needed} of demand, demand.lookback is {demand.lookback}: make lookback longer"
            )


class WindowPart(ModelPart):
    """A model of recent demand."""

    window: Window = Duration("5m")
    """How much of the recent demand counts: the largest one-minute mean in it. Default 5m, the stabilization window of
    the HorizontalPodAutoscaler. `1m` takes the last minute alone."""

    def against(self, demand: PrometheusDemand | FileDemand) -> Iterator[Contradiction]:
        """Yield what this model and `demand` contradict each other in."""
        if self.window > demand.lookback:
            yield Contradiction(("window",), f"window {self.window} is longer than demand.lookback {demand.lookback}")
        if self.window < demand.step:
            yield Contradiction(("window",), f"window {self.window} is shorter than demand.step {demand.step}")


class AheadPart(ModelPart):
    """A model of what comes: until the pods of the next run are ready."""

    interval: Interval = Duration("15m")
    """How often runs are started for this service: the answer must hold until the next one. Default 15m; it divides
    the hour."""

    startup: Annotated[Duration, between("1s", "1h")] = Duration("60s")
    """How long a pod takes from its creation to ready. Default 60s. Give the 95th percentile that you measured."""

    max_error: Percent = Percent("50%")
    """The error over the last days, as `capacity_history` measured it, above which the model abstains and says so:
    the mean of |answer - needed| ÷ the larger of both. Default 50%: then it is as good as a guess. `100%` disables
    it."""
