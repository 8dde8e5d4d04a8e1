"""Before anything is written: what runs now, whether it may be scaled, and to how many replicas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from springtide.capacity.combine import estimate, held, requested
from springtide.capacity.model import CapacityEstimate
from springtide.capacity.registry import rehearsed_model
from springtide.capacity.trust import Lenient
from springtide.demand.model import DemandSource
from springtide.demand.registry import read_demand
from springtide.demand.verdict import Outcome
from springtide.errors import DemandUnusable, InputError
from springtide.kube.autoscaler import Autoscaler, find, least
from springtide.kube.client import selector_text
from springtide.kube.objects import Kind, Pod
from springtide.kube.scene import PodSet, Scene, observe
from springtide.plan.findings import Finding, softened
from springtide.plan.model import PlanOutcome, ScalingPlan, Standing
from springtide.plan.planner import held_longer, make_floor_plan, make_plan, make_release_plan
from springtide.plan.preflight import require_scalable
from springtide.policy.model import ScalingPolicy
from springtide.policy.rehearsal import counts_requests
from springtide.policy.strategy import BlueGreen, Floor, InPlace, RunSettings, StrategyPart
from springtide.record.history import HistoryStore, past_of
from springtide.run.lease import fenced, read_lease
from springtide.run.ports import Ports, RunRequest
from springtide.run.preflight import Preflight
from springtide.run.startup import startup_allowed
from springtide.strategy.hold import hold_on, own_bounds
from springtide.strategy.model import AutoscalerSnapshot, Snapshot
from springtide.verify.smoke import Instant
from springtide.workload import Workload


@dataclass(frozen=True, slots=True)
class Around:
    """What else is known when replicas are calculated.

    `ask` answers the signals of `demand.alive`; `allowed_startup` is what the probes let a pod take, in seconds, which
    counts until tuning has found the start-up time.
    """

    ask: Instant | None = None
    allowed_startup: float | None = None


NOTHING_AROUND = Around()


def settings_of(request: RunRequest) -> RunSettings:
    """Return the strategy of the request: the policy's own, or the one asked for with the policy's waits.

    Raises:
        InputError: there is no such strategy.
    """
    settings = request.policy.spec.strategy
    if request.strategy in (None, "", settings.type):
        return settings
    kinds: dict[str, type[RunSettings]] = {"blue_green": BlueGreen, "in_place": InPlace, "floor": Floor}
    if request.strategy not in kinds:
        raise InputError(
            f"unknown strategy {request.strategy!r}; allowed: {', '.join(kinds)}.",
            code="name_invalid",
            field="strategy",
        )
    shared = {name: getattr(settings, name) for name in StrategyPart.model_fields}
    return kinds[request.strategy](**shared)


def admit(ports: Ports, request: RunRequest) -> tuple[Scene, PodSet]:
    """Look at the workload and refuse what may not be scaled now. Writes nothing.

    Raises:
        InputError: the workload may not be scaled; every reason at once.
        Fenced: another run owns it.
        ClusterRefused, ClusterUnavailable: as the client says.
    """
    workload = request.policy.spec.target.workload
    lease = read_lease(ports.kube, workload)
    if lease is not None and lease.holder:
        raise fenced(lease, workload, request.run_id)
    strategy = settings_of(request).type
    autoscalers = find(ports.kube, workload) if strategy == "floor" else hpas(ports, workload)
    scene = replace(look(ports, workload), autoscaler=autoscalers[0] if autoscalers else None)
    selected: list[Pod] = []
    if scene.service.selector:
        selector = selector_text(scene.service.selector)
        selected = [Pod(raw) for raw in ports.kube.list(Kind.POD, workload.namespace, selector=selector)]
    stable = require_scalable(
        scene,
        selected=selected,
        autoscalers=autoscalers,
        strategy=strategy,
    )
    return scene, stable


def look(ports: Ports, workload: Workload) -> Scene:
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
    lease = read_lease(ports.kube, workload)
    if lease is not None and lease.holder == request.run_id and lease.state is not None:
        return lease.state.plan
    scene, stable = admit(ports, request)
    plan = replace(_plan(ports, request, scene, stable), allowed_startup=startup_allowed(stable.deployment))
    if plan.outcome is PlanOutcome.NOTHING_TO_DO:
        return plan
    return replace(plan, findings=(*plan.findings, *findings_of(ports, request, plan, (scene, stable))))


def findings_of(
    ports: Ports, request: RunRequest, plan: ScalingPlan, admitted: tuple[Scene, PodSet]
) -> tuple[Finding, ...]:
    """Return what the preflight of `plan` finds around the workload that was `admitted`.

    To give a floor back is never refused because of a GitOps tool: raising it was not.
    """
    scene, stable = admitted
    preflight = Preflight(
        ports=ports, policy=request.policy, settings=settings_of(request), plan=plan, scene=scene, stable=stable
    )
    found = preflight.findings()
    return softened(found, ["gitops"]) if request.is_release else found


def _plan(ports: Ports, request: RunRequest, scene: Scene, stable: PodSet) -> ScalingPlan:
    running = stable.deployment.replicas
    now = ports.clock.now()
    explicit = request.replicas is not None
    strategy = settings_of(request).type
    if strategy == "floor" and scene.autoscaler is not None:
        return _plan_floor(ports, request, scene.autoscaler, stable)
    if request.is_release:
        raise InputError(
            f"strategy: {strategy} holds no floor, so there is nothing to release. Only strategy floor does.",
            code="nothing_held",
            field="strategy",
        )
    found = _estimate(ports, request, stable)
    return make_plan(request.policy, found, current=running, strategy=strategy, now=now, explicit=explicit)


def _plan_floor(ports: Ports, request: RunRequest, autoscaler: Autoscaler, stable: PodSet) -> ScalingPlan:
    now = ports.clock.now()
    own = least(own_bounds(autoscaler.bounds, autoscaler.floor_text), autoscaler.kind)
    if request.is_release:
        found = requested(own, now=now)
        held = bool(autoscaler.floor_text)
        return make_release_plan(request.policy, found, current=autoscaler.minimum, is_held=held, now=now)
    standing = Standing(autoscaler.minimum, stable.deployment.replicas, own)
    explicit = request.replicas is not None
    found = _estimate(ports, request, stable)
    plan = make_floor_plan(request.policy, found, standing=standing, now=now, explicit=explicit)
    hold = hold_on(autoscaler)
    if hold is None or request.until is None or request.until <= hold.until or plan.replicas <= own:
        return plan
    return held_longer(plan, request.until)


def standing_number(scene: Scene, stable: PodSet, strategy: str) -> int:
    """Return the number that a run changes: desired replicas, or the minimum where an autoscaler owns them."""
    if strategy == "floor" and scene.autoscaler is not None:
        return scene.autoscaler.minimum
    return stable.deployment.replicas


def hpas(ports: Ports, workload: Workload) -> tuple[Autoscaler, ...]:
    """Return the HPAs that scale one of the workload's two sets."""
    every = [Autoscaler(raw, Kind.AUTOSCALER) for raw in ports.kube.list(Kind.AUTOSCALER, workload.namespace)]
    return tuple(hpa for hpa in every if hpa.target in workload.set_names)


def _estimate(ports: Ports, request: RunRequest, stable: PodSet) -> CapacityEstimate:
    policy = request.policy
    now = ports.clock.now()
    if request.replicas is not None:
        return requested(request.replicas, now=now)
    return calculated(
        policy,
        ports.demand(policy),
        ports.store,
        now=now,
        current=stable.deployment.replicas,
        around=Around(ports.instant, startup_allowed(stable.deployment)),
    )


def calculated(
    policy: ScalingPolicy,
    source: DemandSource | None,
    store: HistoryStore,
    *,
    now: datetime,
    current: int,
    around: Around = NOTHING_AROUND,
) -> CapacityEstimate:
    """Return what the policy's models make of demand, with what was learned and what the quality gate says.

    Raises:
        DemandUnavailable, DemandUnusable: there is no demand to act on.
    """
    spec = policy.spec.demand
    capacity = policy.spec.capacity
    past = past_of(store, policy.name, now)
    learned = past.learned.allowing(capacity.models, around.allowed_startup)
    measured = past.measured if spec is not None and counts_requests(spec.unit) else None
    models = [rehearsed_model(model, learned, measured) for model in capacity.models]
    if source is None or spec is None:
        return estimate(models, None, combine=capacity.combine, replicas=current, now=now)
    demand, verdict = read_demand(source, spec, now=now, usual=past.usual, ask=around.ask)
    quality = verdict.to_record() | {"pages": past.pages}
    if verdict.outcome is Outcome.PASS:
        found = estimate(models, demand, combine=capacity.combine, replicas=current, now=now)
        return replace(found, quality=quality)
    lenient = [Lenient(one.model, model) for one, model in zip(capacity.models, models, strict=True)]
    try:
        found = estimate(lenient, demand, combine=capacity.combine, replicas=current, now=now)
    except DemandUnusable:  # no model can say anything by such demand
        return replace(held(None, replicas=current, reason=verdict.message), quality=quality)
    return replace(held(found, replicas=current, reason=verdict.message), quality=quality)


def snapshot_of(scene: Scene, stable: PodSet) -> Snapshot:
    """Return what a roll back would restore."""
    return Snapshot(
        service_uid=scene.service.uid,
        selector=scene.service.selector,
        stable=stable.deployment.name,
        stable_uid=stable.deployment.uid,
        replicas=stable.deployment.replicas,
        ready=min(len(scene.ready_endpoints(stable)), stable.deployment.replicas),
        template_hash=stable.template_hash,
        autoscaler=_snapshot_of(scene.autoscaler) if scene.autoscaler else None,
    )


def _snapshot_of(found: Autoscaler) -> AutoscalerSnapshot:
    return AutoscalerSnapshot(
        kind=found.kind, name=found.name, uid=found.uid, bounds=found.bounds, floor_text=found.floor_text
    )
