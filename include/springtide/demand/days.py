"""Sources that past days are read from: five-minute maxima, and the replicas that served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from springtide.demand.model import DemandSeries, DemandSource
from springtide.demand.promql import as_series
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.policy.scaling.model import TargetSpec
from springtide.workload import WorkloadKind

_AVAILABLE: Final = {
    WorkloadKind.DEPLOYMENT: ("kube_deployment_status_replicas_available", "deployment"),
    WorkloadKind.STATEFUL_SET: ("kube_statefulset_status_replicas_available", "statefulset"),
    WorkloadKind.ROLLOUT: ("rollout_info_replicas_available", "name"),
}
"""The metric, and the label that holds the name."""


def maxima_query(spec: PrometheusDemand) -> str:
    """Return the PromQL of the largest demand of the last five minutes: the policy's recording rule, if it has one."""
    if spec.history.query is not None:
        return spec.history.query
    step = min(300, int(spec.step.total_seconds()))
    return f"max_over_time({as_series(spec.query)}[5m:{step}s])"


def replicas_query(spec: PrometheusDemand, target: TargetSpec) -> str:
    """Return the PromQL of the replicas that serve: the policy's own, or kube-state-metrics' or Argo Rollouts' own."""
    if spec.history.replicas is not None:
        return spec.history.replicas
    # names of Kubernetes need no escaping in PromQL
    workload = target.workload
    metric, label = _AVAILABLE[workload.kind]
    return f'sum({metric}{{namespace="{workload.namespace}",{label}="{workload.deployment}"}})'


@dataclass(frozen=True, slots=True)
class Maxima:
    """The largest sample of each step of `source`, named by the step's end: what a query with maxima answers."""

    source: DemandSource
    fine: timedelta

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        """Return the maxima of the steps that end in [start, end].

        Raises:
            DemandUnavailable, DemandUnusable: as the source says.
        """
        # A step is [end - step, end): its own end belongs to the next one, or a sample would count twice.
        series = self.source.read(start - step, end - timedelta(milliseconds=1), min(self.fine, step))
        seconds = step.total_seconds()
        slots, first = np.unique(series.times // seconds, return_index=True)
        return DemandSeries(
            times=(slots + 1) * seconds,
            values=np.maximum.reduceat(series.values, first),
            unit=series.unit,
            source=series.source,
        )
