"""Who is in control of a service's replicas, and what daily tuning must be good at: the `auto` model."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Duration, between
from springtide.policy.scaling.capacity_part import Interval, ModelPart, Positive
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

LEAST_LOOKBACK = Duration("8d")
"""Seven days are replayed, and the first of them looks back on one more."""


class Hpa(Part):
    """The HorizontalPodAutoscaler that runs under the floor, or that `objective: budget` is compared with."""

    metric: Literal["cpu", "rps"] = "cpu"
    """`cpu` (default): the resource metric, averageUtilization. `rps`: an external metric, averageValue."""

    target: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Its target, as a share of what a pod can do. Default 0.5: Kubernetes' own example."""


class AutoSpec(ModelPart):
    """The shipped default: every day the setting that would have served the last 7 days best; see `docs/capacity.md`.

    Nothing is guessed: settings are replayed against this service's own demand, start-up time and autoscaler.
    """

    model: Literal["auto"] = "auto"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    objective: Literal["slo", "budget"] = "slo"
    """`slo` (default): violated minutes first, at most 0.1 % of the replayed ones, then cost. `budget`: never dearer
    than `hpa`, and no worse; with `autoscaler: floor` a few pods more, for most of its violations."""

    autoscaler: Literal["alone", "floor", "tuned"] = "alone"
    """Who reacts between two plans. `alone` (default): nobody, the plan is the replica count, which is all that
    `blue_green` and `in_place` can do; not for bursty demand. `floor`: `hpa` as it is, the plan is its minimum.
    `tuned`: the same, and the autoscaler follows a metric that is tuned daily; `springtide autoscaler` prints it."""

    interval: Interval = Duration("15m")
    """How often plans are made: as often as the pipeline is scheduled. Default 15m: over an autoscaler nearly as good
    as 5m. It must divide an hour."""

    startup: Annotated[Duration, between("1s", "1h")] | None = None
    """How long from a decision until its pods serve. Default none: measured, the p95 of this service's own runs; before
    there are five of them, what its probes allow, at least 60s."""

    hpa: Hpa = Hpa()
    """The autoscaler that is replaced, or that runs over the floor; see `Hpa`."""

    @property
    def looks_back(self) -> timedelta:
        """What is replayed, and what its first day looks back on."""
        return LEAST_LOOKBACK

    def against(self, demand: PrometheusDemand | FileDemand) -> Iterator[Contradiction]:
        """Yield what this and the policy's demand contradict each other in."""
        yield from super().against(demand)
        if demand.step > self.interval:
            yield Contradiction(
                ("interval",),
                f"interval {self.interval} is shorter than demand.step {demand.step}: samples come less often",
            )
