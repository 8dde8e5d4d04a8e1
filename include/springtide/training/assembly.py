"""Puts together what learning reads and keeps: the metrics and the store, and no cluster."""

from __future__ import annotations

from pathlib import Path

from springtide.demand.days import Maxima, maxima_query, replicas_query
from springtide.demand.model import DemandSource
from springtide.demand.registry import demand_source
from springtide.errors import InputError
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import RunStore
from springtide.run.assembly import Metrics, demand_of
from springtide.training.days import Learning


def learning(policy: ScalingPolicy, store: RunStore, metrics: Metrics, *, pages: Path | None = None) -> Learning:
    """Return how the past of `policy` is read and kept. There is no cluster in it.

    Raises:
        InputError: the policy reads no demand (`demand_missing`), or Prometheus is needed and has no address.
    """
    spec = policy.spec.demand
    recent = demand_of(policy, metrics)
    if spec is None or recent is None:
        raise InputError(
            f"policy {policy.name} reads no demand, so its past teaches nothing: give it spec.demand.",
            code="demand_missing",
            field="spec.demand",
        )
    if isinstance(spec, FileDemand):
        return Learning(
            policy=policy, demand=spec, store=store, recent=recent, maxima=Maxima(recent, spec.step), pages=pages
        )

    def asking(query: str, unit: str) -> DemandSource:
        wanted = PrometheusDemand(query=query, unit=unit)
        return demand_source(wanted, prometheus_url=metrics.url, base=metrics.base, headers=metrics.headers)

    maxima = asking(maxima_query(spec), spec.unit)
    replicas = asking(replicas_query(spec, policy.spec.target), "replicas")
    return Learning(
        policy=policy, demand=spec, store=store, recent=recent, maxima=maxima, replicas=replicas, pages=pages
    )
