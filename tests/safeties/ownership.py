"""Who may write: the Lease, the fence, the stamps, and when a run counts as abandoned (I-1, I-2, I-3, I-22)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide import labels
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind
from springtide.recovery import reconcile
from springtide.run import acquisition, admission, gates, lease, planned, work
from springtide.run.engine import Engine
from springtide.run.fence import Fence
from springtide.run.lease import Lease, fenced, read_lease
from springtide.run.work import Heartbeat

Real = Callable[..., Any]

FROZEN = "sim/test_matrix_owners.py::test_frozen_holder_wakes_after_its_lease_is_lost[switch]"
LATE = "sim/test_phases_of_one_run.py::test_what_a_forward_task_has_under_way_ends_where_the_way_back_begins[switch]"


def unread(_fence: Fence) -> Lease:
    """Take the Lease for this run's, whatever stands there, and for one of which nobody asked anything."""
    return Lease({"metadata": {"annotations": {}}})


def any_generation(fence: Fence) -> Lease:
    """Look at who owns the workload, and not in which generation."""
    held = read_lease(fence.kube, fence.workload)
    if held is None or held.holder != fence.holder:
        raise fenced(held, fence.workload, fence.holder)
    return held


def old_answers_count(fence: Fence) -> Lease:
    """Take an answer from before this run's generation for a word on who owns the workload."""
    held = read_lease(fence.kube, fence.workload)
    if held is None or held.holder != fence.holder or held.generation != fence.generation:
        raise fenced(held, fence.workload, fence.holder)
    return held


def unstamped(real: Real) -> Real:
    def careless(*arguments: Any) -> Any:
        change = real(*arguments)
        for name in (labels.RUN, labels.GENERATION):
            del change["metadata"]["annotations"][name]
        return change

    return careless


def in_the_same_generation(real: Real) -> Real:
    return lambda *arguments, **options: real(*arguments, **(options | {"is_new_generation": False}))


def from_zero(real: Real) -> Real:
    return lambda *arguments, **options: real(*arguments, **(options | {"least_generation": 0}))


def claimed_anew(real: Real) -> Real:
    """Claim by the Lease as it is now, and not as it was when the workload was looked at."""

    def careless(kube: Any, clock: Any, state: Any, _seen: Any, **options: Any) -> Any:
        try:
            return real(kube, clock, state, _seen, **options)
        except Exception:  # noqa: BLE001  whatever it says
            return real(kube, clock, state, read_lease(kube, state.plan.target), **options)

    return careless


def leases_uncompared(real: Real) -> Real:
    def careless(self: LiveKube, kind: Kind, namespace: str, name: str, change: Any, **options: Any) -> Any:
        if kind is Kind.LEASE:
            now = Lease(self.get(kind, namespace, name))
            options["version"] = now.version
        return real(self, kind, namespace, name, change, **options)

    return careless


SAFETIES = (
    Safety(
        name="The fence reads the Lease before each write",
        keeps="a run that lost its workload goes on writing",
        take_out=patched((Fence, "check"), to=unread),
        seen_by=FROZEN,
        because="i02_every_write_is_fenced",
    ),
    Safety(
        name="The fence compares the generation",
        keeps="a late task of a run writes after its way back has begun",
        take_out=patched((Fence, "check"), to=any_generation),
        seen_by=LATE,
        because="i02_every_write_is_fenced",
    ),
    Safety(
        name="An answer older than the run is read again",
        keeps="a stale read of the Lease ends a run that owns its workload",
        take_out=patched((Fence, "check"), to=old_answers_count),
        seen_by="unit/run/test_fence.py::TestOwning::test_an_answer_from_before_this_generation_is_read_again",
        because="Fenced",
    ),
    Safety(
        name="Every write is stamped with run and generation",
        keeps="nobody can tell whose write stands on an object",
        take_out=wrapped(Fence, "_stamped", unstamped),
        seen_by="unit/run/test_fence.py::TestStamping::"
        "test_every_object_says_which_run_in_which_generation_wrote_it_last[pause]",
        because="springtide.dev/run",
    ),
    Safety(
        name="A new owner stamps every object before it decides",
        keeps="the write that a frozen owner has under way lands among those of the next",
        take_out=without(Engine, "stamp"),
        seen_by="sim/test_matrix_owners.py::test_frozen_holder_wakes_after_its_lease_is_lost[before]",
        because="i22_what_has_ended_never_writes_again",
    ),
    Safety(
        name="What a later generation wrote is not stamped back",
        keeps="an owner that woke takes the objects back from the next one",
        take_out=without(Fence, "check_stamp"),
        seen_by="unit/run/test_fence.py::TestOwning::test_an_object_that_a_later_generation_wrote_is_not_this_runs",
        because="DID NOT RAISE",
    ),
    Safety(
        name="The way back takes a generation of its own",
        keeps="what a forward task has under way lands on the way back",
        take_out=wrapped(work, "write_state", in_the_same_generation),
        seen_by=LATE.replace("[switch]", "[after]"),
        because="i11_the_stable_set_is_whole",
    ),
    Safety(
        name="A deleted Lease begins above every stamp",
        keeps="the next run is fenced out by what stands on its objects, or an older one is not",
        take_out=wrapped(acquisition, "acquire", from_zero),
        seen_by="sim/test_one_owner.py::test_a_run_after_its_lease_was_deleted_begins_above_what_is_stamped",
        because="wrote it last",
    ),
    Safety(
        name="A Lease is claimed by the version that the look had",
        keeps="a plan is carried out on what another run has changed since",
        take_out=wrapped(acquisition, "acquire", claimed_anew),
        seen_by="unit/run/test_plans_on_trust.py::"
        "test_a_run_that_stood_still_before_its_claim_does_not_do_again_what_another_did[False-in_place]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A plan is refused while another run owns the workload",
        keeps="a plan is made of what another run has half done",
        take_out=patched((admission, "read_lease"), to=answering(None)),
        seen_by="sim/test_matrix_owners.py::test_two_runs_of_one_service[switch]",
        because="len(refusals)",
    ),
    Safety(
        name="A run that has ended never takes its Lease again",
        keeps="an old run that is cleared replays",
        take_out=patched((lease, "_is_of_finished"), to=answering(False)),
        seen_by="unit/run/test_lease.py::TestTaking::test_a_run_that_has_released_it_never_takes_it_again",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A Lease is taken over by compare-and-swap",
        keeps="an owner that woke in time loses its run",
        take_out=wrapped(LiveKube, "patch", leases_uncompared),
        seen_by="unit/run/test_lease.py::TestTaking::test_an_owner_that_moved_is_not_taken_over",
        because="DID NOT RAISE",
    ),
    Safety(
        name="An owner is gone after a whole silent Lease only",
        keeps="a run that lives is ended by another",
        take_out=patched((Lease, "silent_after"), to=1),
        seen_by=FROZEN,
        because="i03_no_living_run_is_preempted",
    ),
    Safety(
        name="A run that somebody vouches for is left alone",
        keeps="a run that waits for a worker is ended by another",
        take_out=wrapped(reconcile, "_is_suspect", lambda real: lambda held, _is_alive: real(held, answering(False))),
        seen_by="unit/cli/test_reconcile_command.py::test_a_run_of_airflow_is_left_to_airflow",
        because="assert",
    ),
    Safety(
        name="The heartbeat renews the Lease",
        keeps="a run that waits long is taken for abandoned",
        take_out=without(Heartbeat, "__call__"),
        seen_by="sim/test_long_waits.py::"
        "test_its_lease_is_renewed_so_often_that_one_renewal_may_be_lost[in_place, late pods]",
        because="longest_silence",
    ),
    Safety(
        name="One renewal may be lost",
        keeps="one call that fails makes a run look abandoned",
        take_out=patched((work, "RENEW_SECONDS"), to=55),
        seen_by="sim/test_long_waits.py::"
        "test_its_lease_is_renewed_so_often_that_one_renewal_may_be_lost[in_place, late pods]",
        because="longest_silence",
    ),
    Safety(
        name="The Lease is renewed between two smoke requests",
        keeps="a slow smoke test makes a run look abandoned",
        take_out=patched((gates, "_in_time"), to=answering(lambda: None)),
        seen_by="unit/run/test_smoke_gate.py::TestTime::test_the_lease_is_renewed_between_two_requests",
        because="assert",
    ),
    Safety(
        name="What a killed attempt had begun is known to whoever undoes it",
        keeps="a run whose first task was killed after it had created pods, and then failed, leaves them there",
        take_out=patched((planned, "BEGINNING"), to=()),
        seen_by="unit/run/test_planned.py::TestBegun::test_its_plan_is_that_of_the_record",
        because="assert None == PlannedRun",
    ),
)
