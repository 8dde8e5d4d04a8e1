"""What Prometheus knows of a workload: the CPU that its pods used, and since when."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from springtide.demand.model import DemandSource
from springtide.errors import SpringtideError
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.workload import Workload, WorkloadKind

UNIT: Final = "cores"
LOOKED_BACK: Final = timedelta(days=21)
"""As far as `model: auto` looks."""

_STEP: Final = timedelta(minutes=30)

OpenSource = Callable[[PrometheusDemand], DemandSource]
"""From a policy's demand to where it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageHistory:
    """CPU that was used, in cores: `peak` of half-hourly samples over `days`; `problem` says why there is none."""

    query: str
    days: float = 0.0
    peak: float = 0.0
    problem: str = ""


def usage_query(workload: Workload) -> str:
    """Return the PromQL of the CPU of the workload's own pods, as the kubelet measures it."""
    name = re.escape(workload.deployment).replace("\\", "\\\\")
    own = "[0-9]+" if workload.kind is WorkloadKind.STATEFUL_SET else "[a-z0-9]+-[a-z0-9]{5}"
    matchers = f'namespace="{workload.namespace}", pod=~"{name}-{own}", container!=""'
    return f"sum(rate(container_cpu_usage_seconds_total{{{matchers}}}[5m]))"


def read_usage(workload: Workload, open_source: OpenSource, now: datetime) -> UsageHistory:
    """Return the workload's history until `now`; a service that is not measured has none, and says why."""
    query = usage_query(workload)
    spec = PrometheusDemand.model_validate({"source": "prometheus", "query": query, "unit": UNIT, "lookback": "21d"})
    try:
        series = open_source(spec).read(now - LOOKED_BACK, now, _STEP)
    except SpringtideError as error:  # one service that is not measured keeps no other from its proposal
        return UsageHistory(query=query, problem=error.message)
    if not len(series):
        return UsageHistory(query=query, problem="the query returns nothing")
    first = datetime.fromtimestamp(float(series.times[0]), UTC)
    days = (now - first) / timedelta(days=1)
    return UsageHistory(query=query, days=days, peak=float(series.values.max()))
