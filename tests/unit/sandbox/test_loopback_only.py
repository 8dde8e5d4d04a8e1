"""The sandbox listens on loopback only and sends nothing elsewhere, whatever is written to it."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from springtide.cli.main import app
from springtide.sandbox.listening import Listener
from springtide.sandbox.loopback import is_loopback
from springtide.sandbox.objects import Ref
from springtide.sandbox.world import World
from unit.sandbox.fronts import get, service
from unit.sandbox.scenes import PODS, call, namespace, ready_pods, shop
from unit.sandbox.scenes import service as a_service

ELSEWHERE = (
    "0.0.0.0",
    "10.0.0.1",
    "192.0.2.1",
    "169.254.169.254",
    "::",
    "fe80::1",
    "::ffff:10.0.0.1",
    "localhost",
    "example.com",
    "",
    "127.0.0.1 ",
    "127.1",
    "2130706433",
)
SERVICES = "/api/v1/namespaces/shop/services"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_only_a_number_of_loopback_is_one(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.96.0.1", "127.255.255.254", "::1"])
def test_all_of_loopback_is(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize("address", ELSEWHERE)
async def test_no_listener_opens_elsewhere(address: str) -> None:
    listener = Listener(asyncio.Protocol, address, [0])

    with pytest.raises(OSError, match="is not an address of loopback") as raised:
        listener.open()

    assert raised.value.errno == errno.EADDRNOTAVAIL
    assert listener.addresses == []


def slice_of(address: str, port: int = 80) -> dict[str, Any]:
    """Return an EndpointSlice as somebody may write it by hand, with nothing that is optional."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "by-hand", "namespace": "shop", "labels": {"kubernetes.io/service-name": "checkout"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [address]}],
    }


@pytest.mark.parametrize("address", [*filter(None, ELSEWHERE), "127.0.0.1", "127.96.0.1", "127.96.1.1", "127.97.200.1"])
def test_a_service_gets_no_address_but_one_of_the_sandbox(address: str) -> None:
    world = shop()
    wanted = a_service(clusterIP=address)
    wanted["metadata"]["name"] = "elsewhere"

    refused = call(world, "POST", SERVICES, wanted)

    assert refused.status == 422
    assert f"failed to allocate IP {address}: the provided IP is not in the valid range" in refused.json["message"]
    assert call(world, "GET", f"{SERVICES}/elsewhere").status == 404


@pytest.mark.parametrize("address", ["127.96.200.77", "None"])
def test_a_service_may_choose_an_address_of_the_sandbox(address: str) -> None:
    world = shop()
    wanted = a_service(clusterIP=address)
    wanted["metadata"]["name"] = "chosen"

    assert call(world, "POST", SERVICES, wanted).json["spec"]["clusterIP"] == address


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "example.com"])
async def test_a_service_passes_no_connection_on_to_elsewhere(address: str) -> None:
    async with service(lambda: (address, 80)) as (_, url):
        with pytest.raises(aiohttp.ClientError):
            await get(url)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "example.com"])
def test_the_api_asks_no_pod_elsewhere(address: str) -> None:
    world = shop()
    name = ready_pods(world)[0]
    pod = call(world, "GET", f"{PODS}/{name}").json
    world.store.put(Ref("pods", "shop", name), pod | {"status": pod["status"] | {"podIP": address}})

    asked = call(world, "GET", f"{PODS}/{name}:80/proxy/latest/meta-data/")

    assert (asked.status, asked.json["message"]) == (400, "address not allowed")


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "example.com"])
def test_a_slice_by_hand_neither_breaks_the_sandbox_nor_leads_out_of_it(address: str) -> None:
    world = World()
    unselected = a_service()
    del unselected["spec"]["selector"]
    world.apply(namespace(), unselected, slice_of(address))
    world.settle()

    asked = call(world, "GET", f"{SERVICES}/checkout:80/proxy/")

    assert (asked.status, asked.json["message"]) == (400, "address not allowed")


@pytest.mark.parametrize("host", [*filter(None, ELSEWHERE[:7]), "example.com", "::1", "127.0.0.1:6443"])
def test_the_command_line_opens_no_other_address(host: str) -> None:
    done = CliRunner().invoke(app, ["sandbox", "--host", host])

    printed = " ".join(done.stderr.split())
    assert done.exit_code == 1
    assert f"host_not_loopback: host: '{host}' is not an address of loopback such as 127.0.0.1." in printed
    assert "Whoever reaches the sandbox is its administrator" in printed
