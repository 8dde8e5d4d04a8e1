"""What a run does while all writes are stopped: it begins nothing, and of its way back it takes what serves alone.

    before the first write      nothing is begun: the run ends as `halted`
    at a write of a phase       the run ends there: both pod sets stay, the Lease stays held, nobody takes it up
    while it waits              it goes on to wait and to renew its Lease, up to its next write
    on its way back             what adds pods, or points the Service back, is done; what takes away is not
    when somebody resumes       the Airflow run is cleared, or reconcile ends it: it is finished or undone

A run that fails by itself needs its way back to keep serving; one that the halt alone has stopped serves as it stands.
"""

from __future__ import annotations

from springtide.errors import Halted, SpringtideError
from springtide.kube.objects import Kind
from springtide.kube.observation import Observation
from springtide.plan.model import PlanOutcome, ScalingPlan
from springtide.record.model import RunOutcome
from springtide.run.engine import Decide, Progress, number_of
from springtide.run.halt import CODE, Halt
from springtide.run.lease import read_lease
from springtide.run.ownership import is_owner
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.state import Phase
from springtide.run.work import Work
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Scale, Step, Wait


def require_unhalted(ports: Ports, request: RunRequest, plan: ScalingPlan) -> None:
    """Return when a run may begin that would write; one that has begun is the fence's to stop.

    Raises:
        Halted: somebody has stopped all writes.
        ClusterUnavailable: no answer in time.
    """
    if request.dry_run or plan.outcome is not PlanOutcome.SCALE:
        return
    workload = request.policy.spec.target.workload
    halt = ports.halt.pulled(ports.kube, ports.clock, workload.namespace)
    if halt is not None and not is_owner(ports, request.run_id, read_lease(ports.kube, workload)):
        raise halt.refusal(f"{workload}: nothing is begun")


def unbegun(error: SpringtideError | None) -> RunOutcome:
    """Return how a run ended that never owned its workload."""
    return RunOutcome.HALTED if is_halt(error) else RunOutcome.FAILED


def is_halt(error: SpringtideError | None) -> bool:
    """Say whether a run was stopped by the switch, and by nothing else."""
    return isinstance(error, Halted) or (error is not None and error.code == CODE)


def kept_as_it_is(halt: Halt) -> Progress:
    """Return what the way back of a run comes to that the halt alone has stopped: nothing is written."""
    message = f"{halt}: the new and the old pods stay as they are, and go on serving"
    return Progress(is_done=True, message=message, is_restored=False)


def kept_serving(work: Work, halt: Halt) -> Progress:
    """Do of the way back what keeps requests answered, and leave the rest for when somebody resumes.

    Raises:
        Conflict, DeadlineExceeded, Fenced: as the whole way back does.
    """
    decide = _serving_alone(work.decide(Phase.ROLL_BACK), halt)
    return work.engine.drive(decide, work.state.order, deadline=work.time_left(Phase.ROLL_BACK))


def _serving_alone(decide: Decide, halt: Halt) -> Decide:
    """Return `decide` that ends before the first step that nothing depends on which serves."""

    def judged(look: Observation, order: RunOrder) -> Decision:
        decision = decide(look, order)
        if isinstance(decision, Wait | Done) or _serves(decision, look):
            return decision
        return Done(f"{halt}: not done: {decision.reason}; what serves is left as it is", is_restored=False)

    return judged


def _serves(step: Step, look: Observation) -> bool:
    """Say whether `step` adds pods, raises a minimum, or moves the Service to what is whole."""
    if isinstance(step, Scale):
        return step.replicas > number_of(look, step.name)
    if isinstance(step, Patch) and step.kind is Kind.AUTOSCALER:
        minimum = step.change.get("spec", {}).get("minReplicas")
        return minimum is not None and look.autoscaler is not None and minimum > look.autoscaler.minimum
    return isinstance(step, Patch) and step.kind is Kind.SERVICE


def halt_of(ports: Ports, ref: RunRef) -> Halt | None:
    """Return who has halted the writes around the run's workload; None where nobody has."""
    return ports.halt.pulled(ports.kube, ports.clock, ref.workload.namespace)
