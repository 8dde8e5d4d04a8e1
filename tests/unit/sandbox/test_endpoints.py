"""EndpointSlices follow the pods, in slices of limited size, and the Service's address follows them later."""

from __future__ import annotations

import pytest

from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import (
    LABELS,
    PODS,
    SERVICE,
    call,
    container,
    deployment,
    read,
    ready_pods,
    scaled,
    service,
    shop,
    template,
)

SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


def slices(world: World, name: str = "checkout") -> list[Json]:
    items: list[Json] = call(world, "GET", SLICES, labelSelector=f"kubernetes.io/service-name={name}").json["items"]
    return items


def endpoints(world: World, name: str = "checkout") -> dict[str, tuple[bool, bool, bool]]:
    """Return (ready, serving, terminating) by pod."""
    return {
        entry["targetRef"]["name"]: tuple(entry["conditions"][word] for word in ("ready", "serving", "terminating"))
        for endpoint_slice in slices(world, name)
        for entry in endpoint_slice["endpoints"]
    }


def url(world: World, name: str = "checkout") -> str:
    return f"http://{read(world, SERVICE.replace('checkout', name))['spec']['clusterIP']}"


def test_every_ready_pod_is_an_endpoint_on_the_target_port() -> None:
    world = shop()

    assert endpoints(world) == dict.fromkeys(ready_pods(world), (True, True, False))
    (endpoint_slice,) = slices(world)
    assert endpoint_slice["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert endpoint_slice["metadata"]["labels"]["kubernetes.io/service-name"] == "checkout"
    assert endpoint_slice["metadata"]["ownerReferences"][0]["name"] == "checkout"


def test_a_terminating_pod_serves_but_is_not_ready() -> None:
    world = shop()
    name = ready_pods(world)[0]
    call(world, "DELETE", f"{PODS}/{name}")
    world.advance(1)

    assert endpoints(world)[name] == (False, True, True)


def test_a_pod_that_is_not_ready_is_an_endpoint_that_is_not_ready() -> None:
    pods = template(None, container({"NEVER_READY": "1"}))
    plain = shop(running=deployment(1, pods=pods))
    anyway = service("checkout", publishNotReadyAddresses=True)
    world = shop(anyway, running=deployment(1, pods=pods))

    assert list(endpoints(plain).values()) == [(False, False, False)]
    assert list(endpoints(world).values()) == [(True, False, False)]


def test_a_named_target_port_is_looked_up_in_each_pod() -> None:
    named = container(ports=[{"containerPort": 8080, "name": "web"}])
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    world = shop(service(ports=ports), running=deployment(1, pods=template(None, named)))

    assert slices(world)[0]["ports"][0]["port"] == 8080
    assert world.fetch(url(world)).status == 200


def test_a_headless_service_has_slices_and_no_address() -> None:
    world = shop(service("direct", clusterIP="None"))

    assert len(endpoints(world, "direct")) == 3
    assert slices(world, "direct")[0]["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_a_service_that_selects_nothing_keeps_an_empty_slice() -> None:
    world = shop(service("lonely", {"app": "nobody"}))

    assert [endpoint_slice["endpoints"] for endpoint_slice in slices(world, "lonely")] == [[]]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_slices_are_never_larger_than_allowed_and_hold_each_pod_once(size: int) -> None:
    world = shop(settings=Settings(slice_size=size))
    for replicas in (7, 2, 5):
        scaled(world, replicas)
        held = [entry["targetRef"]["name"] for endpoint_slice in slices(world) for entry in endpoint_slice["endpoints"]]
        assert sorted(held) == sorted(ready_pods(world))
        assert max(len(endpoint_slice["endpoints"]) for endpoint_slice in slices(world)) <= size


def test_a_switch_over_several_slices_shows_a_mixture_on_the_way() -> None:
    """The selector is one write, the slices are not: who reads in between sees old and new."""
    new = template(LABELS | {"set": "new"})
    world = shop(deployment(3, name="new", pods=new), settings=Settings(slice_size=2))
    before = {endpoint_slice["metadata"]["resourceVersion"] for endpoint_slice in slices(world)}
    call(world, "PATCH", SERVICE, {"spec": {"selector": {"set": "new"}}})
    world.settle()

    mine = [entry for entry in world.history.written if entry.service == "checkout"][-3:]
    assert any(len(entry.ready) not in {3, 6} for entry in mine)
    assert set(endpoints(world)) == set(ready_pods(world, set="new"))
    assert before != {endpoint_slice["metadata"]["resourceVersion"] for endpoint_slice in slices(world)}


def test_the_address_follows_the_slices_after_the_propagation_time() -> None:
    world = shop(deployment(1, name="new", pods=template({"app": "new"})), settings=Settings(propagation=2.0))
    address = url(world)
    old = set(ready_pods(world))
    call(world, "PATCH", SERVICE, {"spec": {"selector": {"app": "new"}}})
    world.advance(1.5)

    assert set(endpoints(world)) == set(ready_pods(world, app="new"))
    assert world.fetch(address).body.split()[0] in old
    world.advance(1)
    assert world.fetch(address).body.split()[0] in ready_pods(world, app="new")


def test_new_connections_are_spread_over_all_ready_pods() -> None:
    world = shop()
    answered = {world.fetch(url(world)).body.split()[0] for _ in range(60)}

    assert answered == set(ready_pods(world))


def test_without_a_ready_endpoint_terminating_ones_still_serve() -> None:
    world = shop(running=deployment(1, pods=template(None, container({"DRAIN": "10s"}))))
    call(world, "PATCH", "/apis/apps/v1/namespaces/shop/deployments/checkout/scale", {"spec": {"replicas": 0}})
    world.advance(5)

    assert world.fetch(url(world)).status == 200


def test_without_any_endpoint_the_connection_is_refused() -> None:
    world = scaled(shop(), 0)

    with pytest.raises(ConnectionRefusedError):
        world.fetch(url(world))


def test_a_service_is_reached_by_its_name_too() -> None:
    world = shop()

    assert world.fetch("http://checkout.shop/healthz").body == "ok\n"
    assert world.fetch("http://checkout.shop.svc.cluster.local/nope").status == 404


def test_a_deleted_service_takes_its_slices_along() -> None:
    world = shop()
    call(world, "DELETE", SERVICE)
    world.settle()

    assert slices(world) == []


def test_a_slice_that_somebody_deletes_comes_back() -> None:
    world = shop()
    call(world, "DELETE", f"{SLICES}/{slices(world)[0]['metadata']['name']}")
    world.settle()

    assert len(endpoints(world)) == 3


def test_a_dual_stack_service_has_slices_of_both_families_with_every_pod() -> None:
    world = shop(service("both", ipFamilyPolicy="PreferDualStack"))
    held = {each["addressType"]: each["endpoints"] for each in slices(world, "both")}

    assert held.keys() == {"IPv4", "IPv6"}
    assert [sorted(entry["targetRef"]["name"] for entry in entries) for entries in held.values()] == [
        sorted(ready_pods(world))
    ] * 2
    assert all(":" in entry["addresses"][0] for entry in held["IPv6"])
    assert world.fetch(url(world, "both")).status == 200


def test_a_service_that_is_dual_stack_no_more_loses_the_slices_of_the_other_family() -> None:
    world = shop(service("both", ipFamilyPolicy="PreferDualStack"))
    change = {"spec": {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}}
    call(world, "PATCH", SERVICE.replace("checkout", "both"), change)
    world.settle()

    assert {each["addressType"] for each in slices(world, "both")} == {"IPv4"}
