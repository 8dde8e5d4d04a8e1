"""Blue-green, decision by decision: each case is one look at the cluster and the one thing to do next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide import labels
from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.objects import Kind
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.model import AsideRecord, Decision, Delete, Done, Patch, Scale, Wait
from support.builders import OWN_SELECTOR, SetBuilder, observation, order, pinned, service

STRATEGY = BlueGreenStrategy()
OWNED = SetBuilder()
STABLE = SetBuilder(aside=True, run="run-1")
COMING = SetBuilder("new", replicas=6, hash="hash-new", run="run-1")
NEW = COMING.with_(paused=True)
AT_STABLE = pinned("hash-own")
AT_NEW = pinned("hash-new")
LONG_AGO = timedelta(minutes=5)


def scaled(decision: Decision) -> tuple[Kind, str, int]:
    assert isinstance(decision, Scale)
    return decision.kind, decision.name, decision.replicas


def test_create_pins_the_service_before_anything_else() -> None:
    decision = STRATEGY.create(observation(service(), OWNED), order(6))

    assert isinstance(decision, Patch)
    assert decision.kind is Kind.SERVICE
    assert decision.change == {"spec": {"selector": {labels.POD_TEMPLATE_HASH: "hash-own"}}}
    assert not decision.is_switch


def test_create_sets_the_stable_set_aside_behind_the_pin() -> None:
    look = observation(service(AT_STABLE), OWNED)
    decision = STRATEGY.create(look, order(6))

    assert isinstance(decision, Patch)
    assert (decision.kind, decision.name, decision.version) == (
        Kind.REPLICA_SET,
        "web-rs",
        look.pod_set.replica_sets[0].version,
    )
    metadata = decision.change["metadata"]
    assert metadata["labels"] == {"app": None, labels.POD_TEMPLATE_HASH: None, labels.ASIDE_OF: "web"}
    assert metadata["ownerReferences"] is None


def test_what_is_set_aside_carries_all_that_gives_it_back() -> None:
    decision = STRATEGY.create(observation(service(AT_STABLE), OWNED), order(6))

    assert isinstance(decision, Patch)
    note = AsideRecord.from_text(decision.change["metadata"]["annotations"][labels.ASIDE])
    assert (note.run_id, note.replicas, note.snapshot) == ("run-1", 6, order(6).snapshot)


@pytest.mark.parametrize("deployment", [OWNED.with_(edited="v2"), OWNED.with_(desired=5), OWNED.with_(paused=True)])
def test_behind_the_pin_the_stable_set_is_out_of_reach_before_anything_is_judged(deployment: SetBuilder) -> None:
    decision = STRATEGY.create(observation(service(AT_STABLE), OWNED, deployment=deployment), order(6))

    assert isinstance(decision, Patch)
    assert decision.kind is Kind.REPLICA_SET


@pytest.mark.parametrize(("start", "target", "grown"), [(3, 6, 6), (2, 6, 6), (3, 4, 4)])
def test_create_scales_the_deployment_so_that_capacity_is_never_lowered(start: int, target: int, grown: int) -> None:
    look = observation(service(AT_STABLE), STABLE.with_(replicas=start), COMING.with_(replicas=start))

    assert scaled(STRATEGY.create(look, order(target, start=start))) == (Kind.DEPLOYMENT, "web", grown)


@pytest.mark.parametrize(("start", "target"), [(6, 3), (6, 6)])
def test_where_fewer_are_wanted_the_new_set_is_as_large_as_the_stable_one(start: int, target: int) -> None:
    look = observation(service(AT_STABLE), STABLE.with_(replicas=start), COMING.with_(replicas=start))

    assert isinstance(STRATEGY.create(look, order(target, start=start)), Done)


def test_create_again_changes_nothing() -> None:
    assert isinstance(STRATEGY.create(observation(service(AT_STABLE), STABLE, COMING), order(6)), Done)
    assert isinstance(STRATEGY.create(observation(service(AT_NEW), STABLE, NEW), order(6)), Done)


def test_what_another_run_set_aside_stops_the_run() -> None:
    foreign = SetBuilder("other", hash="hash-other", aside=True, run="run-0")
    with pytest.raises(Conflict) as caught:
        STRATEGY.create(observation(service(), foreign, OWNED), order(6))

    assert caught.value.code == "leftover_set"


@pytest.mark.parametrize("phase", ["create", "ready", "switch"])
def test_a_number_that_somebody_else_set_is_not_fought_over(phase: str) -> None:
    look = observation(service(AT_STABLE), STABLE, COMING.with_(replicas=5))
    with pytest.raises(Conflict, match="somebody set replicas to 5 during the run") as caught:
        getattr(STRATEGY, phase)(look, order(6))

    assert caught.value.code == "replicas_changed"


def test_ready_counts_what_is_missing() -> None:
    decision = STRATEGY.ready(observation(service(AT_STABLE), STABLE, COMING.with_(ready=4)), order(6))

    assert decision == Wait("Deployment web: 4 of 6 pods are Ready, 4 available, 6 of the present template")


def test_ready_fails_at_once_in_the_words_of_the_pods() -> None:
    new = COMING.with_(ready=0, waiting="ImagePullBackOff: Back-off pulling image web:2: not found")
    with pytest.raises(WorkloadFailed, match=r"ImagePullBackOff: Back-off pulling image web:2: not found") as caught:
        STRATEGY.ready(observation(service(AT_STABLE), STABLE, new), order(6))

    assert caught.value.code == "image_unavailable"


def test_ready_is_not_believed_before_the_controller_has_seen_the_change() -> None:
    look = observation(service(AT_STABLE), STABLE, COMING.with_(observed=False))

    assert isinstance(STRATEGY.ready(look, order(6)), Wait)


def test_before_the_switch_rollouts_are_kept_waiting() -> None:
    decision = STRATEGY.switch(observation(service(AT_STABLE), STABLE, COMING), order(6))

    assert isinstance(decision, Patch)
    assert (decision.kind, decision.name, decision.change) == (Kind.DEPLOYMENT, "web", {"spec": {"paused": True}})


def test_switch_is_one_swap_on_the_service_that_was_judged() -> None:
    look = observation(service(AT_STABLE), STABLE, NEW)
    decision = STRATEGY.switch(look, order(6))

    assert isinstance(decision, Patch)
    assert decision.is_switch
    assert decision.version == look.required_service.version
    assert decision.change["spec"] == {"selector": {labels.POD_TEMPLATE_HASH: "hash-new"}}
    assert decision.change["metadata"]["annotations"][labels.SWITCHED_AT] == look.at.isoformat()


@pytest.mark.parametrize("new", [NEW.with_(ready=5), NEW.with_(observed=False), COMING.with_(ready=5)])
def test_switch_waits_when_readiness_was_lost_after_it_was_proven(new: SetBuilder) -> None:
    assert isinstance(STRATEGY.switch(observation(service(AT_STABLE), STABLE, new), order(6)), Wait)


def test_switch_again_changes_nothing() -> None:
    assert isinstance(STRATEGY.switch(observation(service(AT_NEW), STABLE, NEW), order(6)), Done)


@pytest.mark.parametrize("phase", ["create", "switch", "switched", "remove", "roll_back"])
def test_a_selector_that_somebody_else_wrote_stops_every_phase(phase: str) -> None:
    look = observation(service({"app": "other"}), STABLE, NEW if phase != "create" else COMING)
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(look, order(6))

    assert caught.value.code == "selector_changed"


@pytest.mark.parametrize("phase", ["create", "ready", "switch"])
def test_another_template_before_the_switch_stops_the_run(phase: str) -> None:
    look = observation(service(AT_STABLE), STABLE, COMING.with_(edited="v2"))
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(look, order(6))

    assert caught.value.code == "rollout_in_progress"


def test_another_template_after_the_switch_waits_for_the_end_of_the_run() -> None:
    edited = NEW.with_(edited="v2")
    switched = STRATEGY.switched(observation(service(AT_NEW, switched=LONG_AGO), STABLE, edited), order(6))
    step = STRATEGY.remove(observation(service(AT_NEW, switched=LONG_AGO), STABLE, edited), order(6))
    resume = STRATEGY.remove(observation(service(), edited), order(6))

    assert isinstance(switched, Done)
    assert scaled(step) == (Kind.REPLICA_SET, "web-rs", 2)
    assert isinstance(resume, Patch)
    assert resume.change == {"spec": {"paused": None}}


@pytest.mark.parametrize("phase", ["create", "ready", "switch"])
def test_a_stable_set_that_is_gone_stops_the_run(phase: str) -> None:
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(observation(service(AT_STABLE), COMING), order(6))

    assert caught.value.code == "stable_set_gone"


@pytest.mark.parametrize("phase", ["create", "ready", "switched", "remove", "roll_back"])
def test_a_deployment_that_was_made_anew_stops_every_phase(phase: str) -> None:
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(observation(service(AT_NEW), STABLE, NEW.with_(uid="uid-other")), order(6))

    assert caught.value.code == "workload_replaced"


@pytest.mark.parametrize("phase", ["create", "ready", "switch", "switched", "remove", "roll_back"])
def test_a_service_that_was_made_anew_stops_every_phase(phase: str) -> None:
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(observation(service(AT_NEW, uid="uid-other"), STABLE, NEW), order(6))

    assert caught.value.code == "service_replaced"


def test_switched_waits_for_the_propagation_time_from_the_stamp() -> None:
    just_now = observation(service(AT_NEW, switched=timedelta(seconds=1)), STABLE, NEW)
    long_ago = observation(service(AT_NEW, switched=timedelta(seconds=2)), STABLE, NEW)

    assert isinstance(STRATEGY.switched(just_now, order(6)), Wait)
    assert isinstance(STRATEGY.switched(long_ago, order(6)), Done)


def test_switched_waits_while_a_slice_still_shows_the_stable_set() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE, NEW, serving=["web", "new"])

    assert STRATEGY.switched(look, order(6)) == Wait("3 of 9 ready endpoints are not of Deployment web yet")


def test_a_stamp_from_the_future_starts_the_wait_again() -> None:
    look = observation(service(AT_NEW, switched=-timedelta(hours=1)), STABLE, NEW)

    assert isinstance(STRATEGY.switched(look, order(6)), Wait)


def test_remove_waits_for_the_drain_then_goes_in_steps() -> None:
    draining = observation(service(AT_NEW, switched=timedelta(seconds=2)), STABLE, NEW)
    drained = observation(service(AT_NEW, switched=timedelta(seconds=3)), STABLE, NEW)

    assert isinstance(STRATEGY.remove(draining, order(6)), Wait)
    assert scaled(STRATEGY.remove(drained, order(6))) == (Kind.REPLICA_SET, "web-rs", 2)


def test_remove_waits_until_the_pods_of_the_step_before_are_gone() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE.with_(replicas=2, pods=3), NEW)

    assert STRATEGY.remove(look, order(6)) == Wait("ReplicaSet web-rs: 1 pods are draining")


def test_remove_is_halted_while_the_new_set_is_under_the_floor() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE, NEW.with_(ready=2))
    decision = STRATEGY.remove(look, order(6))

    assert isinstance(decision, Wait)
    assert "removal is halted" in decision.message


def test_a_deployment_that_somebody_resumed_is_paused_again_before_anything_is_removed() -> None:
    decision = STRATEGY.remove(observation(service(AT_NEW, switched=LONG_AGO), STABLE, COMING), order(6))

    assert isinstance(decision, Patch)
    assert decision.change == {"spec": {"paused": True}}


def test_a_set_that_somebody_gave_back_is_not_removed() -> None:
    with pytest.raises(Conflict) as caught:
        STRATEGY.remove(observation(service(AT_NEW, switched=LONG_AGO), OWNED, NEW), order(6))

    assert caught.value.code == "workload_replaced"


def test_remove_deletes_the_stable_set_only_when_it_is_empty() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE.with_(replicas=0), NEW)
    decision = STRATEGY.remove(look, order(6))

    assert isinstance(decision, Delete)
    assert (decision.kind, decision.version) == (Kind.REPLICA_SET, look.aside[0].replica_set.version)


def test_the_selector_is_restored_before_rollouts_go_on() -> None:
    restore = STRATEGY.remove(observation(service(AT_NEW, switched=LONG_AGO), NEW), order(6))
    resume = STRATEGY.remove(observation(service(), NEW), order(6))

    assert isinstance(restore, Patch)
    assert restore.change["spec"] == {"selector": {labels.POD_TEMPLATE_HASH: None}}
    assert restore.change["metadata"] == {"annotations": {labels.SWITCHED_AT: None}}
    assert isinstance(resume, Patch)
    assert (resume.kind, resume.change) == (Kind.DEPLOYMENT, {"spec": {"paused": None}})


def test_a_shrink_ends_by_shrinking_the_set_that_serves_alone() -> None:
    assert scaled(STRATEGY.remove(observation(service(), NEW), order(3, start=6))) == (Kind.DEPLOYMENT, "web", 5)


def test_removed_means_exactly_the_target_and_nothing_else() -> None:
    assert isinstance(STRATEGY.removed(observation(service(), COMING), order(6)), Done)
    assert isinstance(STRATEGY.removed(observation(service(), COMING.with_(pods=7, replicas=7)), order(7)), Done)
    assert isinstance(STRATEGY.removed(observation(service(), COMING.with_(ready=5)), order(6)), Wait)
    assert isinstance(STRATEGY.removed(observation(service(), STABLE, COMING, serving=["new"]), order(6)), Wait)


def test_what_the_owner_rolls_out_next_is_told_and_not_waited_for() -> None:
    decision = STRATEGY.removed(observation(service(OWN_SELECTOR), COMING.with_(edited="v2", ready=4)), order(6))

    assert isinstance(decision, Done)
    assert "another template" in decision.message


def test_the_selector_is_left_to_its_owner_by_the_api_servers_account_too() -> None:
    mine = {"manager": "springtide", "operation": "Update", "fieldsV1": {"f:spec": {"f:selector": {}}}}
    others = {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:ports": {}}}}
    claimed = service()
    claimed.raw["metadata"]["managedFields"] = [others, mine]
    decision = STRATEGY.remove(observation(claimed, NEW), order(6))

    assert isinstance(decision, Patch)
    assert decision.kind is Kind.SERVICE
    assert decision.change == {"metadata": {"managedFields": [others]}}
