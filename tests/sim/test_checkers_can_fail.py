"""Each checker of an invariant is fed a record that breaks it, and says so: a checker that cannot fail proves nothing.

The records are those of good runs, with one thing in them changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from invariants import ALL, Evidence
from invariants.evidence import body
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


def is_switch(call: Call) -> bool:
    return labels.SWITCHED_AT.encode() in call.body and b'"spec"' in call.body


def is_shrink(call: Call) -> bool:
    return call.path.endswith("/deployments/web/scale")


def is_create(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith("/deployments")


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
        document = body(call_to_edit)
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
                document = body(call)
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


def fields(**spec: object) -> Callable[[Json], object]:
    return lambda document: document["spec"].update(spec)


BROKEN: list[tuple[str, str, Tamper]] = [
    ("i01_one_owner", "in_place up", edited(is_lease_write, another_owner, last=True)),
    ("i02_every_write_is_fenced", "blue_green up", dropped(lambda call: call.path.endswith("/leases/springtide-web"))),
    ("i02_every_write_is_fenced", "blue_green up", edited(is_switch, older)),
    ("i03_no_living_run_is_preempted", "blue_green up", edited(is_lease_write, taken_up_in_a_hurry, last=True)),
    ("i04_every_change_is_compare_and_swap", "blue_green up", edited(is_switch, without_version)),
    ("i04_every_change_is_compare_and_swap", "in_place up", edited(is_lease_write, without_version, last=True)),
    ("i05_a_switch_never_lowers_capacity", "blue_green up", slices_of(("a", "b"), ("c",))),
    ("i06_the_floor_holds_at_every_instant", "blue_green up", slices_of(("a", "b"), ("b",))),
    (
        "i06_the_floor_holds_at_every_instant",
        "blue_green up",
        lambda e: replace(e, losses=(Loss(service=("shop", "web"), since=1.0, until=2.0, why="no endpoint"),)),
    ),
    ("i07_old_pods_stay_until_the_new_ones_serve_alone", "blue_green up", changed(is_shrink, time=0.0)),
    ("i08_the_order_is_fixed", "blue_green up", forgetting("instances_ready")),
    ("i08_the_order_is_fixed", "in_place down", forgetting("smoke_test")),
    ("i09_what_drains_gets_its_time", "blue_green up", changed(is_shrink, time=0.0)),
    ("i10_never_more_than_a_step_at_once", "blue_green down", edited(is_shrink, fields(replicas=0))),
    ("i10_never_more_than_a_step_at_once", "blue_green up", dropped(is_shrink)),
    ("i10_never_more_than_a_step_at_once", "in_place down", slices_of(("a",))),
    ("i11_the_stable_set_is_whole_until_the_smoke_test_passed", "blue_green up", forgetting("smoke_test")),
    ("i12_only_own_fields_are_written_and_all_are_given_back", "blue_green up", edited(is_switch, fields(ports=[]))),
    (
        "i12_only_own_fields_are_written_and_all_are_given_back",
        "blue_green, smoke",
        lambda e: replace(e, before=replace(e.before, deployments={})),
    ),
    ("i13_the_snapshot_stands_before_the_first_write", "in_place up", dropped(is_lease_write)),
    (
        "i13_the_snapshot_stands_before_the_first_write",
        "in_place up",
        edited(is_lease_write, another_snapshot, last=True),
    ),
    (
        "i14_names_are_the_two_fixed_ones",
        "blue_green up",
        edited(is_create, lambda document: document["metadata"].update(name="web-copy")),
    ),
    ("i15_an_unknown_outcome_is_read_never_resent", "blue_green up", again(is_switch)),
    ("i16_every_write_follows_a_look", "blue_green up", dropped(lambda call: call.path.endswith("/pods"))),
    (
        "i18_an_autoscaler_keeps_the_replicas",
        "in_place up",
        lambda e: replace(e, before=replace(e.before, autoscalers={"web": autoscaler(2)})),
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
    ("i23_no_more_pods_than_were_ordered", "in_place up", edited(is_shrink, fields(replicas=5))),
    ("i24_what_serves_is_never_removed", "blue_green up", dropped(is_switch)),
    (
        "i26_every_end_is_a_known_state",
        "in_place up",
        edited(is_lease_write, fields(holderIdentity="run-1"), last=True),
    ),
    (
        "i26_every_end_is_a_known_state",
        "blue_green up",
        lambda e: replace(e, after=replace(e.after, deployments={"web": {"spec": {"paused": True}}})),
    ),
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
