"""Every fault at a chosen call: what the official client notices, and what the cluster did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.world import World
from unit.sandbox.scenes import DEPLOYMENT, SCALE, call, kubernetes_client, read, scaled, shop

if TYPE_CHECKING:
    from kubernetes.client import AppsV1Api


def apps(world: World, *, retries: bool | None = False) -> AppsV1Api:
    """Return the official client's API; `retries` None leaves urllib3 its own."""
    from kubernetes.client import AppsV1Api

    client = kubernetes_client(world)
    client.rest_client.pool_manager.connection_pool_kw["retries"] = retries
    from springtide.sandbox.transport import install

    install(client, world)
    return AppsV1Api(client)


def scale(world: World, replicas: int = 5, **client: Any) -> Any:
    return apps(world, **client).patch_namespaced_deployment_scale(
        "checkout", "shop", {"spec": {"replicas": replicas}}, _request_timeout=(3, 15)
    )


def faulty(kind: FaultKind, match: Match | None = None, **numbers: Any) -> World:
    world = shop()
    world.faults = FaultPlan().at(match or Match(method="PATCH"), Fault(kind, **numbers))
    return world


def wanted(world: World) -> int:
    replicas: int = read(world)["spec"]["replicas"]
    return replicas


@pytest.mark.parametrize(
    ("kind", "error", "replicas"),
    [
        (FaultKind.REFUSED, urllib3.exceptions.NewConnectionError, 3),
        (FaultKind.RESET, urllib3.exceptions.ProtocolError, 3),
        (FaultKind.TIMEOUT, urllib3.exceptions.ReadTimeoutError, 3),
        (FaultKind.ANSWER_RESET, urllib3.exceptions.ProtocolError, 5),
        (FaultKind.ANSWER_TIMEOUT, urllib3.exceptions.ReadTimeoutError, 5),
        (FaultKind.CRASH_BEFORE, Crashed, 3),
        (FaultKind.CRASH_AFTER, Crashed, 5),
    ],
)
def test_a_write_without_an_answer(kind: FaultKind, error: type[BaseException], replicas: int) -> None:
    world = faulty(kind)

    with pytest.raises(error):
        scale(world)

    assert wanted(world) == replicas
    assert world.history.calls[-2].fault == kind


@pytest.mark.parametrize(("kind", "replicas"), [(FaultKind.STATUS, 3), (FaultKind.STATUS_AFTER, 5)])
@pytest.mark.parametrize("status", [500, 503, 504])
def test_a_server_error_may_come_before_or_after_the_effect(kind: FaultKind, replicas: int, status: int) -> None:
    from kubernetes.client.exceptions import ServiceException

    world = faulty(kind, status=status)

    with pytest.raises(ServiceException) as caught:
        scale(world)

    assert (caught.value.status, wanted(world)) == (status, replicas)


def test_429_carries_retry_after() -> None:
    from kubernetes.client import ApiException

    world = faulty(FaultKind.STATUS, status=429, retry_after=7)

    with pytest.raises(ApiException) as caught:
        scale(world)

    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "7")


def test_a_lost_answer_takes_the_clients_read_timeout() -> None:
    world = faulty(FaultKind.ANSWER_TIMEOUT)
    began = world.elapsed

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        scale(world)

    assert world.elapsed - began == pytest.approx(15, abs=0.01)


def test_a_call_without_a_timeout_is_found_out() -> None:
    world = faulty(FaultKind.ANSWER_TIMEOUT)

    with pytest.raises(RuntimeError, match="would wait for ever"):
        apps(world).patch_namespaced_deployment_scale("checkout", "shop", {"spec": {"replicas": 5}})


def test_left_to_itself_urllib3_sends_a_deletion_again() -> None:
    """The second one meets 404: with retries on, a lost answer looks like a missing object."""
    from kubernetes.client.exceptions import NotFoundException

    world = faulty(FaultKind.ANSWER_RESET, Match(method="DELETE"))

    with pytest.raises(NotFoundException):
        apps(world, retries=None).delete_namespaced_deployment("checkout", "shop")

    assert [call.method for call in world.history.calls][-2:] == ["DELETE", "DELETE"]


def test_left_to_itself_urllib3_waits_out_a_429_in_the_worlds_time() -> None:
    world = faulty(FaultKind.STATUS, Match(method="GET"), status=429, retry_after=30)
    began = world.elapsed

    apps(world, retries=None).read_namespaced_deployment("checkout", "shop")

    assert world.elapsed - began == pytest.approx(30, abs=0.1)


def test_a_stale_read_is_as_of_an_older_time() -> None:
    world = scaled(shop(), 6)
    world.advance(100)
    scaled(world, 2)
    world.faults = FaultPlan().at(Match(method="GET"), Fault(FaultKind.STALE, seconds=50))

    stale = read(world)
    fresh = read(world)

    assert (stale["spec"]["replicas"], stale["status"]["readyReplicas"]) == (6, 6)
    assert fresh["spec"]["replicas"] == 2


def test_a_write_made_from_a_stale_read_loses() -> None:
    world = scaled(shop(), 6)
    world.faults = FaultPlan().at(Match(method="GET"), Fault(FaultKind.STALE, behind=5))

    assert call(world, "PUT", DEPLOYMENT, read(world)).status == 409


def test_a_list_can_be_stale_too() -> None:
    world = shop()
    began = world.elapsed
    scaled(world, 6)
    world.faults = FaultPlan().at(Match(path="pods"), Fault(FaultKind.STALE, seconds=world.elapsed - began))

    assert len(call(world, "GET", "/api/v1/namespaces/shop/pods").json["items"]) == 3


def test_a_caller_can_stand_still_while_another_one_works() -> None:
    world = shop()

    def meanwhile() -> None:
        scaled(world, 4).advance(60)

    world.faults = FaultPlan().at(Match(number=1), Fault(FaultKind.PAUSE, meanwhile=meanwhile))
    version = world.get("deployments", "shop", "checkout")["metadata"]["resourceVersion"]  # type: ignore[index]

    answer = call(world, "PATCH", SCALE, {"metadata": {"resourceVersion": version}, "spec": {"replicas": 9}})

    assert answer.status == 409
    assert wanted(world) == 4


def test_calls_are_numbered_and_writes_apart() -> None:
    world = shop()
    read(world)
    call(world, "PATCH", SCALE, {"spec": {"replicas": 4}}, fieldManager="somebody")
    call(world, "PATCH", SCALE, {"spec": {"replicas": 4}})
    call(world, "DELETE", f"{DEPLOYMENT}-nope")

    calls = [(entry.number, entry.write, entry.method, entry.status, entry.applied) for entry in world.history.calls]
    assert calls == [
        (1, 0, "GET", 200, False),
        (2, 1, "PATCH", 200, True),
        (3, 2, "PATCH", 200, False),
        (4, 3, "DELETE", 404, False),
    ]
    assert [entry.manager for entry in world.history.calls][1:3] == ["somebody", "test"]
    assert world.history.writes() == [world.history.calls[1]]


def test_a_fault_hits_the_chosen_write_and_only_that() -> None:
    world = shop()
    world.faults = FaultPlan().at(Match(write=2), Fault(FaultKind.STATUS))

    statuses = [call(world, "PATCH", SCALE, {"spec": {"replicas": n}}).status for n in (4, 5, 6)]

    assert statuses == [200, 500, 200]


def test_a_plan_can_skip_and_repeat() -> None:
    world = shop()
    world.faults = FaultPlan().at(Match(path="scale"), Fault(FaultKind.STATUS, status=503), skip=1, times=2)

    statuses = [call(world, "GET", SCALE).status for _ in range(5)]

    assert statuses == [200, 503, 503, 200, 200]


def test_a_foreign_writer_is_named_with_the_field() -> None:
    world = shop()
    call(world, "PATCH", DEPLOYMENT, {"spec": {"replicas": 4}}, fieldManager="kubectl-scale")

    owners = {entry["manager"]: entry["fieldsV1"] for entry in read(world)["metadata"]["managedFields"]}
    assert owners["kubectl-scale"] == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owners["sandbox"]["f:spec"]
