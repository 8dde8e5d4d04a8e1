"""What daily tuning decides for one service: the plan's caution and the autoscaler's target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from springtide.capacity.cost_curve import CurvePoint
from springtide.errors import InputError
from springtide.stored import Stored

TREND_MINUTES = 3
"""How far back the trend term looks. Shorter follows noise, longer comes late; 3 min is 12 scrapes of 15 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Stored):
    """One point of the tuning grid.

    `quantile` is that of the conformal plan, None for no plan. The autoscaler wants `x/target + headroom·√x` pods,
    where x is demand in pods (60 s mean) plus `trend` times its growth over the last 3 minutes. `target` None: no
    autoscaler of ours.
    """

    quantile: float | None
    target: float | None
    headroom: float = 0.0
    trend: float = 0.0

    def __post_init__(self) -> None:
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise InputError(
                f"quantile {self.quantile} must lie between 0 and 1", code="out_of_range", field="quantile"
            )
        if self.target is not None and not self.target > 0:
            raise InputError(f"target {self.target} must be above 0", code="out_of_range", field="target")

    def pods(self, demand: float, earlier: float) -> float:
        """Return the pods that the autoscaler wants; both demands in pods, `earlier` is that of 3 minutes ago."""
        expected = demand + self.trend * max(0.0, demand - earlier)
        return expected / (self.target or 1.0) + self.headroom * math.sqrt(expected)

    def query(self, load: str, per_replica: float) -> str:
        """Return the PromQL of `pods`, for a recording rule that an HPA's external metric or KEDA follows.

        `load` names a recorded series (PromQL offsets series, not expressions): 60 s means in the unit of
        `per_replica`.
        """
        # The same expression as `pods`, term by term: what was replayed is what the cluster then does.
        now = f"({load} / {per_replica:g})"
        if self.trend:
            # clamp_min, as in `pods`: a falling trend takes nothing away
            before = f"({load} offset {TREND_MINUTES}m / {per_replica:g})"
            now = f"({now} + {self.trend:g} * clamp_min({now} - {before}, 0))"
        return f"{now} / {self.target or 1.0:g}" + (f" + {self.headroom:g} * sqrt({now})" if self.headroom else "")

    def __str__(self) -> str:
        plan = "no plan" if self.quantile is None else f"plan {self.quantile:.1%} sure"
        return plan if self.target is None else f"{plan}; autoscaler wants {self.pods_text}"

    @property
    def pods_text(self) -> str:
        """What the autoscaler wants, in words: `load ÷ 0.8 + 2·√load`."""
        trend = f" + {self.trend:g} x its growth in {TREND_MINUTES} min" if self.trend else ""
        headroom = f" + {self.headroom:g}·√load" if self.headroom else ""
        return f"load{trend} ÷ {self.target or 1.0:g}{headroom}"


UNTUNED = Setting(quantile=0.95, target=0.8)
"""For a service with less than a day of history: on public traces the best that needs no tuning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned(Stored):
    """What tuning decided for one service, and from what.

    `fingerprint` names the demand, the policy's `auto` and the start-up time that it was decided from: the same again
    need not be tuned. `overspent` are pod-minutes over budget so far, to be saved on the next days. The figures are
    those of the replayed days: violated minutes in percent, and cost over that of the autoscaler compared with.
    `curve` is what all settings reached on those days; empty where an earlier version tuned.
    """

    setting: Setting
    fingerprint: str
    decided_at: datetime
    days: int
    violated_percent: float
    cost_ratio: float
    overspent: float = 0.0
    curve: tuple[CurvePoint, ...] = ()
