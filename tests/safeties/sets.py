"""What serves: the switch, the two sets, how pods go, and the way back (I-5 to I-12, I-18, I-23 to I-29)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide import labels
from springtide.kube.endpoints import Endpoint
from springtide.kube.objects import Scalable
from springtide.kube.observation import Observation, ReplicaSetPods, ScaledPods
from springtide.run import phases
from springtide.strategy import aside, batched, blue_green, floor, in_place, model, pair, roll_back, shrink, traffic
from springtide.strategy.model import Decision, Done, Patch, RunOrder
from springtide.verify import readiness, trouble

Real = Callable[..., Any]

ORDINARY = "sim/test_ordinary_runs.py::test_a_run_in_one_process_keeps_every_invariant"
UP = f"{ORDINARY}[blue_green up]"
BACK = f"{ORDINARY}[blue_green, smoke]"
DYING = "sim/test_matrix_workload.py::test_new_pods_die_during_the_removal"
WORDS = "unit/strategy/test_blue_green_decisions.py::test_ready_fails_at_once_in_the_words_of_the_pods"
MENDING = "sim/test_pods_that_mend_themselves.py"
EDITED = "sim/test_matrix_edits.py::test_somebody_edits_the_workload"


def without_floor_check(patch: pytest.MonkeyPatch) -> None:
    real: Real = shrink.shrink
    patch.setattr(aside, "shrink", lambda *given, **options: real(*given, **(options | {"keep_ready": 0})))


def without_pin(patch: pytest.MonkeyPatch) -> None:
    real = traffic.points_at

    def careless(observation: Observation, order: RunOrder, template_hash: str) -> bool:
        is_stable = template_hash == traffic.stable_hash(order)
        return real(observation, order, template_hash) or (is_stable and traffic.is_own(observation, order))

    patch.setattr(pair, "points_at", careless)


def resumed_first(real: Real) -> Real:
    def hasty(observation: Observation, order: RunOrder) -> Decision:
        deployment = observation.pod_set.deployment
        decision: Decision = aside.resume(deployment) if deployment.is_paused else real(observation, order)
        return decision

    return hasty


def without_note_of_the_size(stable: ReplicaSetPods, order: RunOrder) -> Patch:
    step = aside.hand_back(stable, order)
    del step.change["metadata"]["annotations"][labels.DESIRED_REPLICAS]
    return step


def the_unready_first(observation: Observation, pods: ScaledPods, target: int) -> int:
    return max(0, len(observation.ready_endpoints(pods)) - target)


def of_all(self: Observation, _pod_set: object = None) -> tuple[Endpoint, ...]:
    return tuple(each for each in self.endpoints if each.is_ready)


def deleted_at_once(_observation: Observation, _order: RunOrder, stable: ReplicaSetPods) -> Decision:
    return aside.delete(stable, "it is not needed any more")


def never_switched(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunOrder, "may_have_switched", property(answering(False), answering(None)))


def any_workload(patch: pytest.MonkeyPatch) -> None:
    for module in (blue_green, pair, batched, roll_back):
        patch.setattr(module, "require_same_workload", lambda observation, _snapshot: observation.pod_set)


SAFETIES = (
    Safety(
        name="New pods are ready before traffic moves to them",
        keeps="traffic moves to pods that cannot answer",
        take_out=patched((blue_green, "missing_readiness"), (pair, "missing_readiness"), to=answering(None)),
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_switch_waits_when_readiness_was_lost_after_it_was_proven[new0]",
        because="assert",
    ),
    Safety(
        name="The new set is as large as the larger of both numbers",
        keeps="a switch to fewer pods drops what the old ones carried",
        take_out=patched((RunOrder, "peak"), to=property(lambda order: order.replicas)),
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_where_fewer_are_wanted_the_new_set_is_as_large_as_the_stable_one[6-3]",
        because="assert",
    ),
    Safety(
        name="Counts from before the latest change mean nothing",
        keeps="the pods of before are taken for those of now",
        take_out=patched((Scalable, "is_observed"), to=True),
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_ready_is_not_believed_before_the_controller_has_seen_the_change",
        because="assert",
    ),
    Safety(
        name="Pods that will not become ready end the run before its deadline",
        keeps="a run waits for its deadline, and says no cause",
        take_out=without(readiness, "_raise_if_hopeless"),
        seen_by=WORDS,
        because="DID NOT RAISE",
    ),
    Safety(
        name="What is final by its own words is not waited for",
        keeps="a run waits for an image that nobody has",
        take_out=patched((trouble, "_FINAL_WORDS"), to=re.compile("(?!)")),
        seen_by=WORDS,
        because="DID NOT RAISE",
    ),
    Safety(
        name="Trouble that mends itself has a grace",
        keeps="a registry that is away for seconds costs a run",
        take_out=patched((readiness, "_left"), to=answering(timedelta(0))),
        seen_by=f"{MENDING}::test_a_registry_that_answers_again_is_waited_for[in_place]",
        because="WorkloadFailed",
    ),
    Safety(
        name="Only pods that a run adds may be bad",
        keeps="a switch leads to fewer pods than served before",
        take_out=patched((RunOrder, "enough_of"), to=RunOrder.share_of),
        seen_by="unit/strategy/test_bad_pods.py::TestInPlace::test_a_shrink_keeps_what_was_ready",
        because="assert",
    ),
    Safety(
        name="The Service is pinned before the stable set is set aside",
        keeps="new pods serve before they are proven",
        take_out=without_pin,
        seen_by="sim/test_matrix_owners.py::test_notifier_or_log_away[before]",
        because="i27_what_is_set_aside_is_pinned_first_and_nobodys",
    ),
    Safety(
        name="The Deployment is paused while the Service is pinned to it",
        keeps="a rollout takes every endpoint away",
        take_out=patched((blue_green, "pause"), (pair, "pause"), to=answering(None)),
        seen_by=BACK,
        because="i28_no_rollout_reaches_what_serves_under_a_pin",
    ),
    Safety(
        name="The Service has its own selector before the Deployment goes on",
        keeps="a rollout that waits takes every endpoint away",
        take_out=wrapped(blue_green, "leave", resumed_first),
        seen_by=UP,
        because="i28_no_rollout_reaches_what_serves_under_a_pin",
    ),
    Safety(
        name="Nothing is removed within the propagation time",
        keeps="routers that have not followed send to pods that are gone",
        take_out=patched((traffic, "switched_at"), to=lambda observation, *_: observation.at.replace(year=2000)),
        seen_by=UP,
        because="i07_old_pods_stay_until_the_new_ones_serve_alone",
    ),
    Safety(
        name="The route is asked who answers",
        keeps="pods go while a router still leads to them",
        take_out=patched((phases, "probe_gate"), to=lambda _ports, _work, decide: decide),
        seen_by="unit/run/test_gates_of_phases.py::"
        "test_nothing_is_removed_while_a_router_still_leads_to_the_old_pods[20-succeeded]",
        because="assert",
    ),
    Safety(
        name="What was switched from drains",
        keeps="requests that are under way break off",
        take_out=without(blue_green, "drain_wait"),
        seen_by=UP,
        because="i09_what_drains_gets_its_time",
    ),
    Safety(
        name="What was switched back from drains, too",
        keeps="requests that are under way break off on the way back",
        take_out=without(roll_back, "drain_wait"),
        seen_by=BACK,
        because="i09_what_drains_gets_its_time",
    ),
    Safety(
        name="Pods go only over the floor",
        keeps="pods go while those that stay are dying",
        take_out=without_floor_check,
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_remove_is_halted_while_the_new_set_is_under_the_floor",
        because="assert",
    ),
    Safety(
        name="Pods go step by step",
        keeps="all go at once, whatever becomes of the others",
        take_out=patched((blue_green, "remove_stable"), to=deleted_at_once),
        seen_by=UP,
        because="i10_never_more_than_a_step_at_once",
    ),
    Safety(
        name="A batch is as large as the policy says",
        keeps="both sets together are more than the cluster can hold",
        take_out=patched((batched, "batch_of"), to=answering(3)),
        seen_by=f"{ORDINARY}[batched down]",
        because="i23_both_sets_together_stay_under_the_peak",
    ),
    Safety(
        name="Exactly the planned pods serve at the end",
        keeps="a run succeeds with pods that nobody ordered",
        take_out=patched((pair, "require_exact"), to=answering(Done("it is over"))),
        seen_by="unit/strategy/test_blue_green_decisions.py::test_removed_means_exactly_the_target_and_nothing_else",
        because="assert",
    ),
    Safety(
        name="The stable set is whole before the Service points back at it",
        keeps="the way back leads to fewer pods than there were",
        take_out=without(roll_back, "_whole"),
        seen_by=DYING,
        because="i05_a_switch_never_lowers_capacity",
    ),
    Safety(
        name="A switch that may still arrive is ruled out first",
        keeps="a late switch leads to pods that the way back has taken away",
        take_out=never_switched,
        seen_by="unit/strategy/test_blue_green_roll_back.py::test_a_switch_that_may_still_arrive_is_ruled_out_first",
        because="assert",
    ),
    Safety(
        name="The Deployment runs at its old number before the set goes back",
        keeps="its controller shrinks both sets in proportion, the one that serves among them",
        take_out=without(roll_back, "_at_old_number"),
        seen_by=BACK,
        because="i29_what_was_set_aside_is_given_back_as_it_was",
    ),
    Safety(
        name="The set goes back with the note of its Deployment's number",
        keeps="it is taken for one that was scaled just now, and shrunk",
        take_out=patched((roll_back, "hand_back"), to=without_note_of_the_size),
        seen_by=BACK,
        because="i29_what_was_set_aside_is_given_back_as_it_was",
    ),
    Safety(
        name="A set that somebody gave back is not removed",
        keeps="what its owner took back goes under a pin",
        take_out=patched((blue_green, "require_aside"), to=aside.stable_set),
        seen_by="unit/strategy/test_blue_green_decisions.py::test_a_set_that_somebody_gave_back_is_not_removed",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A Deployment that was made anew stops the run",
        keeps="a run changes what it never looked at",
        take_out=any_workload,
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_a_deployment_that_was_made_anew_stops_every_phase[remove]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A Service that was made anew stops the run",
        keeps="a run restores a selector that nobody wants any more",
        take_out=without(model, "require_same_service"),
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_a_service_that_was_made_anew_stops_every_phase[remove]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A selector that somebody else wrote is left",
        keeps="the owner's edit is overwritten",
        take_out=patched((roll_back, "is_pinned_by"), (pair, "is_pinned_by"), to=answering(True)),
        seen_by=f"{EDITED}[after it-selector-after]",
        because="assert",
    ),
    Safety(
        name="Another template before the switch stops the run",
        keeps="a version that nobody has seen gets all the traffic",
        take_out=without(pair, "require_same_template"),
        seen_by=f"{EDITED}[after it-template-before]",
        because="assert",
    ),
    Safety(
        name="A number that somebody else set is not fought over",
        keeps="the owner's number is overwritten",
        take_out=without(pair, "require_own_replicas"),
        seen_by=f"{EDITED}[after it-replicas-before]",
        because="assert",
    ),
    Safety(
        name="In place, too, a number that somebody else set stops the run",
        keeps="the owner's number is overwritten",
        take_out=without(in_place, "_require_ours"),
        seen_by="unit/strategy/test_in_place_decisions.py::test_more_than_was_asked_for_is_not_taken_away",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Where requests stay on their node, each node that serves has a new pod before the switch",
        keeps="all requests from one node are dropped",
        take_out=without(blue_green, "uncovered"),
        seen_by="sim/test_local_traffic.py::test_where_nodes_are_unknown_the_places_of_the_new_pods_decide[internal]",
        because="did not match",
    ),
    Safety(
        name="An autoscaler is looked for again before the switch",
        keeps="two that decide fight over the replicas",
        take_out=without(phases, "_require_no_new_autoscaler"),
        seen_by="sim/test_matrix_edits.py::"
        "test_an_autoscaler_whose_bounds_hold_by_chance_is_found_before_anything_is_committed[switch_endpoints]",
        because="appeared during the run",
    ),
    Safety(
        name="An autoscaler is looked for again before the removal",
        keeps="the stable set goes while somebody else decides on the new one",
        take_out=without(phases, "_require_no_new_autoscaler"),
        seen_by="sim/test_matrix_edits.py::"
        "test_an_autoscaler_whose_bounds_hold_by_chance_is_found_before_anything_is_committed[remove_old_instances]",
        because="appeared during the run",
    ),
    Safety(
        name="Bounds of an autoscaler that somebody else set are left",
        keeps="the owner's minimum is overwritten",
        take_out=without(floor, "_require_ours"),
        seen_by="unit/strategy/test_floor_decisions.py::TestRollBack::test_bounds_of_somebody_else_are_not_overwritten",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A floor that is taken back is told",
        keeps="a run waits for pods that nobody will start",
        take_out=without(floor, "_require_written"),
        seen_by="unit/strategy/test_floor_decisions.py::test_a_minimum_that_is_taken_back_is_told_and_not_fought_over",
        because="DID NOT RAISE",
    ),
    Safety(
        name="The selector is left to its owner by the API server's account",
        keeps="the owner's next apply meets a conflict over a field that is as he wrote it",
        take_out=without(traffic, "_disown_selector"),
        seen_by="unit/strategy/test_blue_green_decisions.py::"
        "test_the_selector_is_left_to_its_owner_by_the_api_servers_account_too",
        because="assert",
    ),
    Safety(
        name="A number that somebody else set ends the wait",
        keeps="a run waits its whole deadline for pods that another scaler takes away",
        take_out=without(in_place, "require_kept"),
        seen_by="sim/test_another_scaler.py::"
        "test_the_old_number_put_back_while_pods_come_ends_the_wait_at_once[in_place]",
        because="DeadlineExceeded",
    ),
    Safety(
        name="Of a Service that is not switched only the workload's own endpoints count",
        keeps="another workload's pods make up for its own, and the last ones go",
        take_out=patched((Observation, "ready_endpoints"), to=of_all),
        seen_by="sim/test_shared_services.py::test_the_pods_of_others_do_not_make_up_for_its_own",
        because="assert",
    ),
    Safety(
        name="Of a StatefulSet the highest ordinals count as gone, ready or not",
        keeps="the pods that serve are removed, and the broken ones stay",
        take_out=patched((shrink, "_ready_loss"), to=the_unready_first),
        seen_by="sim/test_other_kinds.py::test_a_stateful_set_with_a_broken_low_ordinal_is_not_shrunk_below_its_floor",
        because="assert",
    ),
)
