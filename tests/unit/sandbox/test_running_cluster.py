"""The whole sandbox in real time, in the test's event loop: API, pods and Services over sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from springtide.clock import SystemClock
from springtide.errors import PermanentError
from springtide.sandbox.cluster import API_PORT, Cluster, start_cluster
from springtide.sandbox.core import Settings
from springtide.sandbox.network import Network
from unit.sandbox.fronts import get, settled
from unit.sandbox.scenes import container, deployment, namespace, service, template

FAST = Settings(start=0.01, notice=0.01, reaction=0.001, propagation=0.01, gone=0.01)
UNUSED = (120, 121)
"""Networks that no sandbox takes by itself: what a test does to them, those of other workers do not meet."""
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


def reachable() -> dict[str, Any]:
    """Return the Service on a port that needs no root."""
    return service(ports=[{"name": "http", "port": 8080, "targetPort": 8080}])


@asynccontextmanager
async def running(*manifests: dict[str, Any]) -> AsyncIterator[Cluster]:
    cluster = start_cluster(SystemClock(), FAST)
    try:
        cluster.apply(namespace(), *manifests)
        yield cluster
    finally:
        await cluster.stop()
        await settled()


async def answer(url: str) -> tuple[int, str]:
    """Return the first answer of a Service: until it has endpoints, connections are reset."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await get(url)
            except aiohttp.ClientError:
                await asyncio.sleep(0.01)


async def test_a_service_answers_from_its_pods() -> None:
    async with running(deployment(2), reachable()) as cluster:
        status, body = await answer(cluster.addresses()["shop/checkout"])

    assert (status, body.split("-")[0]) == (200, "checkout")


async def test_a_probe_of_a_named_port_is_sent_to_its_number() -> None:
    ports = [{"name": "http", "containerPort": 8080}]
    probe = {"httpGet": {"path": "/readiness", "port": "http"}, "periodSeconds": 1}
    named = template(None, container(ports=ports, readinessProbe=probe))
    async with running(deployment(1, pods=named), reachable()) as cluster:
        status, _ = await answer(cluster.addresses()["shop/checkout"])

    assert status == 200


async def test_the_api_shows_the_state_over_http() -> None:
    async with running(deployment(2), reachable()) as cluster, aiohttp.ClientSession() as session:
        await answer(cluster.addresses()["shop/checkout"])
        async with session.get(f"{cluster.url}{DEPLOYMENTS}/checkout") as response:
            shown = await response.json()

    assert shown["spec"]["replicas"] == 2


async def test_a_watch_sees_what_is_written_after_it_began() -> None:
    watch = f"{DEPLOYMENTS}?watch=true&timeoutSeconds=60"
    async with (
        running() as cluster,
        aiohttp.ClientSession() as session,
        session.get(f"{cluster.url}{watch}") as stream,
        asyncio.timeout(60),
    ):
        cluster.apply(deployment(1))
        line = await stream.content.readline()

    assert b'"ADDED"' in line


async def test_a_deleted_service_refuses_connections() -> None:
    async with running(deployment(1), reachable()) as cluster, aiohttp.ClientSession() as session:
        url = cluster.addresses()["shop/checkout"]
        await answer(url)
        async with session.delete(f"{cluster.url}/api/v1/namespaces/shop/services/checkout") as deleted:
            assert deleted.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(url)


async def test_images_come_and_go() -> None:
    async with running() as cluster, aiohttp.ClientSession() as session:
        url = f"{cluster.url}/sandbox/images/localhost%2Fweb:new"
        async with session.put(url) as put:
            had = (await put.json())["images"]
        async with session.delete(url) as deleted:
            has = (await deleted.json())["images"]
        async with session.get(url) as asked:
            refused = asked.status

    assert ("localhost/web:new" in had, "localhost/web:new" in has, refused) == (True, False, 405)


async def test_stopped_nothing_of_it_listens() -> None:
    async with running(deployment(1), reachable()) as cluster:
        url = cluster.addresses()["shop/checkout"]
        api = cluster.url
        await answer(url)
    for each in (url, api):
        with pytest.raises(aiohttp.ClientConnectorError):
            await get(each)


@pytest.mark.parametrize("port", [API_PORT, API_PORT + 1])
async def test_each_sandbox_of_a_machine_has_addresses_of_its_own(port: int) -> None:
    async with running(reachable()) as first:
        another = start_cluster(SystemClock(), FAST, port=port)
        try:
            another.apply(namespace(), reachable())
            assert not set(first.addresses().values()) & set(another.addresses().values())
        finally:
            await another.stop()


async def test_without_free_addresses_it_says_what_to_do() -> None:
    claims = [socket.create_server(Network(second).claim) for second in UNUSED]
    try:
        with pytest.raises(PermanentError, match="choose another port with --port"):
            start_cluster(SystemClock(), FAST, second_octets=UNUSED)
    finally:
        for claim in claims:
            claim.close()


async def test_a_port_that_is_taken_everywhere_leaves_nothing_behind() -> None:
    taken = [socket.create_server((Network(second).node, 6499)) for second in UNUSED]
    try:
        with pytest.raises(PermanentError, match="6499"):
            start_cluster(SystemClock(), FAST, port=6499, second_octets=UNUSED)
    finally:
        for each in taken:
            each.close()
    cluster = start_cluster(SystemClock(), FAST, port=6499, second_octets=UNUSED)
    await cluster.stop()
    await settled()


async def test_the_api_server_asks_pods_and_services_in_its_clients_place() -> None:
    pods = "/api/v1/namespaces/shop/pods"
    async with running(deployment(1), reachable()) as cluster:
        await answer(cluster.addresses()["shop/checkout"])
        pod = cluster.world.pods("shop")[0]["metadata"]["name"]
        by_pod = await get(f"{cluster.url}{pods}/{pod}:8080/proxy")
        by_service = await get(f"{cluster.url}/api/v1/namespaces/shop/services/checkout:http/proxy/healthz?deep=yes")
        unknown = await get(f"{cluster.url}{pods}/{pod}:8080/proxy/nothing")
        closed = await get(f"{cluster.url}{pods}/{pod}:8081/proxy/")
        plain = await get(f"{cluster.url}{pods}/https:{pod}:8080/proxy/")

    assert by_pod == (200, f"{pod} \n")
    assert by_service == (200, "ok\n")
    assert unknown == (404, "404 page not found\n")
    assert closed[0] == plain[0] == 503
    assert "connect: connection refused" in closed[1]
    assert "TLS handshake" in plain[1]
