"""Puts the ports of a run together from what a caller has: the command line, Airflow, a test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from springtide.clock import Clock, SystemClock
from springtide.demand.access import NO_LOGIN, PrometheusAccess
from springtide.demand.instant import instant_query
from springtide.demand.model import DemandSource
from springtide.demand.registry import demand_source
from springtide.kube.client import CountsReads, KubeClient
from springtide.kube.object_events import AnnouncesEvents, KeptObjectEvents, NoObjectEvents
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import RunStore
from springtide.run.ports import Neighbours, Ports
from springtide.verify.database import PostgresDatabases
from springtide.verify.route import HttpRoute
from springtide.verify.smoke import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Where demand and smoke conditions are read: `url` None where there is no Prometheus; `base` for files.

    `access` says how to log in there; `kept` is the folder where read demand is kept, None for none.
    """

    url: str | None = None
    base: Path = Path()
    access: PrometheusAccess = NO_LOGIN
    kept: Path | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What is sent with each question, but for a token that lies in a file."""
        return self.access.headers


def assemble(
    kube: KubeClient,
    store: RunStore,
    metrics: Metrics,
    *,
    clock: Clock | None = None,
    on_wait: Callable[[str], None] = lambda _message: None,
    database_address: Callable[[str], str | None] = lambda _connection: None,
) -> Ports:
    """Return the ports of runs against the cluster behind `kube`.

    `database_address` says where a policy's database connection leads; None where nobody knows.
    """
    clock = clock or SystemClock()
    return Ports(
        kube=kube,
        clock=clock,
        route=HttpRoute(clock),
        store=store,
        demand=lambda policy: demand_of(policy, metrics),
        instant=instant_of(metrics),
        on_wait=on_wait,
        neighbours=lambda: _neighbours(metrics.base),
        naming=lambda words: _neighbours(metrics.base, words),
        policy_of=PolicyFolder(metrics.base).get,
        databases=PostgresDatabases(database_address),
        reads=lambda: kube.reads if isinstance(kube, CountsReads) else 0,
        object_events=KeptObjectEvents(kube) if isinstance(kube, AnnouncesEvents) else NoObjectEvents(),
    )


def _neighbours(folder: Path, naming: Collection[str] = ()) -> Neighbours:
    policies, errors = PolicyFolder(folder).readable(naming)
    return Neighbours(policies, tuple(sorted({Path(error.file).stem for error in errors})))


def demand_of(policy: ScalingPolicy, metrics: Metrics) -> DemandSource | None:
    """Return where the demand of `policy` is read; None where it reads none."""
    spec = policy.spec.demand
    if spec is None:
        return None
    return demand_source(spec, prometheus_url=metrics.url, base=metrics.base, access=metrics.access, kept=metrics.kept)


def instant_of(metrics: Metrics) -> Instant | None:
    """Return how one query is asked now; None where there is no Prometheus."""
    url = metrics.url
    if url is None:
        return None
    return lambda query: instant_query(url, query, access=metrics.access)
