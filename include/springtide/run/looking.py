"""One look at one service, for a sweep or an event: what it has, what its demand asks for, and whether it is well."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from springtide.errors import DemandUnavailable, DemandUnusable, Fenced
from springtide.events.connections import Draw
from springtide.events.minimum import Minimum
from springtide.events.release import Health
from springtide.events.sweep import Facts
from springtide.kube.autoscaler import Autoscaler, least
from springtide.kube.scene import PodSet, Scene
from springtide.plan.model import ScalingPlan
from springtide.policy.control import AutoSpec
from springtide.policy.model import ScalingPolicy
from springtide.policy.strategy import Floor
from springtide.run.admission import admit, plan_capacity, settings_of, standing_number
from springtide.run.ports import Ports, RunRequest
from springtide.strategy.hold import hold_on, own_bounds
from springtide.verify.smoke import smoke_test
from springtide.verify.verdict import Verdict, VerdictStatus

OWNED_FOR: Final = timedelta(minutes=5)
"""How long a preparation waits for a run that a sweep started: what it takes comes out of the lead's margin."""

_LOOK_AGAIN_SECONDS: Final = 5.0


def look_when_free(ports: Ports, policy: ScalingPolicy, *, before: float | None = None) -> Facts:
    """Return the facts of one service once no run owns it, or as they are after `OWNED_FOR`: see `look_at_service`.

    What an event multiplies, and where its first run begins, cannot be said while another run is on its way.
    """
    end = ports.clock.monotonic() + OWNED_FOR.total_seconds()
    while True:
        facts = look_at_service(ports, policy, before=before)
        if not facts.is_owned or ports.clock.monotonic() >= end:
            return facts
        ports.on_wait(str(facts.frozen))
        ports.clock.sleep(_LOOK_AGAIN_SECONDS)


def look_at_service(ports: Ports, policy: ScalingPolicy, *, before: float | None = None) -> Facts:
    """Return the facts of one service. Writes nothing; sends the policy's smoke checks to what serves now.

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
        scene, stable = admit(ports, request)
    except Fenced as error:
        return replace(_facts(policy, 0, None, frozen=error.message), is_owned=True)
    current = standing_number(scene, stable, settings_of(request).type)
    plan, trouble = _plan(ports, request)
    demand = None if plan is None else plan.estimate.demand
    health = Health(_problem(ports, policy, scene, stable), demand, before)
    facts = _facts(policy, current, plan, trouble=trouble, health=health)
    settings = policy.spec.strategy
    if not isinstance(settings, Floor) or scene.autoscaler is None:
        return facts
    minimum = _minimum(scene.autoscaler, policy, settings, stable.deployment.replicas, scene.at)
    return replace(facts, minimum=minimum, planned=_planned(minimum, facts, plan))


def _minimum(found: Autoscaler, policy: ScalingPolicy, settings: Floor, running: int, at: datetime) -> Minimum:
    hold = hold_on(found)
    planning = (one for one in policy.spec.capacity.models if isinstance(one, AutoSpec))
    return Minimum(
        own=least(own_bounds(found.bounds, found.floor_text), found.kind),
        running=running,
        looked_at=at,
        expires=settings.expires,
        held_until=hold.until if hold else None,
        is_planned=any(one.autoscaler != "alone" for one in planning),
    )


def _planned(minimum: Minimum, facts: Facts, plan: ScalingPlan | None) -> int | None:
    if plan is None or facts.usual is None:
        return None
    return minimum.without_events(
        current=facts.current,
        plan=plan.replicas,
        needed=max(facts.usual, plan.estimate.replicas),
        has_demand=plan.estimate.demand is not None,
        is_believed=plan.estimate.hold is None,
    )


def _plan(ports: Ports, request: RunRequest) -> tuple[ScalingPlan | None, str | None]:
    try:
        return plan_capacity(ports, request), None
    except (DemandUnavailable, DemandUnusable) as error:
        return None, error.message


def _facts(
    policy: ScalingPolicy,
    current: int,
    plan: ScalingPlan | None,
    *,
    frozen: str | None = None,
    trouble: str | None = None,
    health: Health | None = None,
) -> Facts:
    spec = policy.spec
    usual = None if plan is None else min(max(plan.estimate.usual, spec.replicas.min), spec.replicas.max)
    return Facts(
        service=policy.name,
        current=current,
        planned=None if plan is None else plan.replicas,
        usual=usual,
        frozen=frozen,
        trouble=trouble,
        step_up=float(spec.guards.step_up),
        step_down=float(spec.guards.step_down),
        health=health or Health("nobody looked at it"),
        after=spec.after,
        draws=tuple(Draw(one.name, one.connections_per_replica, one.usable) for one in spec.downstream),
        overlaps=spec.strategy.type == "blue_green",
        least=spec.replicas.min,
        most=spec.replicas.max,
    )


def _problem(ports: Ports, policy: ScalingPolicy, scene: Scene, stable: PodSet) -> str | None:
    """Return what is wrong with the service now; None when every check passes."""
    ready, wanted = len(scene.ready_endpoints(stable)), stable.deployment.replicas
    if ready < wanted:
        return f"{ready} of {wanted} replicas are ready"
    verdict: Verdict = smoke_test(policy.spec.smoke, scene.service, ports.route, ports.instant)
    if verdict.status is VerdictStatus.PASS:
        return None
    return "; ".join(f"{one.check}: {one.message}" for one in verdict.checks if one.status is not VerdictStatus.PASS)
