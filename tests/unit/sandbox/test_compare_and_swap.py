"""Who writes to an object that has changed since it was read, or that is another one by now, is refused."""

from __future__ import annotations

import pytest

from unit.sandbox.scenes import DEPLOYMENT, SCALE, SERVICE, call, read, shop

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
STRANGER = "00000000-0000-4000-a000-000000000000"


@pytest.mark.parametrize(
    ("path", "name"), [(SERVICE, 'services "checkout"'), (DEPLOYMENT, 'deployments.apps "checkout"')]
)
def test_a_patch_with_a_stale_version_is_a_conflict(path: str, name: str) -> None:
    answer = call(shop(), "PATCH", path, {"metadata": {"resourceVersion": "1"}})

    assert (answer.status, answer.json["reason"]) == (409, "Conflict")
    assert answer.json["message"] == f"Operation cannot be fulfilled on {name}: {MODIFIED}"


def test_a_patch_with_the_wrong_uid_is_invalid_and_names_the_field() -> None:
    answer = call(shop(), "PATCH", SERVICE, {"metadata": {"uid": STRANGER}})

    assert answer.status == 422
    message = f'Service "checkout" is invalid: metadata.uid: Invalid value: "{STRANGER}": field is immutable'
    assert answer.json["message"] == message
    assert [cause["field"] for cause in answer.json["details"]["causes"]] == ["metadata.uid", "metadata.uid"]


def test_the_version_is_judged_before_the_uid() -> None:
    answer = call(shop(), "PATCH", SERVICE, {"metadata": {"uid": STRANGER, "resourceVersion": "1"}})

    assert answer.status == 409


def test_a_put_checks_the_uid_as_a_precondition() -> None:
    world = shop()
    obj = read(world, SERVICE)
    obj["metadata"]["uid"] = STRANGER

    answer = call(world, "PUT", SERVICE, obj)

    assert answer.status == 409
    assert f"Precondition failed: UID in precondition: {STRANGER}" in answer.json["message"]


def test_scale_checks_the_uid_as_a_precondition_of_the_subresource() -> None:
    world = shop()
    uid = read(world)["metadata"]["uid"]

    answer = call(world, "PATCH", SCALE, {"metadata": {"uid": STRANGER}, "spec": {"replicas": 4}})

    expected = f"Precondition failed: UID in precondition: {STRANGER}, UID in object meta: {uid}"
    assert answer.status == 409
    assert answer.json["message"] == f'Operation cannot be fulfilled on deployments/scale.apps "checkout": {expected}'


def test_scale_with_the_right_version_answers_the_new_replicas_and_the_old_status() -> None:
    world = shop()
    version = read(world)["metadata"]["resourceVersion"]

    answer = call(world, "PATCH", SCALE, {"metadata": {"resourceVersion": version}, "spec": {"replicas": 5}})

    assert answer.json["spec"] == {"replicas": 5}
    assert answer.json["status"] == {"replicas": 3, "selector": "app=checkout"}
    assert answer.json["metadata"]["resourceVersion"] != version


def test_a_write_that_changes_nothing_keeps_the_version() -> None:
    world = shop()
    before = read(world, SERVICE)

    answer = call(world, "PATCH", SERVICE, {"metadata": {"resourceVersion": before["metadata"]["resourceVersion"]}})

    assert answer.json == before


def test_a_version_that_is_no_number_is_the_servers_own_error() -> None:
    answer = call(shop(), "PATCH", SERVICE, {"metadata": {"resourceVersion": "abc"}})

    assert (answer.status, answer.json["message"]) == (500, 'strconv.ParseUint: parsing "abc": invalid syntax')


def test_deletion_refuses_a_stale_version_and_a_foreign_uid() -> None:
    world = shop()
    version = read(world)["metadata"]["resourceVersion"]

    stale = call(world, "DELETE", DEPLOYMENT, {"preconditions": {"resourceVersion": "1"}})
    foreign = call(world, "DELETE", DEPLOYMENT, {"preconditions": {"uid": STRANGER}})

    assert (stale.status, foreign.status) == (409, 409)
    expected = f"the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version})"
    assert expected in stale.json["message"]
    assert "The object might have been deleted and then recreated" in foreign.json["message"]
    assert read(world)


def test_a_lease_that_was_deleted_is_made_again_by_a_put_without_uid_but_not_by_one_with() -> None:
    """Real API servers allow it for Leases: whoever holds a deleted Lease must send the uid."""
    world = shop()
    leases = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
    lease = call(world, "POST", leases, {"metadata": {"name": "run"}, "spec": {"holderIdentity": "a"}}).json
    call(world, "DELETE", f"{leases}/run")

    with_uid = call(world, "PUT", f"{leases}/run", lease)
    del lease["metadata"]["uid"]
    without = call(world, "PUT", f"{leases}/run", lease)

    assert (with_uid.status, without.status) == (409, 200)


def test_a_lease_is_never_updated_without_a_version() -> None:
    world = shop()
    leases = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
    call(world, "POST", leases, {"metadata": {"name": "run"}, "spec": {"holderIdentity": "a"}})

    answer = call(world, "PUT", f"{leases}/run", {"metadata": {"name": "run"}, "spec": {"holderIdentity": "b"}})

    assert answer.status == 422
    assert 'metadata.resourceVersion: Invalid value: "": must be specified for an update' in answer.json["message"]
