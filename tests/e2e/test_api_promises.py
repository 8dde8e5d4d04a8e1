"""What springtide builds on: how the API server and the controllers answer. Measured on a real Kubernetes first.

The words are Kubernetes' own, so the embedded cluster has to say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e import sets
from e2e.manifests import NAME, Json

if TYPE_CHECKING:
    from e2e.observer import Observer
    from e2e.stages import Given

STALE = "1"
STRANGER = "00000000-0000-0000-0000-000000000000"
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
PINNED = {"spec": {"selector": {"pinned": "yes"}}}


@pytest.fixture
def see(given: Given) -> Observer:
    """A namespace with three ready pods behind a Service."""
    return given.web(replicas=3).scenario.see


def judged(change: Json, **expected: str) -> Json:
    """Return a change that is to be made only to the object that was judged."""
    return {"metadata": expected} | change


def test_a_patch_with_a_stale_version_is_a_conflict(see: Observer) -> None:
    code, said = see.answer("PATCH", "services", NAME, body=judged(PINNED, resourceVersion=STALE))

    assert (code, said["reason"]) == (409, "Conflict")
    assert said["message"] == f'Operation cannot be fulfilled on services "{NAME}": {MODIFIED}'
    assert see.get("services", NAME)["spec"]["selector"] == {"app": NAME}


def test_a_patch_for_another_uid_is_invalid(see: Observer) -> None:
    code, said = see.answer("PATCH", "services", NAME, body=judged(PINNED, uid=STRANGER))

    assert (code, said["reason"]) == (422, "Invalid")
    assert said["message"].endswith(f'metadata.uid: Invalid value: "{STRANGER}": field is immutable')


def test_the_version_is_judged_before_the_uid(see: Observer) -> None:
    code, _ = see.answer("PATCH", "services", NAME, body=judged(PINNED, uid=STRANGER, resourceVersion=STALE))

    assert code == 409


def test_a_patch_that_changes_nothing_writes_nothing(see: Observer) -> None:
    before = see.get("services", NAME)

    after = see.patch("services", NAME, {"spec": {"selector": {"app": NAME}}})

    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_failed_test_of_a_json_patch_is_invalid(see: Observer) -> None:
    test = {"op": "test", "path": "/spec/selector", "value": {"app": "another"}}
    replace = {"op": "replace", "path": "/spec/selector", "value": {"pinned": "yes"}}

    code, said = see.answer("PATCH", "services", NAME, body=[test, replace])

    assert (code, said["reason"]) == (422, "Invalid")


@pytest.mark.parametrize(
    ("expected", "because"),
    [({"resourceVersion": STALE}, "the ResourceVersion in the precondition"), ({"uid": STRANGER}, "the UID in the")],
    ids=["version", "uid"],
)
def test_a_deletion_of_another_object_is_a_conflict(see: Observer, expected: Json, because: str) -> None:
    code, said = see.answer("DELETE", "deployments", NAME, body={"preconditions": expected})

    assert (code, said["reason"]) == (409, "Conflict")
    assert because in said["message"]
    assert "deletionTimestamp" not in see.get("deployments", NAME)["metadata"]


@pytest.mark.parametrize(
    ("expected", "because"),
    [({"resourceVersion": STALE}, MODIFIED), ({"uid": STRANGER}, "Precondition failed: UID in precondition")],
    ids=["version", "uid"],
)
def test_scaling_another_object_is_a_conflict(see: Observer, expected: Json, because: str) -> None:
    """Unlike with a patch of the object itself, a wrong uid is a conflict here."""
    body = judged({"spec": {"replicas": 5}}, **expected)

    code, said = see.answer("PATCH", "deployments", f"{NAME}/scale", body=body)

    assert (code, said["reason"]) == (409, "Conflict")
    assert because in said["message"]


def test_the_version_of_a_scale_is_its_deployment_s(see: Observer) -> None:
    version = see.get("deployments", NAME)["metadata"]["resourceVersion"]
    body = judged({"spec": {"replicas": 4}}, resourceVersion=version)

    code, scale = see.answer("PATCH", "deployments", f"{NAME}/scale", body=body)

    assert (code, scale["kind"], scale["spec"]["replicas"]) == (200, "Scale", 4)
    assert scale["status"]["selector"] == f"app={NAME}"


def test_a_quota_shows_in_a_condition_and_nowhere_else(given: Given, see: Observer) -> None:
    """`Progressing` stays True, and `progressDeadlineSeconds` never fires."""
    given.a_quota_of(pods=3)
    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 6}})

    see.until("the failure shows", lambda: "ReplicaFailure" in conditions(see, NAME))

    shown = conditions(see, NAME)
    message = f"is forbidden: exceeded quota: {NAME}, requested: pods=1, used: pods=3, limited: pods=3"
    assert (shown["ReplicaFailure"]["status"], shown["ReplicaFailure"]["reason"]) == ("True", "FailedCreate")
    assert shown["ReplicaFailure"]["message"].endswith(message)
    assert shown["Progressing"]["status"] == "True"


def test_a_paused_deployment_still_scales(see: Observer) -> None:
    see.patch("deployments", NAME, {"spec": {"paused": True}})
    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 5}})

    see.until("five are ready", lambda: see.get("deployments", NAME)["status"].get("readyReplicas") == 5)

    see.until("it says that it is paused", lambda: conditions(see, NAME)["Progressing"]["reason"] == "DeploymentPaused")
    assert conditions(see, NAME)["Progressing"]["status"] == "Unknown"


def test_a_paused_deployment_that_was_edited_has_no_updated_replicas(see: Observer) -> None:
    see.patch("deployments", NAME, {"spec": {"paused": True}})
    label = {"metadata": {"labels": {"edited": "yes"}}}
    edited = see.patch("deployments", NAME, {"spec": {"template": label}})

    see.until("the edit is seen", lambda: is_observed(see, edited["metadata"]["generation"]))

    status = see.get("deployments", NAME)["status"]
    assert (status["readyReplicas"], status.get("updatedReplicas", 0)) == (3, 0)
    assert len(see.objects("replicasets")) == 1


def test_a_set_that_lost_its_labels_stands_alone_and_the_deployment_makes_another(see: Observer) -> None:
    """A name that is taken is a collision: the next hash comes of a higher count, though the template is the same."""
    old = sets.release(see)
    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 6}})

    see.until("all nine serve", lambda: len(see.ready_endpoints()) == 9)
    new = sets.the_set(see)
    assert sets.sizes(see) == {sets.name_of(old): 3, sets.name_of(new): 6}
    assert len(sets.hashes([old, new])) == 2
    see.until("the six are counted", lambda: see.get("deployments", NAME)["status"].get("availableReplicas") == 6)
    status = see.get("deployments", NAME)["status"]
    assert (status["collisionCount"], status["replicas"], status["updatedReplicas"]) == (1, 6, 6)


def test_of_the_deployment_only_its_size_and_its_status_change(see: Observer) -> None:
    """Also its revision stays: who owns no set of an earlier template counts from the beginning."""
    before = see.get("deployments", NAME)
    sets.release(see)
    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 6}})
    see.until("all nine serve", lambda: len(see.ready_endpoints()) == 9)

    after = see.get("deployments", NAME)
    assert settled_part(after) == settled_part(before)
    assert after["metadata"]["annotations"][sets.REVISION] == "1"


def test_a_released_set_replaces_a_pod_that_goes(see: Observer) -> None:
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    victim = min(sets.pods_of(see, old))
    see.answer("DELETE", "pods", victim, body={"gracePeriodSeconds": 0})

    see.until("another one serves", lambda: len(sets.pods_of(see, old) - {victim}) == 3)
    assert sets.sizes(see)[sets.name_of(old)] == 3
    assert "ownerReferences" not in see.get("replicasets", sets.name_of(old))["metadata"]


def test_the_controller_takes_its_owner_reference_off_a_set_without_its_labels(see: Observer) -> None:
    old = sets.the_set(see)

    see.patch("replicasets", sets.name_of(old), {"metadata": {"labels": {"app": None}}})

    see.until("it is let go", lambda: "ownerReferences" not in see.get("replicasets", sets.name_of(old))["metadata"])


def test_an_owner_reference_that_is_taken_off_alone_comes_back(see: Observer) -> None:
    old = sets.the_set(see)

    see.patch("replicasets", sets.name_of(old), {"metadata": {"ownerReferences": None}})

    see.until("it is adopted", lambda: "ownerReferences" in see.get("replicasets", sets.name_of(old))["metadata"])
    assert sets.sizes(see) == {sets.name_of(old): 3}


def test_the_second_release_is_the_second_collision(see: Observer) -> None:
    first = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    second = sets.release(see)
    see.until("all three serve", lambda: len(see.ready_endpoints()) == 9)

    third = sets.the_set(see)
    assert see.get("deployments", NAME)["status"]["collisionCount"] == 2
    assert len(sets.hashes([first, second, third])) == 3


def test_a_set_with_its_labels_back_is_the_new_one_again_and_the_younger_goes(see: Observer) -> None:
    """Of two sets of the Deployment's template the oldest counts."""
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    younger = sets.the_set(see)

    sets.hand_back(see, old)

    see.until("three are left", lambda: len(see.pods()) == 3)
    assert sets.sizes(see) == {sets.name_of(old): 3, sets.name_of(younger): 0}
    adopted = see.get("replicasets", sets.name_of(old))["metadata"]
    assert adopted["ownerReferences"][0]["uid"] == see.get("deployments", NAME)["metadata"]["uid"]
    assert adopted["annotations"][sets.REVISION] == "2"


def test_a_release_after_a_way_back_takes_up_the_younger_set_and_is_no_collision(see: Observer) -> None:
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    sets.hand_back(see, old)
    see.until("three are left", lambda: len(see.pods()) == 3)
    names = set(sets.sizes(see))

    labels = dict.fromkeys(old["metadata"]["labels"])
    see.patch("replicasets", sets.name_of(old), {"metadata": {"labels": labels, "ownerReferences": None}})

    see.until("both serve again", lambda: len(see.ready_endpoints()) == 6)
    assert sets.sizes(see) == dict.fromkeys(names, 3)
    assert see.get("deployments", NAME)["status"]["collisionCount"] == 1


def test_a_paused_deployment_makes_no_set_in_place_of_one_that_went(see: Observer) -> None:
    pause(see)
    old = sets.release(see)
    edited = see.patch("deployments", NAME, {"spec": {"replicas": 6}})

    see.until("the edit is seen", lambda: is_observed(see, edited["metadata"]["generation"]))
    assert sets.sizes(see) == {sets.name_of(old): 3}
    pause(see, paused=False)
    see.until("all nine serve", lambda: len(see.ready_endpoints()) == 9)


def test_a_paused_deployment_without_pods_scales_the_youngest_of_its_history(see: Observer) -> None:
    """So a set is never released under a pause: an earlier version would come in its place."""
    edit(see, "2")
    see.until("it is rolled out", lambda: sets.revisions(see) == {"1": 0, "2": 3} and len(see.pods()) == 3)
    pause(see)
    young = next(each for each in see.objects("replicasets") if each["metadata"]["annotations"][sets.REVISION] == "2")
    labels = dict.fromkeys(young["metadata"]["labels"])

    see.patch("replicasets", sets.name_of(young), {"metadata": {"labels": labels, "ownerReferences": None}})

    see.until("the older one has grown", lambda: sets.revisions(see) == {"1": 3, "2": 3})


def test_a_paused_deployment_shares_its_size_out_over_two_owned_sets(see: Observer) -> None:
    """Three and one surge pod over two sets of three: the older one, which may be serving, gives."""
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    younger = sets.the_set(see)
    pause(see)
    edit(see, "2")

    sets.hand_back(see, old)

    shared = {sets.name_of(old): 1, sets.name_of(younger): 3}
    see.until("it is shared out", lambda: sets.sizes(see) == shared)


def test_a_resumed_deployment_takes_a_set_back_without_being_short(see: Observer) -> None:
    """The set is then one of an earlier template in an ordinary rollout."""
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    edit(see, "2")
    see.until("the edit is rolled out", lambda: sorted(sets.sizes(see).values()) == [0, 3, 3])
    see.until("it serves", lambda: len(see.ready_endpoints()) == 6)
    fewest = 6

    def is_over() -> bool:
        nonlocal fewest
        fewest = min(fewest, len(see.ready_endpoints()))
        return sets.sizes(see)[sets.name_of(old)] == 0 and len(see.pods()) == 3

    sets.hand_back(see, old)

    see.until("only the edit is left", is_over)
    assert fewest >= 3


def test_a_template_that_is_changed_under_a_pause_waits_for_its_end(see: Observer) -> None:
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    pause(see)
    edited = edit(see, "2")
    see.until("the edit is seen", lambda: is_observed(see, edited["metadata"]["generation"]))
    assert sorted(sets.sizes(see).values()) == [3, 3]

    pause(see, paused=False)

    see.until("it is rolled out", lambda: sorted(sets.sizes(see).values()) == [0, 3, 3])
    assert sets.sizes(see)[sets.name_of(old)] == 3
    assert see.get("deployments", NAME)["status"]["collisionCount"] == 1


@pytest.mark.parametrize(
    ("expected", "because"),
    [({"resourceVersion": STALE}, MODIFIED), ({"uid": STRANGER}, "Precondition failed: UID in precondition")],
    ids=["version", "uid"],
)
def test_scaling_another_set_is_a_conflict(see: Observer, expected: Json, because: str) -> None:
    name = sets.name_of(sets.release(see))

    code, said = see.answer("PATCH", "replicasets", f"{name}/scale", body=judged({"spec": {"replicas": 1}}, **expected))

    assert (code, said["reason"]) == (409, "Conflict")
    assert because in said["message"]
    assert sets.sizes(see)[name] == 3


def test_a_released_set_is_scaled_and_deleted_with_its_pods(see: Observer) -> None:
    old = sets.release(see)
    name = sets.name_of(old)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)
    _, scale = see.answer("GET", "replicasets", f"{name}/scale", body={})
    scale["spec"]["replicas"] = 1
    code, scaled = see.answer("PUT", "replicasets", f"{name}/scale", body=scale)

    assert (code, scaled["kind"], scaled["spec"]["replicas"]) == (200, "Scale", 1)
    see.until("one is left", lambda: len(sets.pods_of(see, old)) == 1)
    see.answer("DELETE", "replicasets", name, body={"propagationPolicy": "Background"})
    see.until("none is left", lambda: len(see.pods()) == 3)
    assert name not in sets.sizes(see)


def test_a_released_set_outlives_its_deployment(see: Observer) -> None:
    old = sets.release(see)
    see.until("both serve", lambda: len(see.ready_endpoints()) == 6)

    see.answer("DELETE", "deployments", NAME, body={"propagationPolicy": "Background"})

    see.until("the others are gone", lambda: len(see.pods()) == 3)
    assert sets.sizes(see) == {sets.name_of(old): 3}


def pause(see: Observer, *, paused: bool = True) -> None:
    """Pause or resume, and wait until the controller has seen it."""
    generation = see.patch("deployments", NAME, {"spec": {"paused": paused}})["metadata"]["generation"]
    see.until("the pause is seen", lambda: is_observed(see, generation))


def edit(see: Observer, version: str) -> Json:
    """Change the template."""
    return see.patch("deployments", NAME, {"spec": {"template": {"metadata": {"annotations": {"version": version}}}}})


def settled_part(deployment: Json) -> Json:
    """Return what nobody but the Deployment's owner is to change."""
    passing = {"generation", "managedFields", "resourceVersion"}
    metadata = {key: value for key, value in deployment["metadata"].items() if key not in passing}
    spec = {key: value for key, value in deployment["spec"].items() if key != "replicas"}
    rest = {key: value for key, value in deployment.items() if key not in {"metadata", "spec", "status"}}
    return rest | {"metadata": metadata, "spec": spec}


def conditions(see: Observer, name: str) -> dict[str, Json]:
    return {each["type"]: each for each in see.get("deployments", name)["status"].get("conditions") or ()}


def is_observed(see: Observer, generation: int) -> bool:
    return bool(see.get("deployments", NAME)["status"].get("observedGeneration") == generation)
