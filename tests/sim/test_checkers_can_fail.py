"""Each checker of an invariant is fed a record that breaks it, and says so: a checker that cannot fail proves nothing.

The records are those of good runs, with one thing in them changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from invariants import ALL, Evidence
from invariants.objects import Objects
from invariants.writes import body_of
from springtide import labels
from springtide.sandbox.history import Call, EndpointsAt, Loss
from springtide.sandbox.objects import Json
from support.courses import SUCCEEDING, Course, autoscaler, unfaulted

COURSES = {course.name: course for course in SUCCEEDING} | {
    "blue_green, smoke": Course("blue_green, smoke", "blue_green", 2, 4, problem="smoke")
}
Tamper = Callable[[Evidence], Evidence]
Chosen = Callable[[Call], bool]


DONE = {200, 201}
STABLE = unfaulted(COURSES["blue_green up"]).evidence.before.owned[0]["metadata"]["labels"][labels.POD_TEMPLATE_HASH]


def is_switch(call: Call) -> bool:
    return labels.SWITCHED_AT.encode() in call.body and b'"spec"' in call.body


def is_shrink(call: Call) -> bool:
    return "/replicasets/" in call.path and call.path.endswith("/scale")


def is_resize(call: Call) -> bool:
    return call.path.endswith("/deployments/web/scale")


def is_release(call: Call) -> bool:
    return b'"ownerReferences": null' in call.body


def is_return(call: Call) -> bool:
    return f'"{labels.ASIDE_OF}": null'.encode() in call.body


def is_delete(call: Call) -> bool:
    return call.method == "DELETE"


def is_lease_write(call: Call) -> bool:
    return bool(call.write) and "/leases" in call.path


def dropped(chosen: Chosen) -> Tamper:
    """Return the record without the calls that are chosen."""
    return lambda e: replace(e, calls=tuple(call for call in e.calls if not chosen(call)))


def edited(chosen: Chosen, edit: Callable[[Json], object], *, last: bool = False) -> Tamper:
    """Return the record with another body in the first call that is chosen, or in the last."""

    def tamper(evidence: Evidence) -> Evidence:
        call_to_edit = [call for call in evidence.calls if chosen(call) and call.status in DONE][-1 if last else 0]
        document = body_of(call_to_edit)
        edit(document)
        return swapped(evidence, call_to_edit, replace(call_to_edit, body=json.dumps(document).encode()))

    return tamper


def changed(chosen: Chosen, **changes: object) -> Tamper:
    """Return the record with other facts in the first call that is chosen."""

    def tamper(evidence: Evidence) -> Evidence:
        call_to_change = next(call for call in evidence.calls if chosen(call) and call.status in DONE)
        return swapped(evidence, call_to_change, replace(call_to_change, **changes))  # type: ignore[arg-type]  # a field's own type

    return tamper


def swapped(evidence: Evidence, old: Call, new: Call) -> Evidence:
    return replace(evidence, calls=tuple(new if call is old else call for call in evidence.calls))


def slices_of(*ready: tuple[str, ...]) -> Tamper:
    """Return the record with these ready endpoints, one after the other."""
    return lambda e: replace(e, slices=tuple(endpoints_at(number, pods) for number, pods in enumerate(ready)))


def endpoints_at(time: float, ready: tuple[str, ...]) -> EndpointsAt:
    return EndpointsAt(time=time, namespace="shop", service="web", ready=ready, serving=(), not_ready=())


def seen(edit: Callable[[Objects], Objects], *, only_first: bool = False) -> Tamper:
    """Return the record in which the workload was another at every moment, or only when the run began."""

    def tamper(evidence: Evidence) -> Evidence:
        first, *rest = (replace(each, objects=edit(each.objects)) for each in evidence.moments)
        return replace(evidence, moments=(first, *(evidence.moments[1:] if only_first else rest)))

    return tamper


def left(edit: Callable[[Objects], Objects]) -> Tamper:
    """Return the record in which the run left another workload behind."""
    return lambda e: replace(e, after=edit(e.after))


def with_deployment(**spec: object) -> Callable[[Objects], Objects]:
    """Return the workload with other fields in its Deployment."""
    return lambda o: replace(o, deployments={name: merged(each, spec=spec) for name, each in o.deployments.items()})


def with_sets(chosen: Callable[[Json], bool], **changes: Json) -> Callable[[Objects], Objects]:
    """Return the workload with other fields in the ReplicaSets that are chosen."""
    return lambda o: replace(
        o,
        replica_sets={name: merged(each, **changes) if chosen(each) else each for name, each in o.replica_sets.items()},
    )


def merged(document: Json, **changes: Json) -> Json:
    return document | {part: {**document.get(part, {}), **fields} for part, fields in changes.items()}


def pinned_to(template_hash: str | None) -> Callable[[Objects], Objects]:
    """Return the workload with its Service pinned to a set."""
    selector = {"app": "web"} | ({labels.POD_TEMPLATE_HASH: template_hash} if template_hash else {})
    return lambda o: replace(o, service=merged(o.service or {}, spec={"selector": selector}))


def twice(objects: Objects) -> Objects:
    """Return the workload with a second ReplicaSet of the same template."""
    ((name, only),) = objects.replica_sets.items()
    return replace(objects, replica_sets={name: only, "double": merged(only, metadata={"name": "double"})})


def every(_set: Json) -> bool:
    return True


def is_aside(replica_set: Json) -> bool:
    return labels.ASIDE_OF in replica_set["metadata"]["labels"]


def is_stable(replica_set: Json) -> bool:
    return replica_set["metadata"]["name"] == f"web-{STABLE}"


def still_there(evidence: Evidence) -> Evidence:
    """Return the record in which the stable set stands aside until the end."""
    aside = {name: each for at in evidence.moments for name, each in at.objects.replica_sets.items() if is_aside(each)}
    return seen(lambda o: replace(o, replica_sets=aside | o.replica_sets))(evidence)


def journal(without: str) -> Callable[[Json], None]:
    """Take a phase out of the run that a write puts into the Lease."""

    def edit(document: Json) -> None:
        annotations = document["metadata"]["annotations"]
        state = json.loads(annotations[labels.STATE])
        state["journal"] = [each for each in state["journal"] if each["phase"] != without]
        annotations[labels.STATE] = json.dumps(state)

    return edit


def forgetting(phase: str) -> Tamper:
    """Return the record in which no write to the Lease ever said that `phase` was done."""

    def tamper(evidence: Evidence) -> Evidence:
        for call in evidence.calls:
            if is_lease_write(call) and labels.STATE.encode() in call.body:
                document = body_of(call)
                journal(phase)(document)
                evidence = swapped(evidence, call, replace(call, body=json.dumps(document).encode()))
        return evidence

    return tamper


def another_owner(document: Json) -> None:
    document["spec"]["holderIdentity"] = "run-2"


def taken_up_in_a_hurry(document: Json) -> None:
    document["spec"] |= {"holderIdentity": "reconcile:run-1", "leaseTransitions": 2}


def another_snapshot(document: Json) -> None:
    annotations = document["metadata"]["annotations"]
    state = json.loads(annotations[labels.STATE])
    state["snapshot"]["replicas"] = 99
    annotations[labels.STATE] = json.dumps(state)


def without_version(document: Json) -> None:
    document["metadata"].pop("resourceVersion")


def older(document: Json) -> None:
    document["metadata"]["annotations"][labels.GENERATION] = "0"


def again(chosen: Chosen) -> Tamper:
    """Return the record with a call that got no answer, sent once more at once."""

    def tamper(evidence: Evidence) -> Evidence:
        unanswered = next(call for call in evidence.calls if chosen(call))
        at = evidence.calls.index(unanswered)
        lost = replace(unanswered, status=None, fault="answer_timeout")
        return replace(evidence, calls=(*evidence.calls[:at], lost, *evidence.calls[at:]))

    return tamper


def after_the_end(evidence: Evidence) -> Evidence:
    """Return the record in which the first write of the run is done again when it has given its Lease back."""
    first = next(call for call in evidence.calls if labels.RUN.encode() in call.body and "/leases" not in call.path)
    end = max(call.revisions[1] for call in evidence.calls) + 1
    return replace(evidence, calls=(*evidence.calls, replace(first, revisions=(end, end))))


def on_metadata(**changes: object) -> Callable[[Json], object]:
    return lambda document: document["metadata"].update(changes)


def fields(**spec: object) -> Callable[[Json], object]:
    return lambda document: document["spec"].update(spec)


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
