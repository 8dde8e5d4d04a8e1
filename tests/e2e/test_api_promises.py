"""What springtide builds on: how the API server and the controllers answer. Measured on a real Kubernetes first.

The words are Kubernetes' own, so the embedded cluster has to say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.manifests import NAME, Json, Web

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


def test_sets_with_overlapping_selectors_stay_apart(see: Observer) -> None:
    """The ReplicaSets' own selectors carry the hash, and the hash differs because the templates do."""
    see.create("deployments", twin(see.namespace, {"set": "alt"}))
    see.until("both are served", lambda: len(see.ready_endpoints()) == 6)

    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 1}})

    see.until("two pods are gone", lambda: len(see.pods()) == 4)
    assert sum(name.startswith(f"{NAME}-alt-") for name in see.pods()) == 3
    assert len({each["metadata"]["labels"]["pod-template-hash"] for each in see.pods().values()}) == 2


def test_the_same_template_has_the_same_hash_whatever_it_is_called(see: Observer) -> None:
    """So a Service that is pinned to a hash cannot tell two sets apart whose templates are equal."""
    see.create("deployments", twin(see.namespace, {}))

    see.until("both have their pods", lambda: len(see.pods()) == 6)

    assert len({each["metadata"]["labels"]["pod-template-hash"] for each in see.pods().values()}) == 1


def test_an_orphaned_set_falls_to_the_other_deployment(see: Observer) -> None:
    """And is scaled to nothing by it: a set is never deleted with its pods left to themselves."""
    see.create("deployments", twin(see.namespace, {"set": "alt"}))
    see.until("both are served", lambda: len(see.ready_endpoints()) == 6)

    see.answer("DELETE", "deployments", f"{NAME}-alt", body={"propagationPolicy": "Orphan"})

    see.until("the orphans are gone", lambda: len(see.pods()) == 3)
    owners = {each["metadata"]["ownerReferences"][0]["name"] for each in see.objects("replicasets")}
    assert owners == {NAME}


def conditions(see: Observer, name: str) -> dict[str, Json]:
    return {each["type"]: each for each in see.get("deployments", name)["status"].get("conditions") or ()}


def is_observed(see: Observer, generation: int) -> bool:
    return bool(see.get("deployments", NAME)["status"].get("observedGeneration") == generation)


def twin(namespace: str, more: dict[str, str]) -> Json:
    """Return a second Deployment of the same pods, with `more` labels in its template and selector."""
    manifest = Web(namespace).deployment()
    manifest["metadata"]["name"] = f"{NAME}-alt"
    manifest["spec"]["template"]["metadata"]["labels"] |= more
    manifest["spec"]["selector"]["matchLabels"] |= more
    return manifest
