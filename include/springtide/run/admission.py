"""Before anything is written: what runs now, whether it may be scaled, and to how many replicas."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from springtide.capacity.combine import requested
from springtide.capacity.model import CapacityEstimate
from springtide.errors import InputError, TemporaryError
from springtide.kube.autoscaler import Autoscaler, effective_minimum, find
from springtide.kube.cluster import identify
from springtide.kube.objects import Deployment, Kind
from springtide.kube.observation import Observation, PodSet, find_placeholders, observe, selected_pods
from springtide.plan.findings import Finding, downgraded
from springtide.plan.model import Baseline, PlanOutcome, ScalingPlan
from springtide.plan.planner import advised, held_longer, make_floor_plan, make_plan, make_release_plan
from springtide.plan.preflight import require_scalable
from springtide.plan.startup import startup_allowed
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.estimation import EstimateInputs, estimate_for
from springtide.run.freezes import freeze_findings
from springtide.run.lease import Lease, fenced, read_lease
from springtide.run.missing_rights import named_rights
from springtide.run.ownership import is_owner
from springtide.run.pauses import pause_findings
from springtide.run.ports import Ports, RunRequest
from springtide.run.preflight import Preflight
from springtide.run.recent import recent_of
from springtide.strategy.hold import hold_on, owner_bounds
from springtide.strategy.model import AutoscalerSnapshot, PlaceholdersSnapshot, Snapshot, StableSet
from springtide.workload import Workload

_PLACEHOLDERS: Final = "strategy.warm_nodes.deployment"


def admit(ports: Ports, request: RunRequest) -> tuple[Observation, PodSet]:
    """Look at the workload and refuse what may not be scaled now. Writes nothing.

    Raises:
        InputError: the workload may not be scaled; every reason at once.
        Fenced: another run owns it.
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    with named_rights(ports, request):
        lease = read_lease(ports.kube, request.policy.spec.target.workload)
    return admit_unowned(ports, request, lease)


def admit_unowned(ports: Ports, request: RunRequest, lease: Lease | None) -> tuple[Observation, PodSet]:
    """Do what `admit` does; `lease` is the workload's, as it was read just now.

    Raises:
        InputError, Fenced, ClusterRefused, ClusterUnavailable: as `admit`.
    """
    with named_rights(ports, request):
        return _admit(ports, request, lease)


def _admit(ports: Ports, request: RunRequest, lease: Lease | None) -> tuple[Observation, PodSet]:
    workload = request.policy.spec.target.workload
    if lease is not None and lease.holder:
        raise fenced(lease, workload, request.run_id)
    _require_sole_policy(ports, request.policy)
    strategy = request.settings.type
    autoscalers = find(ports.kube, workload) if strategy == "floor" else hpas(ports, workload)
    warm = request.settings.warm_nodes
    observation = replace(
        observe_workload(ports, workload),
        autoscaler=autoscalers[0] if autoscalers else None,
        placeholders=find_placeholders(ports.kube, workload.namespace, warm.deployment) if warm else None,
    )
    stable = require_scalable(
        observation,
        selected=selected_pods(ports.kube, observation, workload.namespace),
        autoscalers=autoscalers,
        strategy=strategy,
        is_written=not request.policy.spec.advises,
    )
    return observation, stable


def _require_sole_policy(ports: Ports, policy: ScalingPolicy) -> None:
    """Raise `InputError` when another policy of the folder scales this workload, or switches this Service."""
    mine = policy.spec.target.workload
    placeholders = policy.spec.strategy.warm_nodes
    names = (mine.deployment, mine.service, placeholders.deployment if placeholders else None)
    for other in ports.neighbours_that_name([name for name in names if name]).near(policy):
        theirs = other.spec.target.workload
        switches = "blue_green" in (policy.spec.strategy.type, other.spec.strategy.type)
        for field, name, same in (
            (f"target.{mine.kind.value}", mine.deployment, theirs.reference == mine.reference),
            ("target.service", mine.service, switches and bool(mine.service) and theirs.service == mine.service),
            (_PLACEHOLDERS, *_shared_placeholders(policy, other)),
        ):
            if same:
                raise InputError(
                    f"spec.{field}: {mine.namespace}/{name} belongs to policy {other.name} as well as to "
                    f"{policy.name}: one policy for one workload. Remove one of the two.",
                    code="shared_workload",
                    field=f"spec.{field}",
                )


def _shared_placeholders(policy: ScalingPolicy, other: ScalingPolicy) -> tuple[str, bool]:
    """Return the placeholders of `policy`, and whether `other` scales them too, as its target or its placeholders."""
    mine = policy.spec.strategy.warm_nodes
    theirs = other.spec.strategy.warm_nodes
    taken = {other.spec.target.deployment, theirs.deployment if theirs else None}
    return (mine.deployment, mine.deployment in taken) if mine else ("", False)


def observe_workload(ports: Ports, workload: Workload) -> Observation:
    """Return what runs now."""
    return observe(ports.kube, ports.clock, workload)


def plan_capacity(ports: Ports, request: RunRequest) -> ScalingPlan:
    """Return the plan: how many replicas, why, and what stands in its way. Writes nothing.

    A run that owns the workload already has its plan, in its Lease: what it did changed what a new one would say.

    Raises:
        InputError, Fenced: see `admit`; or the number that was asked for is not allowed.
        DemandUnavailable, DemandUnusable: there is no demand to act on.
    """
    workload = request.policy.spec.target.workload
    with named_rights(ports, request):
        lease = read_lease(ports.kube, workload)
    if lease is not None and is_owner(ports, request.run_id, lease) and lease.state is not None:
        return lease.state.plan
    admitted = admit_unowned(ports, request, lease)
    plan = replace(plan_admitted(ports, request, admitted), cluster=identify(ports.kube, workload))
    if plan.outcome is PlanOutcome.NOTHING_TO_DO:
        return plan
    return replace(plan, findings=(*plan.findings, *findings_of(ports, request, plan, admitted)))


def plan_admitted(ports: Ports, request: RunRequest, admitted: tuple[Observation, PodSet]) -> ScalingPlan:
    """Return the plan for what was `admitted`, without what stands in its way: what a look needs. Asks no cluster.

    Raises:
        InputError: the number that was asked for is not allowed.
        DemandUnavailable, DemandUnusable: there is no demand to act on.
    """
    observation, stable = admitted
    plan = advised(request.policy, _plan(ports, request, observation, stable))
    return replace(plan, allowed_startup=startup_allowed(stable.scaled))


def findings_of(
    ports: Ports, request: RunRequest, plan: ScalingPlan, admitted: tuple[Observation, PodSet]
) -> tuple[Finding, ...]:
    """Return what the preflight of `plan` finds around the workload that was `admitted`.

    Restoring a minimum is never refused because of a GitOps tool: raising it was not.
    """
    observation, stable = admitted
    preflight = Preflight(
        ports=ports,
        policy=request.policy,
        settings=request.settings,
        plan=plan,
        observation=observation,
        stable=stable,
    )
    findings = (*standing_findings(ports, request), *preflight.findings())
    return downgraded(findings, ["gitops"]) if request.is_release else findings


def standing_findings(ports: Ports, request: RunRequest) -> tuple[Finding, ...]:
    """Return what people have said stands in the way of any run: freezes and pauses. Asks no cluster."""
    return (*freeze_findings(ports, request), *pause_findings(ports, request))


def _plan(ports: Ports, request: RunRequest, observation: Observation, stable: PodSet) -> ScalingPlan:
    now = ports.clock.now()
    explicit = request.replicas is not None
    strategy = request.settings.type
    if strategy == "floor" and observation.autoscaler is not None:
        return _plan_floor(ports, request, observation.autoscaler, stable)
    if request.is_release:
        raise InputError(
            f"strategy: {strategy} holds no floor, so there is nothing to release. Only strategy floor does.",
            code="nothing_held",
            field="strategy",
        )
    estimate = _estimate(ports, request, stable)
    baseline = _baseline(ports, request, None, stable)
    return make_plan(request.policy, estimate, current=baseline, strategy=strategy, now=now, explicit=explicit)


def _plan_floor(ports: Ports, request: RunRequest, autoscaler: Autoscaler, stable: PodSet) -> ScalingPlan:
    now = ports.clock.now()
    owner_minimum = _owner_minimum(autoscaler)
    if request.is_release:
        estimate = requested(owner_minimum, now=now)
        held = bool(autoscaler.floor_annotation)
        return make_release_plan(request.policy, estimate, current=autoscaler.minimum, is_held=held, now=now)
    baseline = _baseline(ports, request, autoscaler, stable)
    explicit = request.replicas is not None
    estimate = _estimate(ports, request, stable)
    plan = make_floor_plan(request.policy, estimate, baseline=baseline, now=now, explicit=explicit)
    hold = hold_on(autoscaler)
    if hold is None or request.until is None or request.until <= hold.until or plan.replicas <= owner_minimum:
        return plan
    return held_longer(plan, request.until)


def _owner_minimum(autoscaler: Autoscaler) -> int:
    # Not what stands there: an earlier run may have raised it, and its floor must not become the owner's minimum.
    return effective_minimum(owner_bounds(autoscaler.bounds, autoscaler.floor_annotation), autoscaler.kind)


def baseline_of(autoscaler: Autoscaler | None, stable: PodSet) -> Baseline:
    """Return what stands there now, for the guards to count from: an `autoscaler` where a floor goes through it."""
    running = stable.scaled.replicas
    if autoscaler is None:
        return Baseline(current=running, running=running)
    return Baseline(current=autoscaler.minimum, running=running, owner_minimum=_owner_minimum(autoscaler))


def _baseline(ports: Ports, request: RunRequest, autoscaler: Autoscaler | None, stable: PodSet) -> Baseline:
    """Return what stands there now, or would by the advice of before; and what was decided lately, for a model."""
    baseline = baseline_of(autoscaler, stable)
    if request.replicas is None:
        baseline = replace(baseline, recent=recent_of(ports.store, request.policy, ports.clock.now()))
    if request.advised is None:
        return baseline
    current = max(request.advised, baseline.owner_minimum)
    running = current if autoscaler is None else max(current, baseline.running)
    return replace(baseline, current=current, running=running)


def current_number(observation: Observation, stable: PodSet, strategy: str) -> int:
    """Return the number that a run changes: desired replicas, or the minimum where an autoscaler owns them."""
    if strategy == "floor" and observation.autoscaler is not None:
        return observation.autoscaler.minimum
    return stable.scaled.replicas


def hpas(ports: Ports, workload: Workload) -> tuple[Autoscaler, ...]:
    """Return the HPAs that scale the workload."""
    present = [Autoscaler(raw, Kind.AUTOSCALER) for raw in ports.kube.list(Kind.AUTOSCALER, workload.namespace)]
    return tuple(hpa for hpa in present if hpa.target == workload.title)


def _estimate(ports: Ports, request: RunRequest, stable: PodSet) -> CapacityEstimate:
    policy = request.policy
    now = ports.clock.now()
    if request.replicas is not None:
        return requested(request.replicas, now=now)
    return estimate_for(
        policy,
        ports.demand(policy),
        ports.store,
        now=now,
        current=stable.scaled.replicas,
        inputs=EstimateInputs(ports.instant, startup_allowed(stable.scaled)),
    )


def snapshot_of(observation: Observation, stable: PodSet, *, warming: int = 0) -> Snapshot:
    """Return what a roll back would restore; `warming` is how many placeholders more a run has meanwhile."""
    return Snapshot(
        service_uid=None if observation.service is None else observation.service.uid,
        selector={} if observation.service is None else observation.service.selector,
        deployment_uid=stable.scaled.uid,
        template_digest=stable.scaled.template_digest,
        replicas=stable.scaled.replicas,
        # Never more than are desired: the surplus of a rollout goes by itself, and no roll back may wait for it.
        ready=min(len(observation.ready_endpoints(stable)), stable.scaled.replicas),
        stable=_stable_set_of(stable),
        autoscaler=_snapshot_of(observation.autoscaler) if observation.autoscaler else None,
        leaving=tuple(pod.uid for pod in observation.pods if pod.is_terminating),
        placeholders=_placeholders_of(observation.placeholders, warming),
    )


def _placeholders_of(placeholders: Deployment | None, more: int) -> PlaceholdersSnapshot | None:
    if placeholders is None or more == 0:
        return None
    return PlaceholdersSnapshot(name=placeholders.name, uid=placeholders.uid, replicas=placeholders.replicas, more=more)


def _stable_set_of(stable: PodSet) -> StableSet:
    current = stable.current
    scaled = stable.scaled
    if not scaled.has_replica_sets:
        return StableSet(name=scaled.name, uid=scaled.uid, template_hash="", labels={})
    if current is None:
        raise TemporaryError(
            f"{stable.scaled.title}: its controller has not made a ReplicaSet of its template yet. Scale when it has.",
            code="rollout_in_progress",
        )
    return StableSet(
        name=current.name, uid=current.uid, template_hash=current.template_hash, labels=dict(current.labels)
    )


def _snapshot_of(autoscaler: Autoscaler) -> AutoscalerSnapshot:
    return AutoscalerSnapshot(
        kind=autoscaler.kind,
        name=autoscaler.name,
        uid=autoscaler.uid,
        bounds=autoscaler.bounds,
        floor_annotation=autoscaler.floor_annotation,
    )
