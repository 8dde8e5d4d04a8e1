"""One look at one service, for a sweep or an event: what it has, what its demand asks for, and whether it is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from springtide.errors import DemandUnavailable, DemandUnusable, Fenced
from springtide.events.connections import ConnectionUse
from springtide.events.minimum import Minimum
from springtide.events.release import Health
from springtide.events.sweep import Inspection
from springtide.fleet.usual import usual_replicas
from springtide.kube.autoscaler import Autoscaler, effective_minimum
from springtide.kube.objects import Pod
from springtide.kube.observation import Observation, PodSet
from springtide.plan.guards import OVER_TIME
from springtide.plan.model import ScalingPlan
from springtide.plan.recent import LATELY
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.model import ScalingPolicy
from springtide.policy.scaling.strategy import Floor
from springtide.run.admission import admit, current_number, plan_admitted
from springtide.run.ports import Ports, RunRequest
from springtide.run.recent import advised_before
from springtide.strategy.hold import hold_on, owner_bounds
from springtide.verify.smoke import checks_after_switch, smoke_test
from springtide.verify.verdict import Verdict, VerdictStatus

OWNED_FOR: Final = timedelta(minutes=5)
"""How long a preparation waits for a run that a sweep started: what it takes comes out of the lead's margin.

What an event multiplies, and where its first run begins, cannot be said while another run is on its way.
"""

LOOK_AGAIN_SECONDS: Final = 5.0
"""How often a service that a run owns is looked at until it is over."""


def inspect_service(ports: Ports, policy: ScalingPolicy, *, before: float | None = None) -> Inspection:
    """Return what is found of one service. Writes nothing; sends the policy's smoke checks to what serves now.

    `before` is the demand from before an event that is over, if there was one.

    Raises:
        InputError: the workload may not be scaled; every reason at once.
        ClusterRefused, ClusterUnavailable, NotFound: as the client says.
    """
    request = RunRequest(
        run_id="sweep",
        policy=policy,
        replicas=None,
        strategy=None,
        requested_by="springtide",
        reason="sweep",
        dry_run=True,
    )
    try:
        observation, stable = admit(ports, request)
    except Fenced as error:
        # A number read in the middle of a run is neither what was nor what will be: none is better.
        return replace(_facts(policy, 0, None, frozen=error.message), is_owned=True)
    current = current_number(observation, stable, request.settings.type)
    advised = advised_before(ports.store, policy, observation.at)
    if advised is not None:
        current = advised
        request = replace(request, advised=advised)
    plan, problem = _plan(ports, request, (observation, stable))
    demand = None if plan is None else plan.estimate.demand
    health = Health(_problem(ports, policy, observation, stable), demand, before)
    inspection = replace(
        _facts(policy, current if plan is None else plan.current, plan, problem=problem, health=health),
        frozen=_halted(ports, policy),
        observed=stable.scaled.replicas,
        ready=len(observation.ready_endpoints(stable)),
        lately_ready=lately_ready(stable.ready_pods, observation.at),
    )
    if inspection.unknown is not None:
        inspection = replace(inspection, usual=usual_replicas(ports.store, policy, observation.at))
    settings = policy.spec.strategy
    if not isinstance(settings, Floor) or observation.autoscaler is None:
        return inspection
    minimum = _minimum(observation.autoscaler, policy, settings, stable.scaled.replicas, observation.at)
    return replace(inspection, minimum=minimum, planned=_planned(minimum, inspection, plan))


def _halted(ports: Ports, policy: ScalingPolicy) -> str | None:
    halt = ports.halt.pulled(ports.kube, ports.clock, policy.spec.target.namespace)
    return None if halt is None else str(halt)


def lately_ready(pods: Iterable[Pod], now: datetime) -> tuple[float, ...]:
    """Return how many seconds ago each of `pods` became ready, those of `LATELY` alone."""
    conditions = (pod.condition("Ready") for pod in pods)
    ages = [now - ready.since for ready in conditions if ready is not None and ready.since is not None]
    return tuple(sorted(age.total_seconds() for age in ages if age <= LATELY))


def _minimum(autoscaler: Autoscaler, policy: ScalingPolicy, settings: Floor, running: int, at: datetime) -> Minimum:
    hold = hold_on(autoscaler)
    planning = (model for model in policy.spec.capacity.models if isinstance(model, AutoSpec))
    return Minimum(
        owner_minimum=effective_minimum(owner_bounds(autoscaler.bounds, autoscaler.floor_annotation), autoscaler.kind),
        running=running,
        looked_at=at,
        expires=settings.expires,
        held_until=hold.until if hold else None,
        is_planned=any(model.autoscaler != "alone" for model in planning),
    )


def _planned(minimum: Minimum, inspection: Inspection, plan: ScalingPlan | None) -> int | None:
    if plan is None or inspection.expected is None:
        return None
    return minimum.without_events(
        current=inspection.current,
        plan=plan.replicas,
        needed=max(inspection.expected, plan.estimate.replicas),
        has_demand=plan.estimate.demand is not None,
        is_believed=plan.estimate.hold is None,
    )


def _plan(
    ports: Ports, request: RunRequest, admitted: tuple[Observation, PodSet]
) -> tuple[ScalingPlan | None, str | None]:
    try:
        return plan_admitted(ports, request, admitted), None
    except (DemandUnavailable, DemandUnusable) as error:
        return None, error.message


def _facts(
    policy: ScalingPolicy,
    current: int,
    plan: ScalingPlan | None,
    *,
    frozen: str | None = None,
    problem: str | None = None,
    health: Health | None = None,
) -> Inspection:
    spec = policy.spec
    expected = None if plan is None else min(max(plan.estimate.expected, spec.replicas.min), spec.replicas.max)
    return Inspection(
        service=policy.name,
        current=current,
        planned=None if plan is None else plan.replicas,
        expected=expected,
        frozen=frozen,
        problem=problem,
        step_up=float(spec.guards.step_up),
        step_down=float(spec.guards.step_down),
        health=health or Health("nobody looked at it"),
        after=spec.after,
        connection_uses=tuple(
            ConnectionUse(downstream.name, downstream.connections_per_replica, downstream.usable)
            for downstream in spec.downstream
        ),
        overlaps=spec.strategy.type == "blue_green",
        least=spec.replicas.min,
        most=spec.replicas.max,
        unknown=problem if plan is None else plan.estimate.hold,
        reads_demand=spec.demand is not None,
        advises=spec.advises,
        answer=None if plan is None else plan.estimate.replicas,
        held="" if plan is None else _held(plan),
        abstained=() if plan is None else plan.estimate.abstained,
    )


def _held(plan: ScalingPlan) -> str:
    """Return why the plan is not smaller, in the words of the guard that held it."""
    held = [clamp for clamp in plan.clamps if clamp.guard in OVER_TIME and clamp.replicas > clamp.was]
    return f"held at {plan.replicas}: {held[-1].reason}" if held and plan.replicas == held[-1].replicas else ""


def _problem(ports: Ports, policy: ScalingPolicy, observation: Observation, stable: PodSet) -> str | None:
    """Return what is wrong with the service now; None when every check passes."""
    ready = len(observation.ready_endpoints(stable))
    wanted = stable.scaled.replicas
    if ready < wanted:
        return f"{ready} of {wanted} replicas are ready"
    checks = checks_after_switch(policy.spec.smoke, policy.spec.strategy)
    ways = ports.ways_to(policy.spec.target.workload)
    verdict: Verdict = smoke_test(checks, observation.service, ways, ports.instant)
    if verdict.status is VerdictStatus.PASS:
        return None
    return "; ".join(
        f"{check.check}: {check.message}" for check in verdict.checks if check.status is not VerdictStatus.PASS
    )
