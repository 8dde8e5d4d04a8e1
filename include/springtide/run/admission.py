"""Before anything is written: what runs now, whether it may be scaled, and to how many replicas."""

from __future__ import annotations

from springtide.capacity.combine import estimate, requested
from springtide.capacity.model import CapacityEstimate
from springtide.capacity.registry import build_model
from springtide.demand.registry import read_demand
from springtide.errors import InputError
from springtide.kube.client import selector_text
from springtide.kube.objects import Kind, Pod
from springtide.kube.scene import PodSet, Scene, observe
from springtide.plan.model import ScalingPlan, Target
from springtide.plan.planner import make_plan
from springtide.plan.preflight import require_scalable
from springtide.policy.model import BlueGreen, InPlace, ScalingPolicy
from springtide.policy.strategy import StrategyPart
from springtide.run.lease import fenced, read_lease
from springtide.run.ports import Ports, RunRequest
from springtide.strategy.model import Snapshot


def target_of(policy: ScalingPolicy) -> Target:
    """Return what the policy scales."""
    target = policy.spec.target
    return Target(target.namespace, target.deployment, target.service)


def settings_of(request: RunRequest) -> BlueGreen | InPlace:
    """Return the strategy of the request: the policy's own, or the one asked for with the policy's waits.

    Raises:
        InputError: there is no such strategy.
    """
    settings = request.policy.spec.strategy
    if request.strategy in (None, "", settings.type):
        return settings
    kinds: dict[str, type[BlueGreen | InPlace]] = {"blue_green": BlueGreen, "in_place": InPlace}
    if request.strategy not in kinds:
        raise InputError(
            f"strategy: {request.strategy!r} is none; allowed are {', '.join(kinds)}.",
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
    target = target_of(request.policy)
    lease = read_lease(ports.kube, target.namespace, target.deployment)
    if lease is not None and lease.holder:
        raise fenced(lease, target.namespace, target.deployment, request.run_id)
    scene = look(ports, target)
    selected: list[Pod] = []
    if scene.service.selector:
        selector = selector_text(scene.service.selector)
        selected = [Pod(raw) for raw in ports.kube.list(Kind.POD, target.namespace, selector=selector)]
    stable = require_scalable(
        scene,
        deployment=target.deployment,
        selected=selected,
        autoscalers=ports.kube.list(Kind.AUTOSCALER, target.namespace),
        parallel=settings_of(request).type == "blue_green",
    )
    return scene, stable


def look(ports: Ports, target: Target) -> Scene:
    """Return what runs now."""
    return observe(
        ports.kube, ports.clock, namespace=target.namespace, deployment=target.deployment, service=target.service
    )


def plan_capacity(ports: Ports, request: RunRequest) -> ScalingPlan:
    """Return the plan: how many replicas, and why. Writes nothing.

    A run that owns the workload already has its plan, in its Lease: what it did changed what a new one would say.

    Raises:
        InputError, Fenced: see `admit`; or the number that was asked for is not allowed.
        DemandUnavailable, DemandUnusable: there is no demand to act on.
    """
    target = target_of(request.policy)
    lease = read_lease(ports.kube, target.namespace, target.deployment)
    if lease is not None and lease.holder == request.run_id and lease.state is not None:
        return lease.state.plan
    _, stable = admit(ports, request)
    current = stable.deployment.replicas
    return make_plan(
        request.policy,
        _estimate(ports, request, current),
        current=current,
        strategy=settings_of(request).type,
        now=ports.clock.now(),
        explicit=request.replicas is not None,
    )


def _estimate(ports: Ports, request: RunRequest, current: int) -> CapacityEstimate:
    if request.replicas is not None:
        return requested(request.replicas, now=ports.clock.now())
    return _calculated(ports, request.policy, current)


def _calculated(ports: Ports, policy: ScalingPolicy, current: int) -> CapacityEstimate:
    now, spec = ports.clock.now(), policy.spec.demand
    source = ports.demand(policy)
    demand = read_demand(source, spec, now=now) if source is not None and spec is not None else None
    models = [build_model(model) for model in policy.spec.capacity.models]
    return estimate(models, demand, combine=policy.spec.capacity.combine, replicas=current, now=now)


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
    )
