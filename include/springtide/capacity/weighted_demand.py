"""The source article's formula, C = M·L + N·ΣW + Q·S_max, read so that its units agree.

| symbol | meaning | unit |
|---|---|---|
| M | the CPU that a pod is guaranteed (its request) | cores a pod |
| L | the most CPU that a pod can use (its limit) | cores a pod |
| N | replicas now | pods |
| W | utilization of a pod, 0 to 1; ΣW over all pods, mean(W) = ΣW ÷ N | 1 |
| Q | expected growth, as future pods at today's mean utilization | pods |
| S_max | the most replicas | pods |

As it is written the formula adds cores², pods and pods²: its value changes with the unit that M and L are given in, so
it can be neither cores nor pods. With units, the same symbols say:

    used     = N·mean(W)·L = L·ΣW          cores, what demand measures
    growth   = Q·mean(W)·L                 cores
    needed   = used + growth + reserve     cores
    replicas = max(needed ÷ (L·target), used ÷ M), at most S_max

The second term of the maximum is the floor by requests: what is used now fits into what the nodes guarantee, so a pod
never lives on the spare CPU of its neighbours. `docs/capacity-formula.md` works the article's example: with M = 100m,
L = 200m, N = 5, W = [.1, .3, .2, .1, .1] and Q = 7 the pods use 160m, so 93 pods (9300m) is 58 times too many.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.demand.recent import recent_peak
from springtide.quantities import format_milli


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the consistent formula says, term by term; cores, except `replicas` and `request_floor` (pods)."""

    used: float
    growth: float
    reserve: float
    request_floor: float
    replicas: float

    @property
    def needed(self) -> float:
        """Cores in all."""
        return self.used + self.growth + self.reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedDemand:
    """The consistent reading: `request` (M), `limit` (L), `reserve` in cores; `growth` is Q, `max_replicas` S_max."""

    request: float
    limit: float
    max_replicas: int
    growth: int = 0
    target: float = 0.7
    reserve: float = 0.0
    window: timedelta = timedelta(minutes=5)

    def needs(self, used: float, *, replicas: int) -> Needs:
        """Return the terms for `used` cores over `replicas` pods. Without pods no utilization is known: growth is 0."""
        growth = self.growth * used / replicas if replicas else 0.0
        request_floor = used / self.request
        # By limits the pods can do it; by requests the nodes have promised it. The larger number keeps both.
        by_limit = (used + growth + self.reserve) / (self.limit * self.target)
        wanted = min(max(by_limit, request_floor), self.max_replicas)
        return Needs(used=used, growth=growth, reserve=self.reserve, request_floor=request_floor, replicas=wanted)

    def literal(self, used: float, *, replicas: int) -> float:
        """Return C as the article writes it, with M and L in cores: a number without a unit, shown for comparison."""
        return self.request * self.limit + replicas * used / self.limit + self.growth * self.max_replicas

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas for the recent peak of `demand`, which is in cores.

        Raises:
            DemandUnusable: no sample lies in the last `window` (`capacity_unusable`).
        """
        used = recent_peak(demand, now=now, window=self.window)
        needs = self.needs(used, replicas=replicas)
        weights = used / self.limit  # ΣW: what all pods use, as a share of one pod's limit; no pod is read by itself
        return ModelAnswer(
            model="weighted_demand",
            replicas=needs.replicas,
            inputs={
                "M_request": format_milli(self.request),
                "L_limit": format_milli(self.limit),
                "N_replicas": replicas,
                "sum_W": weights,
                "mean_W": weights / replicas if replicas else 0.0,
                "Q_growth": self.growth,
                "S_max": self.max_replicas,
                "target": self.target,
                "used": format_milli(needs.used),
                "growth": format_milli(needs.growth),
                "reserve": format_milli(needs.reserve),
                "needed": format_milli(needs.needed),
                "request_floor": needs.request_floor,
                "literal_C_without_unit": self.literal(used, replicas=replicas),
            },
            reason=f"{format_milli(needs.needed)} CPU needed (used {format_milli(needs.used)}, growth "
            f"{format_milli(needs.growth)}, reserve {format_milli(needs.reserve)}) at {self.target:g} of "
            f"{format_milli(self.limit)} a pod; at least {needs.request_floor:.3g} by requests, at most "
            f"{self.max_replicas}",
        )
