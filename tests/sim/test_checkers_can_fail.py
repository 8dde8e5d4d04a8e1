"""Each checker of an invariant is fed a record that breaks it, and says so: a checker that cannot fail proves nothing.

The records are those of good runs, with one thing in them changed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from invariants import ALL
from springtide import labels
from springtide.sandbox.history import Loss
from springtide.sandbox.objects import Json
from support.courses import SUCCEEDING, Course, autoscaler, unfaulted
from support.tampering import (
    Tamper,
    after_the_end,
    again,
    another_owner,
    another_snapshot,
    changed,
    dropped,
    edited,
    every,
    fields,
    forgetting,
    is_aside,
    is_lease_write,
    is_release,
    is_resize,
    is_return,
    is_shrink,
    is_switch,
    left,
    older,
    on_metadata,
    pinned_to,
    seen,
    slices_of,
    still_there,
    taken_up_in_a_hurry,
    twice,
    with_deployment,
    with_sets,
    without_version,
)

COURSES = {course.name: course for course in SUCCEEDING} | {
    "blue_green, smoke": Course("blue_green, smoke", "blue_green", 2, 4, problem="smoke")
}
STABLE = unfaulted(COURSES["blue_green up"]).evidence.before.owned[0]["metadata"]["labels"][labels.POD_TEMPLATE_HASH]


def is_stable(replica_set: Json) -> bool:
    return str(replica_set["metadata"]["name"]) == f"web-{STABLE}"


BROKEN: list[tuple[str, str, Tamper]] = [
    ("i01_one_owner", "in_place up", edited(is_lease_write, another_owner, last=True)),
    ("i02_every_write_is_fenced", "blue_green up", dropped(lambda call: call.path.endswith("/leases/springtide-web"))),
    ("i02_every_write_is_fenced", "blue_green up", edited(is_switch, older)),
    ("i02_every_write_is_fenced", "blue_green up", edited(is_release, on_metadata(annotations={}))),
    ("i03_no_living_run_is_preempted", "blue_green up", edited(is_lease_write, taken_up_in_a_hurry, last=True)),
    ("i04_every_change_is_compare_and_swap", "blue_green up", edited(is_switch, without_version)),
    ("i04_every_change_is_compare_and_swap", "blue_green up", edited(is_shrink, without_version)),
    ("i04_every_change_is_compare_and_swap", "in_place up", edited(is_lease_write, without_version, last=True)),
    ("i05_a_switch_never_lowers_capacity", "blue_green up", slices_of(("a", "b"), ("c",))),
    (
        "i05_a_switch_never_lowers_capacity",
        "blue_green up",
        seen(with_sets(lambda each: not is_stable(each), status={"availableReplicas": 3})),
    ),
    (
        "i05_a_switch_never_lowers_capacity",
        "blue_green, smoke",
        seen(with_sets(is_stable, status={"availableReplicas": 1})),
    ),
    ("i06_the_floor_holds_at_every_instant", "blue_green up", slices_of(("a", "b"), ("b",))),
    (
        "i06_the_floor_holds_at_every_instant",
        "blue_green up",
        lambda e: replace(e, losses=(Loss(service=("shop", "web"), since=1.0, until=2.0, why="no endpoint"),)),
    ),
    ("i07_old_pods_stay_until_the_new_ones_serve_alone", "blue_green up", changed(is_shrink, time=0.0)),
    ("i07_old_pods_stay_until_the_new_ones_serve_alone", "blue_green, smoke", changed(is_return, time=0.0)),
    ("i08_the_order_is_fixed", "blue_green up", forgetting("instances_ready")),
    ("i08_the_order_is_fixed", "in_place down", forgetting("smoke_test")),
    ("i09_what_drains_gets_its_time", "blue_green up", changed(is_shrink, time=0.0)),
    ("i09_what_drains_gets_its_time", "blue_green, smoke", changed(is_return, time=0.0)),
    ("i10_never_more_than_a_step_at_once", "blue_green down", edited(is_shrink, fields(replicas=0))),
    ("i10_never_more_than_a_step_at_once", "blue_green down", edited(is_resize, fields(replicas=0))),
    ("i10_never_more_than_a_step_at_once", "blue_green up", seen(with_sets(is_stable, spec={"replicas": 1}))),
    ("i10_never_more_than_a_step_at_once", "in_place down", slices_of(("a",))),
    ("i11_the_stable_set_is_whole_until_the_smoke_test_passed", "blue_green up", forgetting("smoke_test")),
    ("i12_only_own_fields_are_written_and_all_are_given_back", "blue_green up", edited(is_switch, fields(ports=[]))),
    (
        "i12_only_own_fields_are_written_and_all_are_given_back",
        "blue_green up",
        edited(is_shrink, fields(selector={"a": 1})),
    ),
    (
        "i12_only_own_fields_are_written_and_all_are_given_back",
        "blue_green up",
        edited(is_release, on_metadata(ownerReferences=[{"uid": "1"}])),
    ),
    (
        "i12_only_own_fields_are_written_and_all_are_given_back",
        "blue_green up",
        changed(is_release, path="/apis/apps/v1/namespaces/shop/replicasets/another"),
    ),
    (
        "i12_only_own_fields_are_written_and_all_are_given_back",
        "blue_green, smoke",
        seen(lambda o: replace(o, deployments={}), only_first=True),
    ),
    (
        "i12_only_own_fields_are_written_and_all_are_given_back",
        "blue_green, smoke",
        left(with_sets(every, metadata={"labels": {"app": "web"}})),
    ),
    ("i13_the_snapshot_stands_before_the_first_write", "in_place up", dropped(is_lease_write)),
    (
        "i13_the_snapshot_stands_before_the_first_write",
        "in_place up",
        edited(is_lease_write, another_snapshot, last=True),
    ),
    (
        "i14_nothing_is_created_but_the_lease",
        "blue_green up",
        changed(is_release, method="POST", path="/apis/apps/v1/namespaces/shop/deployments", status=403),
    ),
    (
        "i14_nothing_is_created_but_the_lease",
        "blue_green up",
        left(lambda o: replace(o, deployments=o.deployments | {"web-copy": o.deployments["web"]})),
    ),
    ("i15_an_unknown_outcome_is_read_never_resent", "blue_green up", again(is_switch)),
    ("i15_an_unknown_outcome_is_read_never_resent", "blue_green up", again(is_shrink)),
    ("i16_every_write_follows_a_look", "blue_green up", dropped(lambda call: call.path.endswith("/pods"))),
    ("i16_every_write_follows_a_look", "blue_green up", dropped(lambda call: call.path.endswith("/replicasets"))),
    (
        "i18_an_autoscaler_keeps_the_replicas",
        "in_place up",
        seen(lambda o: replace(o, autoscalers={"web": autoscaler(2)}), only_first=True),
    ),
    (
        "i19_nothing_is_forced",
        "blue_green up",
        changed(is_switch, query={"fieldManager": "springtide", "force": "true"}),
    ),
    (
        "i20_every_read_decides_by_present_state",
        "in_place up",
        changed(lambda call: bool(call.status), query={"watch": "true"}),
    ),
    ("i22_what_has_ended_never_writes_again", "blue_green up", after_the_end),
    ("i23_no_more_pods_than_were_ordered", "in_place up", edited(is_resize, fields(replicas=5))),
    (
        "i23_both_sets_together_stay_under_the_peak",
        "batched up",
        seen(with_sets(is_stable, spec={"replicas": 5})),
    ),
    (
        "i23_both_sets_together_stay_under_the_peak",
        "batched down",
        seen(with_sets(lambda each: not is_stable(each), spec={"replicas": 4})),
    ),
    ("i24_what_serves_is_never_removed", "blue_green up", seen(pinned_to(STABLE))),
    ("i24_what_serves_is_never_removed", "blue_green down", still_there),
    (
        "i26_every_end_is_a_known_state",
        "in_place up",
        edited(is_lease_write, fields(holderIdentity="run-1"), last=True),
    ),
    ("i26_every_end_is_a_known_state", "blue_green up", left(with_deployment(paused=True))),
    ("i26_every_end_is_a_known_state", "blue_green up", left(pinned_to(STABLE))),
    ("i26_every_end_is_a_known_state", "blue_green up", left(with_sets(every, metadata={"ownerReferences": []}))),
    (
        "i26_every_end_is_a_known_state",
        "blue_green up",
        left(with_sets(every, metadata={"labels": {labels.ASIDE_OF: "web"}})),
    ),
    ("i26_every_end_is_a_known_state", "blue_green up", left(with_sets(every, spec={"replicas": 0}))),
    ("i26_every_end_is_a_known_state", "blue_green up", left(twice)),
    ("i27_what_is_set_aside_is_pinned_first_and_nobodys", "blue_green up", seen(pinned_to(None))),
    (
        "i27_what_is_set_aside_is_pinned_first_and_nobodys",
        "blue_green up",
        seen(with_sets(is_aside, metadata={"ownerReferences": [{"uid": "1"}]})),
    ),
    (
        "i27_what_is_set_aside_is_pinned_first_and_nobodys",
        "blue_green up",
        seen(with_sets(is_aside, metadata={"labels": {"app": "web", labels.ASIDE_OF: "web"}})),
    ),
    ("i28_no_rollout_reaches_what_serves_under_a_pin", "blue_green up", seen(with_deployment(paused=False))),
    (
        "i28_no_rollout_reaches_what_serves_under_a_pin",
        "blue_green up",
        edited(is_release, lambda document: document["metadata"].pop("labels")),
    ),
    ("i29_what_was_set_aside_is_given_back_as_it_was", "blue_green, smoke", seen(with_deployment(paused=True))),
    ("i29_what_was_set_aside_is_given_back_as_it_was", "blue_green, smoke", seen(with_deployment(replicas=4))),
    (
        "i29_what_was_set_aside_is_given_back_as_it_was",
        "blue_green, smoke",
        seen(with_sets(is_stable, spec={"replicas": 1})),
    ),
    (
        "i29_what_was_set_aside_is_given_back_as_it_was",
        "blue_green, smoke",
        seen(with_sets(every, metadata={"annotations": {labels.DESIRED_REPLICAS: "4"}})),
    ),
    (
        "i29_what_was_set_aside_is_given_back_as_it_was",
        "blue_green, smoke",
        edited(is_return, lambda document: document["metadata"]["annotations"].pop(labels.DESIRED_REPLICAS)),
    ),
    (
        "i29_what_was_set_aside_is_given_back_as_it_was",
        "blue_green, smoke",
        edited(is_return, on_metadata(labels={"app": "web", labels.ASIDE_OF: None})),
    ),
    ("i29_what_was_set_aside_is_given_back_as_it_was", "blue_green, smoke", seen(pinned_to(None))),
]


@pytest.mark.parametrize(
    ("name", "course", "tamper"), [pytest.param(*case, id=f"{case[0]}-{n}") for n, case in enumerate(BROKEN)]
)
def test_a_checker_finds_what_was_broken(name: str, course: str, tamper: Tamper) -> None:
    checker = next(each for each in ALL if each.__name__ == name)
    good = unfaulted(COURSES[course]).evidence

    assert list(checker(good)) == []
    assert list(checker(tamper(good))) != []


def test_every_checker_has_a_record_that_breaks_it() -> None:
    assert {name for name, _, _ in BROKEN} == {checker.__name__ for checker in ALL}
