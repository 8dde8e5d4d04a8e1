"""Rolling a blue-green run back: the same rules, backwards, from wherever it stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide import labels
from springtide.errors import Conflict
from springtide.kube.objects import Kind
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.model import Delete, Done, Patch, Scale, Wait
from support.builders import SetBuilder, observation, order, pinned, service

STRATEGY = BlueGreenStrategy()
STABLE = SetBuilder(paused=True)
NEW = SetBuilder("web-alt", replicas=6, run="run-1")
AT_STABLE = pinned("hash-own")
AT_NEW = pinned("hash-alt")
LONG_AGO = timedelta(minutes=5)


def test_nothing_written_yet_is_nothing_to_undo() -> None:
    assert isinstance(STRATEGY.roll_back(observation(service(), SetBuilder()), order(6)), Done)


def test_before_the_switch_the_new_set_never_served_and_goes_at_once() -> None:
    scale = STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, NEW.with_(ready=0)), order(6))
    delete = STRATEGY.roll_back(observation(service(AT_STABLE), STABLE, NEW.with_(replicas=0)), order(6))

    assert isinstance(scale, Scale)
    assert (scale.name, scale.replicas) == ("web-alt", 0)
    assert isinstance(delete, Delete)
    assert delete.name == "web-alt"


def test_the_selector_is_given_back_before_the_stable_set_is_resumed() -> None:
    restore = STRATEGY.roll_back(observation(service(AT_STABLE), STABLE), order(6))
    resume = STRATEGY.roll_back(observation(service(), STABLE), order(6))

    assert isinstance(restore, Patch)
    assert restore.kind is Kind.SERVICE
    assert restore.change["spec"]["selector"] == {labels.POD_TEMPLATE_HASH: None}
    assert isinstance(resume, Patch)
    assert (resume.kind, resume.change) == (Kind.DEPLOYMENT, {"spec": {"paused": None}})


def test_after_the_switch_the_stable_set_is_whole_again_before_anything_points_at_it() -> None:
    grow = STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), STABLE.with_(replicas=1), NEW), order(6))
    wait = STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), STABLE.with_(ready=2), NEW), order(6))

    assert isinstance(grow, Scale)
    assert (grow.name, grow.replicas) == ("web", 3)
    assert isinstance(wait, Wait)


def test_pointing_back_is_a_switch_with_its_own_propagation_time() -> None:
    back = STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), STABLE, NEW), order(6))
    wait = STRATEGY.roll_back(observation(service(AT_STABLE, switched=timedelta(seconds=1)), STABLE, NEW), order(6))
    step = STRATEGY.roll_back(observation(service(AT_STABLE, switched=LONG_AGO), STABLE, NEW), order(6))

    assert isinstance(back, Patch)
    assert back.change["spec"]["selector"] == {labels.POD_TEMPLATE_HASH: "hash-own"}
    assert labels.SWITCHED_AT in back.change["metadata"]["annotations"]
    assert isinstance(wait, Wait)
    assert isinstance(step, Scale)
    assert (step.name, step.replicas) == ("web-alt", 5)


def test_a_stable_set_that_is_gone_leaves_the_new_one_serving() -> None:
    restore = STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), NEW), order(6))
    kept = STRATEGY.roll_back(observation(service(), NEW), order(6))

    assert isinstance(restore, Patch)
    assert isinstance(kept, Done)
    assert not kept.is_restored


def test_another_deployment_under_the_stable_name_stops_the_roll_back() -> None:
    with pytest.raises(Conflict) as caught:
        STRATEGY.roll_back(observation(service(AT_NEW), STABLE.with_(uid="uid-other"), NEW), order(6))

    assert caught.value.code == "workload_replaced"


def test_an_edit_of_the_paused_template_does_not_keep_the_roll_back_from_ending() -> None:
    edited = STABLE.with_(env="v2")

    assert isinstance(STRATEGY.roll_back(observation(service(AT_NEW, switched=LONG_AGO), edited, NEW), order(6)), Patch)
    assert isinstance(STRATEGY.roll_back(observation(service(), edited.with_(paused=False)), order(6)), Done)
