"""What may begin at all: plans, guards, approvals, and what is found around a workload (I-19, I-23, I-25)."""

from __future__ import annotations

from typing import Any

import pytest

from safeties.safety import Safety, answering, patched, without, wrapped
from springtide.plan import planner, preflight
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.model import ScalingPlan
from springtide.run import acquisition, admission, gates, phases, pipeline
from springtide.run import preflight as looks
from springtide.run.preflight import Preflight

NOTHING = answering(())
WORKLOADS = "unit/plan/test_preflight.py"
PLANS = "unit/plan/test_planner.py"
TRUST = "unit/run/test_plans_on_trust.py"
AROUND = "unit/run/test_every_check_is_made.py::test_what_one_check_refuses_keeps_a_run_from_beginning"


class WhateverNumber:
    """A number that is the same as every other."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]  # it is compared, and never kept


def only_the_owners_bounds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planner, "check_bounds", answering(None))
    patch.setattr(planner, "within_step", answering(None))


def passing(check: str) -> Any:
    return answering((Finding(check=check, status=FindingStatus.PASSED, message="nobody looked"),))


def as_the_template_says(real: Any) -> Any:
    return lambda *arguments, **options: real(*arguments, **options | {"live": ()})


def unlooked(check: str, keeps: str, holder: Any, look: str) -> Safety:
    """Return the row of one look around a workload, an attribute of `holder`."""
    return Safety(
        name=f"The preflight looks at: {check}",
        keeps=keeps,
        take_out=patched((holder, look), to=passing(check)),
        seen_by=f"{AROUND}[{check}]",
        because="DID NOT RAISE",
    )


def unasked(name: str, keeps: str, refusals: str, test: str) -> Safety:
    """Return the row of one reason against a workload."""
    return Safety(
        name=name,
        keeps=keeps,
        take_out=patched((preflight, refusals), to=NOTHING),
        seen_by=f"{WORKLOADS}::{test}",
        because="DID NOT RAISE",
    )


SAFETIES = (
    Safety(
        name="A plan is judged anew before it is carried out",
        keeps="a plan that somebody changed on the way, or that the policy forbids by now, is carried out",
        take_out=without(acquisition, "_require_allowed"),
        seen_by=f"{TRUST}::test_a_plan_below_what_the_policy_allows_is_refused",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Advice is a plan that no run carries out",
        keeps="a policy that only advises is scaled",
        take_out=patched((admission, "advised"), to=lambda _policy, plan: plan),
        seen_by="unit/run/test_planned.py::test_nothing_is_changed_by_advice_and_its_summary_says_so",
        because="assert",
    ),
    Safety(
        name="The mode is looked at anew before a run takes its Lease",
        keeps="a plan of yesterday is carried out for a policy that only advises since",
        take_out=without(acquisition, "_require_acting"),
        seen_by="unit/fleet/test_advice.py::TestByHand::"
        "test_a_plan_from_before_the_mode_was_changed_is_not_carried_out",
        because="DID NOT RAISE",
    ),
    Safety(
        name="What runs is counted anew before a plan is carried out",
        keeps="a plan for three pods is carried out on thirty",
        take_out=patched((acquisition, "current_number"), to=answering(WhateverNumber())),
        seen_by="unit/run/test_approvals.py::test_what_changed_between_approval_and_run_stops_it",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A plan that needs a person waits for one",
        keeps="what should be approved is done without asking",
        take_out=patched((acquisition, "require_approved"), (pipeline, "require_approved"), to=answering(None)),
        seen_by="unit/run/test_approvals.py::test_without_approval_nothing_is_written",
        because="DID NOT RAISE",
    ),
    Safety(
        name="What was approved is what is done",
        keeps="a person approves one plan, and another is done",
        take_out=patched((ScalingPlan, "fingerprint"), to="the same"),
        seen_by="unit/run/test_approvals.py::test_another_plan_than_the_approved_one_is_not_applied",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A run looks for room again once it has its Lease",
        keeps="two runs at once take connections or quota that are there once",
        take_out=without(phases, "require_room_for"),
        seen_by="sim/test_two_runs_at_once.py::"
        "test_of_two_that_took_their_leases_before_either_looked_the_earlier_goes_on[True]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Of two runs that exclude each other the earlier goes on",
        keeps="both are refused",
        take_out=patched((Preflight, "has_pending_run"), to=answering(False)),
        seen_by="sim/test_two_runs_at_once.py::"
        "test_of_two_that_took_their_leases_before_either_looked_the_earlier_goes_on[False]",
        because="InputError",
    ),
    Safety(
        name="A model's number stays within the bounds",
        keeps="one wrong number starts a thousand pods, or leaves none",
        take_out=without(planner, "within_bounds"),
        seen_by=f"{PLANS}::TestAModelsNumber::test_each_clamp_has_both_numbers_and_a_reason",
        because="replicas.max",
    ),
    Safety(
        name="One run takes no more than a step",
        keeps="one wrong number takes half of a service away",
        take_out=without(planner, "within_step"),
        seen_by=f"{PLANS}::TestAModelsNumber::test_each_clamp_has_both_numbers_and_a_reason",
        because="guards.step_up",
    ),
    Safety(
        name="A person's number out of bounds is refused",
        keeps="a slip of the hand starts a thousand pods",
        take_out=only_the_owners_bounds,
        seen_by=f"{PLANS}::TestAPersonsNumber::test_beyond_the_bounds_it_is_refused[0-zero_refused]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Demand that cannot be trusted shrinks nothing",
        keeps="half of the metrics missing takes half of the pods away",
        take_out=without(planner, "_hold"),
        seen_by=f"{PLANS}::TestHeldDemand::test_what_runs_is_kept_and_the_reason_said",
        because="assert",
    ),
    Safety(
        name="Nothing is written while a database is unfit",
        keeps="pods come and go while nobody can take their connections",
        take_out=patched((phases, "gate"), to=lambda _ports, _work, decide: decide),
        seen_by="unit/run/test_gates_of_phases.py::test_nothing_is_changed_while_a_database_is_away",
        because="assert",
    ),
    Safety(
        name="New pods pass the smoke checks before traffic moves",
        keeps="people meet the errors first",
        take_out=patched((phases, "smoke_gate"), to=lambda _ports, _work, decide: decide),
        seen_by="unit/run/test_smoke_gate.py::TestOneThatDoesNotPass::"
        "test_ends_the_run_before_any_traffic_has_moved[full]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A pod that came while others were asked is asked, too",
        keeps="a pod that nobody has asked gets traffic",
        take_out=wrapped(gates, "_ask", lambda _real: lambda *_: None),
        seen_by="unit/run/test_smoke_gate.py::TestPodsThatChangeMeanwhile::"
        "test_one_that_goes_is_looked_at_again_and_its_replacement_is_asked",
        because="assert",
    ),
    Safety(
        name="What the smoke test found decides",
        keeps="a service that answers with errors stays",
        take_out=without(phases, "judge"),
        seen_by="sim/test_matrix_workload.py::test_smoke_test_fails_flickers_or_hangs[5 of 10 pass]",
        because="assert",
    ),
    unasked(
        "What a run left aside is reconciled first",
        "a second run sets aside what nobody can give back any more",
        "_aside_refusals",
        "test_a_replica_set_that_a_run_left_aside_has_to_be_reconciled_first[run-7-by run 'run-7'-blue_green]",
    ),
    unasked(
        "Only a Service that selects its pods is switched",
        "a run changes a Service that leads nowhere, or is pinned by another tool",
        "_service_refusals",
        "test_services_that_cannot_be_switched[pinned]",
    ),
    unasked(
        "A Service that is switched selects one workload only",
        "another workload's pods are pinned out of their Service",
        "_selection_refusals",
        "test_a_selector_that_meets_a_second_workload_names_it",
    ),
    unasked(
        "Nothing begins in the middle of a rollout",
        "a version that is half there gets all the traffic",
        "_rollout_refusals",
        "test_a_rollout_under_way_is_refused_with_its_counts",
    ),
    unasked(
        "Pods have a probe that says when they can answer",
        "a pod is ready before it can answer",
        "_workload_refusals",
        "test_no_readiness_probe",
    ),
    unasked(
        "What is switched off stays off",
        "what somebody stopped on purpose runs again",
        "_zero_refusals",
        "test_workloads_that_are_not_settled[zero]",
    ),
    unasked(
        "Pods that cannot run beside others get no second set",
        "two versions write where only one may",
        "_parallel_refusals",
        "test_recreate_must_not_run_two_sets",
    ),
    unasked(
        "A Service that is switched has an address of its own",
        "clients that keep pod addresses go on calling the old pods",
        "_headless_refusals",
        "test_services_that_cannot_be_switched[headless]",
    ),
    unasked(
        "Where an autoscaler owns the replicas nobody else sets them",
        "two that decide fight",
        "_autoscaler_refusals",
        "test_an_autoscaler_that_owns_the_replicas_is_named[blue_green]",
    ),
    unasked(
        "A floor needs one autoscaler that follows its minimum",
        "a minimum is raised that nobody follows",
        "_floor_refusals",
        "test_a_floor_needs_one_autoscaler_that_follows_its_minimum[two]",
    ),
    unasked(
        "No selector switch behind a load balancer with its own list of pods",
        "it takes the earlier pods away before the new ones serve",
        "_load_balancer_refusals",
        "test_no_selector_switch_behind_a_load_balancer_with_its_own_list_of_pods[GKE]",
    ),
    unasked(
        "Nothing is set aside where no history of ReplicaSets is kept",
        "the controller deletes what a roll back needs",
        "_set_aside_refusals",
        "test_without_a_history_only_strategies_that_set_nothing_aside_are_allowed",
    ),
    unlooked("quota", "new pods are refused in the middle of a run", Preflight, "_quota"),
    unlooked("nodes", "new pods find no node in the middle of a run", Preflight, "_nodes"),
    unlooked("autoscaler_maximum", "a floor is raised that nobody can reach", Preflight, "_maximum"),
    unlooked("grace", "pods are killed in the middle of requests", Preflight, "_grace"),
    unlooked("deadlines", "a run pins the Service and ends half-way", looks, "deadline_findings"),
    unlooked("rights", "a right is found missing in the middle of a run", Preflight, "_rights"),
    unlooked("owner", "a controller undoes what the run does", Preflight, "_owner"),
    unlooked("server_version", "Kubernetes does not do what setting aside rests on", Preflight, "_server_version"),
    unlooked("gitops", "a GitOps tool takes back what the run writes", looks, "gitops_findings"),
    unlooked("downstream", "a database has no connection left for new pods", Preflight, "_downstream"),
    unlooked("database", "a run begins on a database that is away", looks, "database_findings"),
    unlooked("smoke", "a smoke check that cannot pass costs a run", Preflight, "_smoke"),
    unlooked("admission", "a webhook says no in the middle of a run", Preflight, "_admission"),
    unlooked("traffic_policy", "a node has no endpoint left after the run", Preflight, "_traffic_policy"),
    Safety(
        name="New pods are counted as the live ones are",
        keeps="an injected sidecar takes what the quota has not",
        take_out=wrapped(looks, "footprint", as_the_template_says),
        seen_by="unit/run/test_live_pods_count.py::test_a_quota_is_short_for_pods_as_they_are[in_place-500m]",
        because="FailedCreate",
    ),
)
