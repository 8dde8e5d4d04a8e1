"""How a run comes to own its workload: judged once more, in the Lease with its snapshot, beside every run in flight."""

from __future__ import annotations

from dataclasses import replace

from springtide import labels
from springtide.errors import InputError, PermanentError, WorkloadFailed
from springtide.kube.observation import Observation, PodSet
from springtide.plan.findings import require_passed
from springtide.plan.footprint import footprint
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.plan.planner import require_still_allowed
from springtide.policy.scaling.strategy import Floor, RunSettings
from springtide.run.admission import (
    admit_unowned,
    baseline_of,
    current_number,
    findings_of,
    snapshot_of,
    standing_findings,
)
from springtide.run.approval import require_approved
from springtide.run.handover import Handover
from springtide.run.lease import Lease, acquire, fenced, read_lease
from springtide.run.ownership import has_ended, is_owner, require_same_cluster
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.preflight import Preflight, require_room
from springtide.run.state import RunState
from springtide.run.work import Work


def ref_of(request: RunRequest, plan: ScalingPlan, attempt: int) -> RunRef:
    """Return the reference to the run that carries `plan` out for `request`."""
    return replace(RunRef.of_plan(plan, request.run_id, attempt), workload=request.policy.spec.target.workload)


def acquired_work(
    ports: Ports,
    request: RunRequest,
    plan: ScalingPlan,
    ref: RunRef,
    *,
    warms: bool = False,
    handover: Handover | None = None,
) -> Work:
    """Take the workload's Lease, unless the run has it, and return its work; with `warms` it may raise placeholders.

    Raises:
        InputError: the workload is not what was planned for any more, or may not be scaled any more.
        Fenced: another run owns the workload, or this one is over.
        PermanentError: the plan needs a person's approval and has none, or is none to be applied.
        TemporaryError: as the cluster says.
    """
    _require_order(request, plan)
    require_approved(request, plan)
    handover = handover or Handover()
    lease = _owned(ports, request, plan, ref, handover, warms=warms)
    return Work.of_lease(ports, ref, lease, handover)


def _require_order(request: RunRequest, plan: ScalingPlan) -> None:
    if request.dry_run:
        raise PermanentError(
            "create_instances: this is a dry run, or was due more than an hour ago: what it would act on has gone by. "
            "Where it is half-way it is undone. Start a new run.",
            code="nothing_to_do",
        )
    if plan.outcome is PlanOutcome.NOTHING_TO_DO:
        raise PermanentError("create_instances: the plan has nothing to do.", code="nothing_to_do")
    if plan.outcome is PlanOutcome.PLANNED_ONLY:
        raise _advises(request)


def _advises(request: RunRequest) -> PermanentError:
    message = f"policy {request.policy.name} has mode advise: nothing is written. Set mode: act, and plan again."
    return PermanentError(f"create_instances: {message}", code="planned_only", field="mode")


def _require_acting(request: RunRequest) -> None:
    """Raise where the policy advises since the plan was made: what has begun goes to its end, and nothing begins."""
    if request.policy.spec.advises:
        raise _advises(request)


def _owned(
    ports: Ports, request: RunRequest, plan: ScalingPlan, ref: RunRef, handover: Handover, *, warms: bool
) -> Lease:
    lease = read_lease(ports.kube, ref.workload)
    if lease is not None and is_owner(ports, ref.run_id, lease):
        return lease  # taken by an earlier attempt of this very run: its snapshot is the true one
    if has_ended(ports, ref.run_id, lease):
        raise fenced(lease, ref.workload, ref.run_id)  # it has ended, or reconcile ends it: it is not done twice
    _require_acting(request)
    ports.require_running(ref.workload.namespace, f"{ref.workload}: nothing is begun")
    now = ports.clock.monotonic()
    planned_at = handover.planned_at(plan.fingerprint, now)
    if planned_at is None:
        require_same_cluster(ports, ref.workload, ref.run_id, plan.cluster)
    handover.found_cluster(now if planned_at is None else planned_at)
    observation, stable = admit_unowned(ports, request, lease)
    if lease is None and stable.scaled.annotations.get(labels.RUN) == ref.run_id:
        raise fenced(lease, ref.workload, ref.run_id)  # it wrote here, so somebody has deleted its Lease since
    # Between plan and Lease a person may have thought for an hour: everything is looked at again then.
    is_new = planned_at is not None
    found = standing_findings(ports, request) if is_new else findings_of(ports, request, plan, (observation, stable))
    require_passed(found)
    settings = request.settings
    _require_allowed(request, plan, observation, stable)
    current = current_number(observation, stable, settings.type)
    if current != plan.current:
        title = observation.autoscaler.title if observation.autoscaler else stable.scaled.title
        raise WorkloadFailed(
            f"{title}: it had {plan.current} replicas when the plan was made and has {current} now. Plan again.",
            code="plan_stale",
        )
    state = RunState(
        run_id=ref.run_id,
        plan=plan,
        settings=settings,
        smoke=request.policy.spec.smoke,
        snapshot=snapshot_of(observation, stable, warming=_added(plan, settings, stable) if warms else 0),
        requested_by=request.requested_by,
        reason=request.reason,
        databases=request.policy.spec.databases,
        stability=request.policy.spec.stability,
        installation=ports.installation,
        until=request.until or (plan.decided_at + settings.expires if isinstance(settings, Floor) else None),
    )
    return acquire(ports.kube, ports.clock, state, lease, least_generation=observation.highest_stamp)


def _added(plan: ScalingPlan, settings: RunSettings, stable: PodSet) -> int:
    """Return how many pods more there are at the peak of the run."""
    scaled = stable.scaled
    return footprint(plan, settings, running=scaled.replicas, pod_spec=scaled.pod_spec, live=stable.pods).pods


def _require_allowed(request: RunRequest, plan: ScalingPlan, observation: Observation, stable: PodSet) -> None:
    """Raise `InputError` when `plan` is not what the request asks for, and its policy allows now."""
    baseline = baseline_of(observation.autoscaler, stable)
    if request.is_release and plan.replicas == baseline.owner_minimum:
        return  # what its owner set: no guard may change it
    require_still_allowed(request.policy, plan, request.settings.type, baseline)
    if request.is_release or request.replicas not in (None, plan.replicas):
        asked = baseline.owner_minimum if request.is_release else request.replicas
        raise InputError(
            f"the plan is for {plan.replicas} replicas, and {asked} were asked for. Plan again.",
            code="plan_stale",
            field="replicas",
        )


def require_room_for(ports: Ports, request: RunRequest, work: Work) -> None:
    """Look once more at what runs share, now that this one's Lease says what it is about to take."""
    state = work.state
    if state.has_begun:
        return
    observation = work.engine.look()
    if not observation.aside:
        require_room(
            Preflight(
                ports=ports,
                policy=request.policy,
                settings=state.settings,
                plan=state.plan,
                observation=observation,
                stable=observation.pod_set,
            ),
            work.lease,
        )
