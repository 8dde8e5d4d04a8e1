"""A first policy for each workload of a namespace, from its autoscaler, its probes and its history. Pure.

replicas   those of its autoscaler; without one, from what runs now to three times as many
capacity   `auto` over a history of at least 8 days, `target_utilization` over a shorter one, else what runs now
smoke      the path of the readiness probe, through the one Service that leads to its pods
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from springtide.adoption.asks import AskingObject, Reading, Years
from springtide.adoption.cron_hpa import KINDS as CRON_HPAS
from springtide.adoption.found import WORKLOADS, FoundObject, FoundObjects, entries, mapping
from springtide.adoption.history import UNIT, UsageHistory
from springtide.adoption.hpa import KIND as HPA
from springtide.adoption.hpa import read_hpa
from springtide.adoption.keda import KIND as SCALED_OBJECT
from springtide.adoption.keda import read_scaled_object
from springtide.adoption.pods import cpu_of, smoke_checks
from springtide.adoption.proposals import Proposal, ProposedDocument, policy_document, policy_names, target_of
from springtide.adoption.remarks import ADVISE, ADVISES, Remark, Standing
from springtide.kube.objects import Deployment
from springtide.plan.startup import startup_budget
from springtide.policy.language.units import MAX_REPLICAS
from springtide.policy.scaling.auto import LEAST_LOOKBACK
from springtide.workload import Workload

_ROOM: Final = 3
"""Without an autoscaler nobody said how far it may grow: three times what runs now is a proposal to look at."""

_USUAL_TARGET: Final = 0.5
_DEFAULT_READY: Final = timedelta(minutes=10)
_READY_MARGIN: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One workload with everything that is known of it."""

    found: FoundObject
    workload: Workload
    autoscaler: AskingObject | None
    history: UsageHistory | None


def workloads_of(objects: FoundObjects) -> list[Workload]:
    """Return what `first_policies` proposes a policy for."""
    found = objects.of_kind(*WORKLOADS)
    return [each.workload for each in found if each.workload is not None]


def first_policies(
    objects: FoundObjects, histories: Mapping[Workload, UsageHistory], years: Years, owner: str | None
) -> Proposal:
    """Return one policy for each workload of `objects`; `histories` may lack some of them."""
    autoscalers = _autoscalers(objects, years)
    names = policy_names(workloads_of(objects))
    documents: list[ProposedDocument] = []
    remarks: list[Remark] = []
    for found in objects.of_kind(*WORKLOADS):
        workload = found.workload
        if workload is None:
            continue
        subject = _Subject(
            found=found,
            workload=workload,
            autoscaler=autoscalers.get(workload),
            history=histories.get(workload),
        )
        spec = _spec(subject, objects, remarks)
        content = policy_document(names[workload], owner or found.namespace, spec)
        autoscaler = (subject.autoscaler.title,) if subject.autoscaler is not None else ()
        sources = (found.title, *autoscaler)
        documents.append(ProposedDocument(kind="ScalingPolicy", name=names[workload], content=content, sources=sources))
    return Proposal(tuple(documents), (*remarks, ADVISES) if documents else tuple(remarks))


def _autoscalers(objects: FoundObjects, years: Years) -> dict[Workload, AskingObject]:
    """Return what owns the replicas of which workload; a ScaledObject counts before the HPA that KEDA keeps for it."""
    reading = Reading()
    for found in objects.of_kind(HPA):
        read_hpa(found, reading)
    for found in objects.of_kind(SCALED_OBJECT):
        read_scaled_object(found, years, reading)
    return {each.workload: each for each in reading.asking}


def _spec(subject: _Subject, objects: FoundObjects, remarks: list[Remark]) -> dict[str, Any]:
    least, most = _bounds(subject, remarks)
    service, smoke = smoke_checks(subject.found, objects, remarks)
    spec: dict[str, Any] = {
        "mode": ADVISE,
        "target": target_of(subject.workload, service),
        "replicas": {"min": least, "max": most},
        **_demand_and_capacity(subject, objects, least, remarks),
        "strategy": _strategy(subject),
    }
    if smoke:
        spec["smoke"] = smoke
    remarks += _schedules(subject, objects)
    return spec


def _bounds(subject: _Subject, remarks: list[Remark]) -> tuple[int, int]:
    if subject.autoscaler is not None:
        least = min(max(1, subject.autoscaler.least), MAX_REPLICAS)
        return least, min(max(least, subject.autoscaler.most), MAX_REPLICAS)
    least = min(max(1, subject.found.replicas), MAX_REPLICAS)
    most = min(least * _ROOM, MAX_REPLICAS)
    advice = f"no autoscaler says how far it may grow; {most} is {_ROOM} times what runs now: correct it"
    remarks.append(subject.found.remark(Standing.TO_DO, "replicas.max", most, advice))
    return least, most


def _demand_and_capacity(subject: _Subject, objects: FoundObjects, least: int, remarks: list[Remark]) -> dict[str, Any]:
    fixed = {"capacity": {"models": [{"model": "fixed", "replicas": least}]}}
    history = subject.history
    per_replica = cpu_of(subject.found)
    said = subject.found.remark
    if history is None:
        advice = "no Prometheus was given, so the plan is what runs now; pass --prometheus, or write `demand`"
        remarks.append(said(Standing.TO_DO, "demand", "", advice))
        return fixed
    if history.problem:
        advice = f"no history, so the plan is what runs now; see whether the query is right: {history.problem}"
        remarks.append(said(Standing.TO_DO, "demand", history.query, advice))
        return fixed
    if per_replica is None:
        advice = "its containers ask for no CPU, so what a replica serves is not known; the plan is what runs now"
        remarks.append(said(Standing.TO_DO, "resources.requests.cpu", "", advice))
        return fixed
    demand = {"source": "prometheus", "query": history.query, "unit": UNIT}
    share = _target(subject, objects, per_replica)
    days = f"{history.days:.0f} days of CPU, at most {history.peak:.2f} cores"
    if timedelta(days=history.days) < LEAST_LOOKBACK:
        advice = f"`model: auto` needs 8 days of history; until then {share:.0%} of a replica is planned"
        remarks.append(said(Standing.TO_DO, "capacity", days, advice))
        model: dict[str, Any] = {"model": "target_utilization", "per_replica": per_replica, "target": share}
        return {"demand": demand, "capacity": {"models": [model]}}
    advice = "CPU stands for demand, and a replica for what it may use of it; requests/s and a load test are better"
    remarks.append(said(Standing.TO_DO, "demand", days, advice))
    model = {"model": "auto", "per_replica": per_replica}
    if subject.autoscaler is not None:
        model |= {"autoscaler": "floor", "hpa": {"metric": "cpu", "target": share}}
    return {"demand": demand | {"lookback": "21d"}, "capacity": {"models": [model]}}


def _target(subject: _Subject, objects: FoundObjects, per_replica: float) -> float:
    """Return the CPU target of its HPA as a share of what a replica can do."""
    request = cpu_of(subject.found, "requests")
    for hpa in objects.of_kind(HPA):
        if subject.autoscaler is not None and hpa.title == subject.autoscaler.title and request is not None:
            for share in _utilizations(hpa):
                return min(1.0, round(share * request / per_replica, 3))
    return _USUAL_TARGET


def _utilizations(hpa: FoundObject) -> Iterator[float]:
    plain = hpa.spec.get("targetCPUUtilizationPercentage")
    written = [plain] if plain is not None else []
    for metric in entries(hpa.spec.get("metrics")):
        resource = mapping(metric.get("resource"))
        if resource.get("name") == "cpu":
            written.append(mapping(resource.get("target")).get("averageUtilization"))
    yield from (each / 100 for each in written if isinstance(each, int) and each > 0)


def _strategy(subject: _Subject) -> dict[str, Any]:
    strategy: dict[str, Any] = {"type": "in_place" if subject.autoscaler is None else "floor"}
    template = mapping(subject.found.spec.get("template"))
    allowed = startup_budget(Deployment(dict(subject.found.raw))) if mapping(template.get("spec")) else None
    needed = timedelta(seconds=allowed or 0) + _READY_MARGIN
    if needed > _DEFAULT_READY:
        strategy["deadlines"] = {"ready": f"{-(-needed // timedelta(minutes=1))}m"}
    return strategy


def _schedules(subject: _Subject, objects: FoundObjects) -> Iterator[Remark]:
    """Yield a remark where something scales it by the clock: `springtide import` reads that."""
    if subject.autoscaler is not None and subject.autoscaler.asks:
        advice = "it scales by the clock as well; `springtide import` writes that as a calendar"
        yield subject.found.remark(Standing.TO_DO, "scaled by", subject.autoscaler.title, advice)
    for found in objects.of_kind(*CRON_HPAS):
        if mapping(found.spec.get("scaleTargetRef")).get("name") == subject.found.name:
            advice = "it scales by the clock; `springtide import` writes that as a calendar"
            yield subject.found.remark(Standing.TO_DO, "scaled by", found.title, advice)
