"""How it is written: compared, sent once, looked at before and after, given up in time (I-4, I-8, I-15, I-16, I-19)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from safeties.safety import Safety, TakeOut, answering, patched, without, wrapped
from springtide import labels
from springtide.errors import UnknownOutcome
from springtide.kube import live
from springtide.kube.live import LiveKube
from springtide.kube.write_pace import WritePace
from springtide.run import engine, lease, phase_table, phases, pipeline, work
from springtide.run.engine import Engine
from springtide.run.fence import Fence
from springtide.run.state import Phase
from springtide.run.work import Work

Real = Callable[..., Any]

UP = "sim/test_ordinary_runs.py::test_a_run_in_one_process_keeps_every_invariant[blue_green up]"
FROZEN = "sim/test_matrix_owners.py::test_frozen_holder_wakes_after_its_lease_is_lost[switch]"


def uncompared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(live, "_guarded", lambda change, _version: change)


def sizes_uncompared(real: Real) -> Real:
    def careless(*arguments: Any, **options: Any) -> None:
        with pytest.MonkeyPatch.context() as scoped:
            uncompared(scoped)
            real(*arguments, **options)

    return careless


def deleted_whatever_it_is(self: LiveKube, kind: Any, namespace: str, name: str, **_version: Any) -> None:
    self._method("delete", kind)(name, namespace, body={"propagationPolicy": "Background"}, **live._options())


def sent_again(real: Real) -> Real:
    def careless(*arguments: Any, **options: Any) -> Any:
        try:
            return real(*arguments, **options)
        except UnknownOutcome:
            return real(*arguments, **options)

    return careless


def with_the_clients_own_retries(patch: pytest.MonkeyPatch) -> None:
    from kubernetes.client import Configuration

    patch.setattr(Configuration, "retries", property(answering(None), answering(None)), raising=False)


def stamped_when_it_was_looked_at(real: Real) -> Real:
    def careless(self: Fence, change: Any) -> Any:
        stamped = real(self, change)
        looked = change.get("metadata", {}).get("annotations", {}).get(labels.SWITCHED_AT)
        if looked:
            stamped["metadata"]["annotations"][labels.SWITCHED_AT] = looked
        return stamped

    return careless


def smoke_test_last(patch: pytest.MonkeyPatch) -> None:
    """Put the smoke test behind the removal, wherever the order is known."""
    others = [phase for phase in phase_table.FORWARD if phase is not Phase.SMOKE_TEST]
    for module in (phase_table, pipeline, work):
        patch.setattr(module, "FORWARD", (*others, Phase.SMOKE_TEST))


def judged_once(self: Work, outcome_of: Real) -> str:
    """Judge how the run ended by what this process knew of it."""
    outcome, release = outcome_of(self.state)
    held = lease.owned_lease(self.ports.kube, self.ref.workload, self.ref.holder)
    ended = self.state.with_outcome(outcome)
    lease.write_state(self.ports.kube, self.ports.clock, held, ended, release=release)
    return str(outcome)


def whole_deadline_each_time(self: Work, phase: Phase) -> timedelta:
    deadline = phase_table.rule_of(phase).deadline
    assert deadline is not None
    return deadline(self.state.settings)


def patient(real: Real) -> Real:
    return lambda *arguments, **options: real(*arguments, **(options | {"deadline": timedelta(hours=1)}))


def looking_once() -> TakeOut:
    """Return what lets an engine decide by its first look for ever."""

    def remembering(real: Real) -> Real:
        seen: list[Any] = []

        def careless(self: Engine) -> Any:
            if not seen:
                seen.append(real(self))
            return seen[0]

        return careless

    return wrapped(Engine, "look", remembering)


SAFETIES = (
    Safety(
        name="Every change is a compare-and-swap",
        keeps="a write lands on what somebody else has changed meanwhile",
        take_out=uncompared,
        seen_by=FROZEN,
        because="i22_what_has_ended_never_writes_again",
    ),
    Safety(
        name="Sizes are changed by compare-and-swap, too",
        keeps="a late shrink lands on what serves",
        take_out=wrapped(LiveKube, "scale", sizes_uncompared),
        seen_by=UP,
        because="i04_every_change_is_compare_and_swap",
    ),
    Safety(
        name="A number that somebody put back is not written again",
        keeps="a run and another scaler write against each other",
        take_out=patched((engine, "_judged"), to=lambda decide, look, order, _scaled: decide(look, order)),
        seen_by="sim/test_another_scaler.py::test_what_is_put_back_before_the_phase_is_over_is_not_written_again",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A number has to show twice before it is somebody else's",
        keeps="one late read ends a run",
        take_out=patched((engine, "_may_be_late"), to=answering(False)),
        seen_by="sim/test_another_scaler.py::test_a_read_that_is_late_is_nobodys_doing",
        because="set replicas to 2 during the run",
    ),
    Safety(
        name="A deletion names the very object",
        keeps="what somebody made anew under the same name is deleted",
        take_out=patched((LiveKube, "delete"), to=deleted_whatever_it_is),
        seen_by=UP,
        because="i04_every_change_is_compare_and_swap",
    ),
    Safety(
        name="A write without an answer is looked up, and not sent again",
        keeps="what somebody undid between the two is done again",
        take_out=wrapped(LiveKube, "_patch", sent_again),
        seen_by="sim/test_matrix_cluster.py::test_api_server_in_trouble[timeout-switch]",
        because="i15_an_unknown_outcome_is_read_never_resent",
    ),
    Safety(
        name="The client never sends a write again by itself",
        keeps="a deletion whose answer was lost hits what came after it",
        take_out=with_the_clients_own_retries,
        seen_by="unit/kube/test_sent_once.py::test_a_write_whose_answer_does_not_come_is_sent_once[delete]",
        because="assert",
    ),
    Safety(
        name="Every call of the cluster has a timeout",
        keeps="a connection that is half open holds a run up for ever",
        take_out=patched((live, "_options"), to=answering({"_preload_content": False})),
        seen_by="unit/kube/test_sent_once.py::test_every_call_of_a_run_has_a_timeout[in_place up]",
        because="None",
    ),
    Safety(
        name="A switch is stamped when its write goes out",
        keeps="a slow call before the write shortens the propagation time",
        take_out=wrapped(Fence, "_stamped", stamped_when_it_was_looked_at),
        seen_by="unit/run/test_fence.py::TestStamping::test_a_switch_is_stamped_with_the_moment_of_its_write",
        because="assert",
    ),
    Safety(
        name="Every decision is made on a look of its own",
        keeps="a run goes by what was there before its own writes",
        take_out=looking_once(),
        seen_by="unit/run/test_engine.py::TestActing::test_every_decision_is_made_on_a_look_of_its_own",
        because="the object changed under",
    ),
    Safety(
        name="What looks like somebody else's doing may be the next owner's",
        keeps="a run that was taken over blames somebody who did nothing",
        take_out=patched((Engine, "_decided"), to=lambda self, decide, order, *_rest: decide(self.look(), order)),
        seen_by="unit/run/test_engine.py::TestActing::"
        "test_what_the_next_owner_changed_is_not_taken_for_somebody_elses_doing",
        because="somebody changed its selector",
    ),
    Safety(
        name="The same step three times is a conflict",
        keeps="a run and a GitOps tool undo each other for ever",
        take_out=patched((engine, "_SAME_STEP"), to=50),
        seen_by="unit/run/test_engine.py::TestActing::test_somebody_who_undoes_the_step_each_time_is_told_of",
        because="done 50 times",
    ),
    Safety(
        name="Swaps that are lost again and again are given up",
        keeps="a run tries for ever",
        take_out=patched((engine, "_LOST_SWAPS"), to=90),
        seen_by="unit/run/test_engine.py::TestActing::test_somebody_who_never_stops_changing_the_object_is_told_of",
        because="91 attempts",
    ),
    Safety(
        name="Every wait ends at its deadline",
        keeps="a run waits for ever with both sets up",
        take_out=wrapped(Engine, "drive", patient),
        seen_by="unit/run/test_engine.py::TestWaiting::test_a_wait_ends_at_the_deadline_and_says_what_was_missing",
        because="not within 3600 s",
    ),
    Safety(
        name="A deadline counts through every attempt",
        keeps="a task that is retried waits for ever",
        take_out=patched((Work, "time_left"), to=whole_deadline_each_time),
        seen_by="unit/run/test_work.py::TestTimeLeft::test_it_counts_from_the_first_start_through_every_attempt",
        because="assert",
    ),
    Safety(
        name="A phase begins when every one before it is done",
        keeps="a task that is cleared or run by hand removes what nobody has proven",
        take_out=without(Work, "_require_turn"),
        seen_by="unit/run/test_work.py::TestOrder::test_a_phase_that_is_called_too_early_is_told_what_is_missing",
        because="DID NOT RAISE",
    ),
    Safety(
        name="The order of the phases is fixed",
        keeps="the stable set goes before the new one has passed its smoke test",
        take_out=smoke_test_last,
        seen_by="sim/test_ordinary_runs.py::test_a_run_in_one_process_keeps_every_invariant[blue_green, smoke]",
        because="i08_the_order_is_fixed",
    ),
    Safety(
        name="Nothing goes forward once the way back has begun",
        keeps="a late task switches to what is being taken away",
        take_out=without(Work, "_require_turn"),
        seen_by="unit/run/test_work.py::TestOrder::test_nothing_goes_forward_once_the_way_back_has_begun",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A phase that a later one has followed is over",
        keeps="a task that is retried late judges by the rules of before the switch",
        take_out=patched((Work, "is_past"), to=answering(False)),
        seen_by="unit/run/test_work.py::TestOrder::test_a_phase_is_past_once_a_later_one_has_begun",
        because="assert",
    ),
    Safety(
        name="Two attempts at once keep what each has noted",
        keeps="a phase that was done is done again",
        take_out=patched((work, "_united"), to=lambda _stored, mine: mine),
        seen_by="unit/run/test_work.py::TestTwoAttemptsAtOnce::test_what_one_noted_is_not_lost_when_the_other_writes",
        because="assert",
    ),
    Safety(
        name="How a run ended is judged by the state that is written over",
        keeps="the outcome contradicts the journal",
        take_out=patched((Work, "close"), to=judged_once),
        seen_by="unit/run/test_work.py::TestTwoAttemptsAtOnce::test_how_a_run_ended_is_judged_by_all_that_was_noted",
        because="assert",
    ),
    Safety(
        name="What a trigger calls writes nothing",
        keeps="two triggerers write at once",
        take_out=patched((phases, "look"), to=lambda ports, ref, phase: phases.run_phase(ports, replace(ref), phase)),
        seen_by="sim/test_one_owner.py::test_a_trigger_only_reads[instances_ready]",
        because="assert",
    ),
    Safety(
        name="Writes to one API server lie apart",
        keeps="a hundred runs that begin at once send it more than it bears",
        take_out=without(WritePace, "take"),
        seen_by="unit/kube/test_write_pace.py::TestRate::test_two_clients_of_one_server_share_it",
        because="assert",
    ),
    Safety(
        name="A write waits for its turn before its guards are asked",
        keeps="what was written for a run that has lost its workload, or is halted, goes out after a wait",
        take_out=without(LiveKube, "await_turn"),
        seen_by="unit/kube/test_write_pace.py::test_who_halts_while_a_write_waits_for_its_turn_is_heard",
        because="DID NOT RAISE",
    ),
)
