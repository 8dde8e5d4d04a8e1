"""Blue-green, decision by decision: each case is one look at the cluster and the one thing to do next."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide import labels
from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.objects import Kind
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.model import Create, Delete, Done, Patch, Scale, Wait
from support.builders import OWN_SELECTOR, SetBuilder, observation, order, pinned, service

STRATEGY = BlueGreenStrategy()
STABLE = SetBuilder(paused=True)
NEW = SetBuilder("web-alt", replicas=6, run="run-1")
AT_STABLE = pinned("hash-own")
AT_NEW = pinned("hash-alt")
LONG_AGO = timedelta(minutes=5)


def test_create_pauses_the_stable_set_first() -> None:
    decision = STRATEGY.create(observation(service(), SetBuilder()), order(6))

    assert isinstance(decision, Patch)
    assert (decision.kind, decision.name, decision.change) == (Kind.DEPLOYMENT, "web", {"spec": {"paused": True}})


def test_create_pins_the_service_before_a_new_pod_exists() -> None:
    decision = STRATEGY.create(observation(service(), STABLE), order(6))

    assert isinstance(decision, Patch)
    assert decision.kind is Kind.SERVICE
    assert decision.change == {"spec": {"selector": {labels.POD_TEMPLATE_HASH: "hash-own"}}}


@pytest.mark.parametrize(("start", "target", "created"), [(3, 6, 6), (6, 3, 6), (3, 3, 3)])
def test_create_makes_a_twin_and_grows_it_so_that_capacity_is_never_lowered(
    start: int, target: int, created: int
) -> None:
    stable = STABLE.with_(replicas=start)
    empty = SetBuilder("web-alt", replicas=0, run="run-1")
    decision = STRATEGY.create(observation(service(AT_STABLE), stable), order(target, start=start))
    grown = STRATEGY.create(observation(service(AT_STABLE), stable, empty), order(target, start=start))

    assert isinstance(decision, Create)
    assert decision.manifest["metadata"]["name"] == "web-alt"
    assert decision.manifest["spec"]["replicas"] == 0  # whoever sends it late makes no pods
    assert "paused" not in decision.manifest["spec"]
    assert isinstance(grown, Scale)
    assert (grown.name, grown.replicas) == ("web-alt", created)


def test_the_twin_carries_every_label_of_the_stable_pods_and_one_more() -> None:
    decision = STRATEGY.create(observation(service(AT_STABLE), STABLE), order(6))

    assert isinstance(decision, Create)
    template = decision.manifest["spec"]["template"]
    assert template["metadata"]["labels"] == OWN_SELECTOR | {labels.SET: labels.ALTERNATE}
    assert decision.manifest["spec"]["selector"]["matchLabels"] == OWN_SELECTOR | {labels.SET: labels.ALTERNATE}
    assert template["spec"] == STABLE.deployment.pod_spec


def test_the_way_back_restores_the_form_that_the_owner_wrote() -> None:
    stable = SetBuilder("web-alt", paused=True)
    decision = STRATEGY.create(observation(service(pinned("hash-alt")), stable), order(6, stable="web-alt"))

    assert isinstance(decision, Create)
    assert decision.manifest["metadata"]["name"] == "web"
    assert decision.manifest["spec"]["template"]["metadata"]["labels"] == OWN_SELECTOR
    assert decision.manifest["spec"]["selector"]["matchLabels"] == OWN_SELECTOR


def test_create_again_changes_nothing() -> None:
    assert isinstance(STRATEGY.create(observation(service(AT_STABLE), STABLE, NEW), order(6)), Done)


def test_a_deployment_of_a_stranger_under_the_new_name_is_never_adopted() -> None:
    with pytest.raises(Conflict) as caught:
        STRATEGY.create(observation(service(AT_STABLE), STABLE, NEW.with_(run="run-0")), order(6))

    assert caught.value.code == "leftover_set"


def test_ready_counts_what_is_missing() -> None:
    decision = STRATEGY.ready(observation(service(AT_STABLE), STABLE, NEW.with_(ready=4)), order(6))

    assert decision == Wait("Deployment web-alt: 4 of 6 pods are Ready, 4 available, 6 of the present template")


def test_ready_fails_at_once_in_the_words_of_the_pods() -> None:
    new = NEW.with_(ready=0, waiting="ImagePullBackOff: Back-off pulling image web:2")
    with pytest.raises(WorkloadFailed, match=r"ImagePullBackOff: Back-off pulling image web:2") as caught:
        STRATEGY.ready(observation(service(AT_STABLE), STABLE, new), order(6))

    assert caught.value.code == "image_unavailable"


def test_ready_is_not_believed_before_the_controller_has_seen_the_change() -> None:
    assert isinstance(
        STRATEGY.ready(observation(service(AT_STABLE), STABLE, NEW.with_(observed=False)), order(6)), Wait
    )


def test_switch_is_one_swap_on_the_service_that_was_judged() -> None:
    look = observation(service(AT_STABLE), STABLE, NEW)
    decision = STRATEGY.switch(look, order(6))

    assert isinstance(decision, Patch)
    assert decision.version == look.service.version
    assert decision.change["spec"] == {"selector": {labels.POD_TEMPLATE_HASH: "hash-alt"}}
    assert decision.change["metadata"]["annotations"][labels.SWITCHED_AT] == look.at.isoformat()


def test_switch_waits_when_readiness_was_lost_after_it_was_proven() -> None:
    assert isinstance(STRATEGY.switch(observation(service(AT_STABLE), STABLE, NEW.with_(ready=5)), order(6)), Wait)


def test_switch_again_changes_nothing() -> None:
    assert isinstance(STRATEGY.switch(observation(service(AT_NEW), STABLE, NEW), order(6)), Done)


@pytest.mark.parametrize("phase", ["create", "switch", "switched", "remove", "roll_back"])
def test_a_selector_that_somebody_else_wrote_stops_every_phase(phase: str) -> None:
    look = observation(service({"app": "other"}), STABLE, NEW)
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(look, order(6))

    assert caught.value.code == "selector_changed"


@pytest.mark.parametrize("phase", ["create", "switch", "remove"])
def test_an_edit_of_the_template_during_the_run_is_never_lost(phase: str) -> None:
    look = observation(service(AT_NEW if phase == "remove" else AT_STABLE), STABLE.with_(env="v2"), NEW)
    with pytest.raises(Conflict) as caught:
        getattr(STRATEGY, phase)(look, order(6))

    assert caught.value.code == "rollout_in_progress"


def test_switched_waits_for_the_propagation_time_from_the_stamp() -> None:
    just_now = observation(service(AT_NEW, switched=timedelta(seconds=1)), STABLE, NEW)
    long_ago = observation(service(AT_NEW, switched=timedelta(seconds=2)), STABLE, NEW)

    assert isinstance(STRATEGY.switched(just_now, order(6)), Wait)
    assert isinstance(STRATEGY.switched(long_ago, order(6)), Done)


def test_switched_waits_while_a_slice_still_shows_the_stable_set() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE, NEW, serving=["web", "web-alt"])

    assert STRATEGY.switched(look, order(6)) == Wait("3 of 9 ready endpoints are not of web-alt yet")


def test_a_stamp_from_the_future_starts_the_wait_again() -> None:
    look = observation(service(AT_NEW, switched=-timedelta(hours=1)), STABLE, NEW)

    assert isinstance(STRATEGY.switched(look, order(6)), Wait)


def test_remove_waits_for_the_drain_then_goes_in_steps() -> None:
    draining = observation(service(AT_NEW, switched=timedelta(seconds=2)), STABLE, NEW)
    drained = observation(service(AT_NEW, switched=timedelta(seconds=3)), STABLE, NEW)
    step = STRATEGY.remove(drained, order(6))

    assert isinstance(STRATEGY.remove(draining, order(6)), Wait)
    assert isinstance(step, Scale)
    assert (step.name, step.replicas) == ("web", 2)


def test_remove_waits_until_the_pods_of_the_step_before_are_gone() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE.with_(replicas=2, pods=3), NEW)

    assert STRATEGY.remove(look, order(6)) == Wait("Deployment web: 1 pods are draining")


def test_remove_is_halted_while_the_new_set_is_under_the_floor() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE, NEW.with_(ready=2))
    decision = STRATEGY.remove(look, order(6))

    assert isinstance(decision, Wait)
    assert "removal is halted" in decision.message


def test_remove_deletes_the_stable_deployment_only_when_it_is_empty() -> None:
    look = observation(service(AT_NEW, switched=LONG_AGO), STABLE.with_(replicas=0), NEW)
    decision = STRATEGY.remove(look, order(6))

    assert isinstance(decision, Delete)
    assert decision.version == look.pod_sets["web"].deployment.version


def test_remove_gives_the_selector_back_when_nothing_else_meets_it() -> None:
    decision = STRATEGY.remove(observation(service(AT_NEW, switched=LONG_AGO), NEW), order(6))

    assert isinstance(decision, Patch)
    assert decision.change["spec"] == {"selector": {labels.POD_TEMPLATE_HASH: None}}
    assert decision.change["metadata"] == {"annotations": {labels.SWITCHED_AT: None}}


def test_a_shrink_ends_by_shrinking_the_set_that_serves_alone() -> None:
    decision = STRATEGY.remove(observation(service(), NEW), order(3, start=6))

    assert isinstance(decision, Scale)
    assert (decision.name, decision.replicas) == ("web-alt", 5)


def test_removed_means_exactly_the_target_and_nothing_else() -> None:
    assert isinstance(STRATEGY.removed(observation(service(), NEW), order(6)), Done)
    assert isinstance(STRATEGY.removed(observation(service(), NEW.with_(pods=7, replicas=7)), order(7)), Done)
    assert isinstance(STRATEGY.removed(observation(service(), NEW.with_(ready=5)), order(6)), Wait)
    assert isinstance(STRATEGY.removed(observation(service(), NEW, STABLE, serving=["web-alt"]), order(6)), Wait)
