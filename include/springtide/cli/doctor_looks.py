"""The parts that `springtide doctor` looks at: versions, files, store, clusters and rights, Prometheus, Airflow."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from springtide import __version__
from springtide.cli.airflow import airflow_answer, opened_airflow, require_good
from springtide.cli.looks import Look, LookResult, bad, good, not_checked, warning
from springtide.cli.options import CliContext, halt_by_environment, settings_now
from springtide.clock import SystemClock
from springtide.errors import PolicyError, SpringtideError
from springtide.plan.findings import FindingStatus
from springtide.plan.rights import rights_finding, rights_of
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.run.assembly import instant_of
from springtide.settings import variable_name
from springtide.wording import counted

if TYPE_CHECKING:
    import httpx

    from springtide.policy.scaling.model import ScalingPolicy

MOST_RIGHTS: Final = 20
"""Policies whose rights are asked for; the rest is told."""

ACT_BY_THEMSELVES: Final = ("reconcile_runs", "release_floors", "prepare_events", "adjust_capacity")
NEEDED: Final = ("scale_service", *ACT_BY_THEMSELVES)


def looks_of(place: CliContext, airflow: str) -> list[Look]:
    """Return every look; the clusters are those of the policies that can be read, else the one of the options."""
    return [
        Look("versions", lambda: good(f"springtide {__version__}, Python {platform.python_version()}")),
        Look("halt", _halt),
        Look("policies", lambda: _policies(place)),
        Look("calendars", lambda: _calendars(place)),
        Look("store", lambda: _store(place)),
        *_cluster_looks(place),
        Look("Prometheus", lambda: _prometheus(place)),
        Look("kube-state-metrics", lambda: _kube_state_metrics(place)),
        Look("Airflow", lambda: _airflow(airflow)),
        Look("DAGs", lambda: _dags(airflow)),
    ]


def _halt() -> LookResult:
    halt = halt_by_environment()
    if halt is None:
        return good("nobody has halted this installation by its environment")
    return bad(halt.banner, f"unset {variable_name('halt')}, once its reason is over")


def _policies(place: CliContext) -> LookResult:
    policies, violations = place.folder.readable()
    if violations:
        files = len({each.file for each in violations})
        return bad(
            f"{len(policies)} can be read, {files} cannot: {violations[0]}", f"springtide validate {place.policies}"
        )
    if not policies:
        return warning(f"{place.policies} holds none", "springtide init NAMESPACE proposes one for each workload")
    return good(f"{len(policies)} in {place.policies}")


def _calendars(place: CliContext) -> LookResult:
    from springtide.events.snapshot import read_calendars

    settings = settings_now()
    may_be_absent = not settings.calendars_named
    services = place.folder.names()
    now = SystemClock().now()
    known = read_calendars(settings.calendars, {}, now=now, services=services or None, may_be_absent=may_be_absent)
    if known.violations:
        return bad(str(PolicyError(known.violations[:1])), f"springtide validate {settings.calendars}")
    if known.absent is not None:
        return good(str(known.account))
    if known.warnings:
        return warning(known.warnings[0], "springtide events sources")
    events = counted(len(known.calendars.occurrences), "event")
    return good(f"{len(known.views)} in {settings.calendars}, {events} ahead and behind")


def _store(place: CliContext) -> LookResult:
    with place.open_store() as store:
        latest = store.latest(limit=1)
    last = f"the last run is {latest[0].run_id}" if latest else "it holds no run yet"
    if str(place.store).startswith("sqlite"):
        cure = f"where Airflow's tasks run elsewhere, set {variable_name('store_url')} to one PostgreSQL for all"
        return warning(f"SQLite on this machine; {last}", cure)
    return good(f"it answers; {last}")


def _cluster_looks(place: CliContext) -> Iterator[Look]:
    """Yield how each cluster of the policies answers, and what this caller may do there."""
    try:
        policies, _ = place.folder.readable()
    except SpringtideError:  # the look at the policies says so
        policies = ()
    by_cluster: dict[str, list[ScalingPolicy]] = {}
    for policy in policies:
        by_cluster.setdefault(policy.spec.target.workload.cluster, []).append(policy)
    if not by_cluster:
        yield Look("cluster", lambda: _cluster(place))
    for name, theirs in by_cluster.items():
        there = place.at(theirs[0])
        called = f" {name}" if name else ""
        yield Look(f"cluster{called}", partial(_cluster, there))
        yield Look(f"rights{called}", partial(_rights, there, theirs))


def _cluster(place: CliContext) -> LookResult:
    with replace(place, store=None).ports(lambda _message: None) as ports:
        version = ports.kube.server_version()
        return good(f"{ports.cluster_address}: Kubernetes {version}")


def _rights(place: CliContext, policies: list[ScalingPolicy]) -> LookResult:
    missing: list[str] = []
    asked = policies[:MOST_RIGHTS]
    with replace(place, store=None).ports(lambda _message: None) as ports:
        for policy in asked:
            target = policy.spec.target.workload
            needed = rights_of(target, policy.spec.strategy.type, None)
            lacking = [right for right in needed if not ports.kube.may(right, target.namespace)]
            finding = rights_finding(needed, lacking, target.namespace)
            if finding.status is FindingStatus.REFUSED:
                missing.append(f"{policy.name}: {finding.message}")
    left = f"; {len(policies) - len(asked)} more were not asked" if len(asked) < len(policies) else ""
    if missing:
        more = f", and {len(missing) - 1} more" if missing[1:] else ""
        return bad(f"{missing[0]}{more}{left}", "kubectl apply -f deploy/kubernetes/rbac.yaml")
    return good(f"this caller may do what runs of {counted(len(asked), 'policy', 'policies')} do{left}")


def _prometheus(place: CliContext) -> LookResult:
    ask = instant_of(place.metrics)
    if ask is None:
        return _without_prometheus(place)
    ask("vector(1)")
    return good(f"{place.prometheus} answers")


def _kube_state_metrics(place: CliContext) -> LookResult:
    ask = instant_of(place.metrics)
    if ask is None:
        return not_checked("no Prometheus is named", "see the line above")
    found = ask("count(kube_deployment_status_replicas_available)")
    if not found:
        return warning(
            "Prometheus has no series of it: calibration, tuning and reports do not know how many replicas served",
            "install kube-state-metrics, or give each policy's demand its own replicas_query",
        )
    return good(f"it tells of {found:g} Deployments")


def _without_prometheus(place: CliContext) -> LookResult:
    policies, _ = place.folder.readable()
    users = [policy.name for policy in policies if isinstance(policy.spec.demand, PrometheusDemand)]
    cure = f"--prometheus URL, or {variable_name('prometheus_url')}"
    if users:
        readers = counted(len(users), "policy reads its", "policies read their")
        return bad(f"{readers} demand there, such as {users[0]}, and none is named", cure)
    return not_checked("none is named, and no policy needs it", cure)


def _airflow(airflow: str) -> LookResult:
    if _is_unnamed():
        return _no_airflow()
    with opened_airflow(airflow) as client:
        answer = airflow_answer(client, "GET", "/api/v2/monitor/health")
        require_good(answer)
        health: dict[str, Any] = answer.json()
        version = airflow_answer(client, "GET", "/api/v2/version").json().get("version")
    ill = [part for part, told in health.items() if told and told.get("status") not in {"healthy", None}]
    if ill:
        return bad(f"{airflow}: not healthy: {', '.join(sorted(ill))}", "start these components, and see their logs")
    return good(f"{airflow}: Airflow {version}, all components healthy")


def _dags(airflow: str) -> LookResult:
    if _is_unnamed():
        return _no_airflow()
    with opened_airflow(airflow) as client:
        states = {name: _is_paused(client, name) for name in NEEDED}
    absent = [name for name, is_paused in states.items() if is_paused is None]
    if absent:
        return bad(f"Airflow has no DAG {', '.join(absent)}", "see the import errors on Airflow's page of DAGs")
    paused = [name for name, is_paused in states.items() if is_paused]
    if paused:
        return warning(f"paused: {', '.join(paused)}", "; ".join(f"airflow dags unpause {name}" for name in paused))
    return good(f"{len(NEEDED)} DAGs are loaded, and none is paused")


def _is_paused(client: httpx.Client, dag_id: str) -> bool | None:
    answer = airflow_answer(client, "GET", f"/api/v2/dags/{dag_id}")
    if answer.status_code == 404:  # noqa: PLR2004
        return None
    require_good(answer)
    return bool(answer.json()["is_paused"])


def _is_unnamed() -> bool:
    settings = settings_now()
    return not (settings.airflow_token or settings.airflow_user)


def _no_airflow() -> LookResult:
    names = f"{variable_name('airflow_url')} and {variable_name('airflow_token')}"
    return not_checked("nobody is named in whose name to ask", f"set {names}, where you have an Airflow")
