"""The phases of a run as plain functions: what Airflow's tasks call, and `springtide run` in a row.

Every phase may be called again at any time, by anybody who names the run: it looks at the cluster and at the Lease,
does what is missing, and repeats nothing. A phase that waits takes `patience`: after that long it returns with
`is_done` False instead of waiting on. Whoever does several in one process gives all of them one `handover`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from springtide.errors import Conflict, Fenced, SpringtideError
from springtide.plan.findings import require_passed
from springtide.plan.model import ScalingPlan
from springtide.policy.scaling.strategy import BlueGreen, Floor
from springtide.record.model import RunOutcome
from springtide.run.aborted import AbortWatch
from springtide.run.acquisition import acquired_work, ref_of, require_room_for
from springtide.run.admission import hpas, plan_capacity
from springtide.run.closing import close
from springtide.run.drain import drain_gate, drain_gates
from springtide.run.engine import Progress
from springtide.run.gates import gate, judge, probe_gate, smoke_gate
from springtide.run.halted import halt_of, kept_as_it_is, kept_serving, require_unhalted
from springtide.run.handover import Handover
from springtide.run.journal import begin_run, end_run, ending, keep_plan, keep_verdict, recorded
from springtide.run.lease import read_lease
from springtide.run.node_autoscaler import told_of_nodes
from springtide.run.object_events import tell_begun, tell_ended, tell_switched, telling_refusal
from springtide.run.ownership import is_owner, require_planned_here, why_nothing_to_undo
from springtide.run.phase_table import rule_of
from springtide.run.ports import Ports, RunRef, RunRequest
from springtide.run.state import JournalStatus, Phase
from springtide.run.verification import verdict_of
from springtide.run.warming import nodes_ready, return_placeholders, warm_nodes
from springtide.run.work import Work
from springtide.strategy.model import Done, Wait
from springtide.verify.verdict import Verdict

__all__ = [
    "calculate_capacity",
    "create_instances",
    "endpoints_switched",
    "instances_ready",
    "instances_removed",
    "look",
    "nodes_ready",
    "remove_old_instances",
    "report",
    "roll_back",
    "run_phase",
    "smoke_test",
    "switch_endpoints",
    "warm_nodes",
]


def calculate_capacity(
    ports: Ports, request: RunRequest, *, attempt: int = 1, handover: Handover | None = None
) -> ScalingPlan:
    """Return the plan of the run. Writes nothing to the cluster.

    Raises:
        InputError: the request, the workload or what the preflight found is refused; the message names every reason.
        DemandUnusable, DemandUnavailable: there is no demand to act on.
        Fenced: another run owns the workload.
        Halted: somebody has stopped all writes, and nothing has begun.
        OtherCluster: the run began in another cluster.
    """
    begin_run(ports, request)
    recording = recorded(ports, request.run_id, Phase.CALCULATE_CAPACITY, attempt=attempt)
    with telling_refusal(ports, request), recording as note:
        require_planned_here(ports, request.policy.spec.target.workload, request.run_id)
        plan = plan_capacity(ports, request)
        note.message = plan.reason
        keep_plan(ports, request, plan)
        require_passed(plan.findings)
        if handover is not None:
            handover.planned(plan.fingerprint, ports.clock.monotonic())
        require_unhalted(ports, request, plan)
    return plan


def create_instances(
    ports: Ports, request: RunRequest, plan: ScalingPlan, *, attempt: int = 1, handover: Handover | None = None
) -> Progress:
    """Take the workload's Lease with the snapshot in it, then bring the new instances into being.

    Raises:
        InputError: the workload is not what was planned for any more, or may not be scaled any more.
        Fenced: another run owns the workload, or this one is over.
        PermanentError: the plan needs a person's approval and has none; or as the cluster says.
        TemporaryError: as the cluster says.
    """
    ref = ref_of(request, plan, attempt)
    with recorded(ports, ref.run_id, Phase.CREATE_INSTANCES, attempt=attempt, handover=handover) as note:
        # Lease, room, stamps, first write: room can only be judged once other runs see this one, and nothing is written
        # before every object is out of an earlier owner's reach.
        work = acquired_work(ports, request, plan, ref, handover=handover)
        if work.is_past(Phase.CREATE_INSTANCES):
            note.message = "the new instances were created before"
            return Progress(is_done=True, message=note.message)
        require_room_for(ports, request, work)
        work = work.begin(Phase.CREATE_INSTANCES)
        work.engine.stamp(seen=work.handover.look(ports.clock.monotonic()))
        tell_begun(ports, request, plan)
        progress = work.drive(Phase.CREATE_INSTANCES, gate(ports, work, work.decide(Phase.CREATE_INSTANCES)))
        note.message = progress.message
        return progress


def instances_ready(ports: Ports, ref: RunRef, *, patience: timedelta | None = None) -> Progress:
    """Wait until the new instances are ready, available and seen by their controller.

    Writes nothing but the journal, and the number of placeholders that they took the room of.

    Raises:
        WorkloadFailed: they will not become ready; the message says what the pods report.
        DeadlineExceeded: not within `strategy.deadlines.ready`.
    """
    return _wait(ports, ref, Phase.INSTANCES_READY, patience)


def switch_endpoints(ports: Ports, ref: RunRef) -> Progress:
    """Move the Service to the new instances by one compare-and-swap, if they are whole at that moment.

    Where they are ready before they have traffic, each of them passes the policy's smoke checks first.

    Raises:
        WorkloadFailed: one of them does not pass; no traffic has moved.
        Conflict: somebody else changed the Service or the workload.
        DeadlineExceeded: the new instances did not stay ready.
    """
    return _wait(ports, ref, Phase.SWITCH_ENDPOINTS)


def endpoints_switched(ports: Ports, ref: RunRef, *, patience: timedelta | None = None) -> Progress:
    """Wait until only the new instances answer: by every EndpointSlice, for the propagation time, and by the route.

    Raises:
        WorkloadFailed: the new instances fell under the floor.
        DeadlineExceeded: not within `strategy.deadlines.switched`.
    """
    return _wait(ports, ref, Phase.ENDPOINTS_SWITCHED, patience)


def smoke_test(ports: Ports, ref: RunRef, *, handover: Handover | None = None) -> Verdict:
    """Run the policy's smoke checks against what serves now, and for a while where it asks for stability.

    Raises:
        WorkloadFailed: the verdict is fail, or inconclusive where the policy takes that as fail.
        PermanentError: inconclusive where the policy holds: both sets stay for a person to decide.
    """
    with recorded(ports, ref.run_id, Phase.SMOKE_TEST, attempt=ref.attempt, handover=handover) as note:
        work = Work.of(ports, ref, handover)
        if work.is_past(Phase.SMOKE_TEST):
            return Verdict.of(())
        work = work.begin(Phase.SMOKE_TEST).while_wanted()
        verdict = verdict_of(ports, work)
        keep_verdict(ports, ref.run_id, verdict.to_record())
        note.message = verdict.message
        judge(work, verdict)
        work.end(Phase.SMOKE_TEST, verdict.message)
        return verdict


def remove_old_instances(ports: Ports, ref: RunRef) -> Progress:
    """Drain and remove what the plan does not need any more, in steps, the floor checked between them.

    Raises:
        DeadlineExceeded: not within `strategy.deadlines.removed`.
        Conflict: somebody else changed what the run decides on; nothing more is removed.
    """
    return _wait(ports, ref, Phase.REMOVE_OLD_INSTANCES)


def instances_removed(ports: Ports, ref: RunRef, *, patience: timedelta | None = None) -> Progress:
    """Wait until exactly the planned replicas serve and nothing else of the run is left but its record.

    Raises:
        DeadlineExceeded: not within `strategy.deadlines.removed`.
    """
    return _wait(ports, ref, Phase.INSTANCES_REMOVED, patience)


def run_phase(
    ports: Ports, ref: RunRef, phase: Phase, *, patience: timedelta | None = None, handover: Handover | None = None
) -> Progress:
    """Do `phase`, one of those behind `create_instances` that need nothing but the run's name.

    Raises:
        PermanentError, TemporaryError: as the function of that name.
    """
    if phase is Phase.NODES_READY:
        return nodes_ready(ports, ref, patience=patience)
    if phase is Phase.SMOKE_TEST:
        return Progress(is_done=True, message=smoke_test(ports, ref, handover=handover).message)
    return _wait(ports, ref, phase, patience, handover)


def roll_back(ports: Ports, ref: RunRef, *, is_decided: bool = False, is_halted: bool = False) -> Progress:
    """Undo the run by the same rules: the stable set whole and ready before the Service points back at it.

    A run that never owned the workload, or has ended, has nothing to undo. A smoke test that is held keeps both sets,
    unless a person has decided (`is_decided`). While all writes are stopped only what keeps requests answered is done,
    and nothing where the halt alone has ended the run (`is_halted`): see `springtide.run.halted`.

    Raises:
        Conflict: somebody else changed what this run would restore: nothing is overwritten, both sets stay.
        DeadlineExceeded: the stable set does not become whole; both sets stay.
        OtherCluster: the connection leads to another cluster than the run's.
        PermanentError: the run's Lease is gone (`lease_gone`).
    """
    with recorded(ports, ref.run_id, Phase.ROLL_BACK, attempt=ref.attempt) as note:
        progress = _roll_back(ports, ref, is_decided=is_decided, is_halted=is_halted)
        note.message = progress.message
        return progress


def report(ports: Ports, ref: RunRef, error: SpringtideError | None = None) -> RunOutcome:
    """Close the run: give the Lease free when its end is proven, keep how it ended, and return that.

    Raises:
        OtherCluster: the connection leads to another cluster than the run's: the run is kept as one for a person.
        PermanentError: what its end takes is refused for good: the run is kept as one for a person, too.
    """
    with ending(ports, ref.run_id, error):
        outcome = close(ports, ref, error)
    end_run(ports, ref.run_id, outcome, error)
    tell_ended(ports, ref, outcome, error)
    return outcome


def look(ports: Ports, ref: RunRef, phase: Phase) -> Progress:
    """Take one look at a waiting phase and write nothing at all: what a trigger calls (I-17).

    Raises:
        WorkloadFailed, Conflict, Fenced: as the phase itself would.
    """
    work = Work.of(ports, ref)
    decide = drain_gate(ports, work, phase, work.decide(phase))
    decide = AbortWatch(ports, ref, work.lease).gate(decide)
    decision = decide(work.engine.look(), work.state.order)
    # Who looks only reads: where there is something to write, the wait is over for whoever may write it.
    is_over = not isinstance(decision, Wait)
    return Progress(is_done=is_over, message=decision.message if isinstance(decision, Wait | Done) else decision.reason)


def _wait(
    ports: Ports, ref: RunRef, phase: Phase, patience: timedelta | None = None, handover: Handover | None = None
) -> Progress:
    with recorded(ports, ref.run_id, phase, attempt=ref.attempt, handover=handover) as note:
        work = Work.of(ports, ref, handover)
        if work.is_past(phase):
            note.message = f"{phase.value} was done before"
            return Progress(is_done=True, message=note.message)
        rule = rule_of(phase)
        work = work.begin(phase)
        if rule.commits:
            _require_no_new_autoscaler(ports, work)
        hint = told_of_nodes(ports, ref.workload.namespace, work.decide(phase))
        decide = gate(ports, work, hint)
        if phase is Phase.SWITCH_ENDPOINTS:
            decide = smoke_gate(ports, work, decide)
        if phase is Phase.ENDPOINTS_SWITCHED:
            decide = probe_gate(ports, work, decide)
        decide, hint = drain_gates(ports, work, phase, decide, hint)
        progress = work.drive(phase, decide, hint=hint, patience=patience)
        note.message = progress.message
        note.is_ended = progress.is_done
        if progress.is_done and isinstance(work.state.settings, BlueGreen):
            tell_switched(ports, ref, phase, progress.message)
        return progress


def _require_no_new_autoscaler(ports: Ports, work: Work) -> None:
    """Raise `Conflict` when somebody put an autoscaler on the workload since the run was admitted (I-18)."""
    present = () if isinstance(work.state.settings, Floor) else hpas(ports, work.state.plan.target)
    if present:
        raise Conflict(
            f"{present[0].title} appeared during the run and owns the replicas of {present[0].target} now; two that "
            "decide would fight. Nothing more is removed. Use strategy floor, which works through it.",
            code="autoscaler_conflict",
        )


def _roll_back(ports: Ports, ref: RunRef, *, is_decided: bool, is_halted: bool) -> Progress:
    lease = read_lease(ports.kube, ref.workload)
    if not is_owner(ports, ref.holder, lease):
        return Progress(is_done=True, message=why_nothing_to_undo(ports, ref, lease))
    work = Work.of(ports, ref)
    if work.state.entry(Phase.SMOKE_TEST, JournalStatus.HELD) and not is_decided:
        return Progress(is_done=True, message="the smoke test is held: both sets stay", is_restored=False)
    if work.is_past(Phase.ROLL_BACK):
        raise Fenced(f"run {ref.run_id!r} has ended", code="run_finished")
    halt = halt_of(ports, ref)
    if halt is not None:
        return kept_as_it_is(halt) if is_halted else kept_serving(work.turn_back(keeps_serving=True), halt)
    work = work.turn_back()
    left = return_placeholders(work)
    progress = work.drive(Phase.ROLL_BACK, work.decide(Phase.ROLL_BACK))
    return replace(progress, message=f"{progress.message}; {left}") if left else progress
