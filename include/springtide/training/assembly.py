"""Puts the sources that learning reads and the store that it writes together; there is no cluster in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from springtide.demand.days import Maxima, maxima_query, replicas_query
from springtide.demand.kept_pages import PAGES_KEPT
from springtide.demand.model import DemandSource
from springtide.demand.registry import demand_source
from springtide.errors import InputError
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.retention import parse_age
from springtide.record.store import RunStore
from springtide.run.assembly import Metrics, demand_of
from springtide.settings import Settings, variable_name
from springtide.training.days import Learning


def pages_kept(settings: Settings) -> timedelta:
    """Return for how long the pages of judged days are kept.

    Raises:
        InputError: the variable is no number of days (`age_invalid`).
    """
    return parse_age(settings.keep_pages, variable_name("keep_pages"), least=timedelta(days=1))


def learning(
    policy: ScalingPolicy,
    store: RunStore,
    metrics: Metrics,
    *,
    pages: Path | None = None,
    kept: timedelta = PAGES_KEPT,
) -> Learning:
    """Return how the past of `policy` is read, and where what it teaches is kept.

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
        maxima = Maxima(recent, spec.step)
        return Learning(
            policy=policy, demand=spec, store=store, recent=recent, maxima=maxima, pages=pages, pages_kept=kept
        )

    def source_of(query: str, unit: str) -> DemandSource:
        spec = PrometheusDemand(query=query, unit=unit)
        return demand_source(spec, prometheus_url=metrics.url, base=metrics.base, access=metrics.access)

    return Learning(
        policy=policy,
        demand=spec,
        store=store,
        recent=recent,
        maxima=source_of(maxima_query(spec), spec.unit),
        replicas=source_of(replicas_query(spec, policy.spec.target), "replicas"),
        pages=pages,
        pages_kept=kept,
    )
