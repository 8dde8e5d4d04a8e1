"""The embedded cluster as people and tests use it: in real time, over HTTP, its pods and Services on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from springtide.errors import PermanentError
from springtide.sandbox.core import Settings
from springtide.sandbox.messages import Request, Response, answer
from springtide.sandbox.network import Network
from springtide.sandbox.objects import Json
from springtide.sandbox.realtime import HttpRuntime, RealTime
from springtide.sandbox.runtime import Runtime
from springtide.sandbox.server import ApiServer
from springtide.sandbox.services import ServiceProxies, ports_of
from springtide.sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from springtide.clock import Clock

API_PORT: Final = 6443
SECOND_OCTETS: Final = range(96, 112)
"""Each sandbox of a machine has a 127.x.0.0/16 of its own; these are tried."""

_IMAGES: Final = "/sandbox/images/"


class Cluster:
    """A running sandbox. To be made, used and stopped in one event loop."""

    def __init__(self, clock: Clock, settings: Settings, port: int, host: str | None = None) -> None:
        """Start it; from the return on it answers.

        Raises:
            OSError: another sandbox has these addresses, or the API server's port cannot be had.
        """
        # addresses of loopback belong to nobody: this listener is what other sandboxes of the machine see
        self._claim = socket.create_server(Network(settings.second_octet).claim)
        self.world = World(settings, start=clock.now(), runtime=self._containers)
        self._time = RealTime(self.world.core.timeline, asyncio.get_running_loop())
        self._server = ApiServer(self._call, host or self.world.core.network.node, port)
        self._begin()
        # after the API server, whose port may be taken: nothing else is open then
        self._proxies = ServiceProxies(self.world.dataplane)
        self.world.store.observe(self._proxies.saw)
        self.world.store.observe(lambda _change: self._server.changed())

    @property
    def url(self) -> str:
        """The address of the API server."""
        return self._server.url

    def apply(self, *manifests: Json) -> None:
        """Create objects, or replace those that are there.

        Raises:
            ApiError: what the API server would answer.
            KeyError: a kind that is not served.
        """
        self._catch_up()
        self.world.apply(*manifests)

    def addresses(self) -> dict[str, str]:
        """Return the URL of each Service port, by namespace/name."""
        services = self.world.store.select("services")
        return {
            f"{each['metadata']['namespace']}/{each['metadata']['name']}": f"http://{each['spec']['clusterIP']}:{port}/"
            for each in services
            for port in sorted(ports_of(each))
        }

    async def stop(self) -> None:
        """End everything: nothing listens any more."""
        self._server.stop()
        self._time.stop()
        self._proxies.close()
        await self._runtime.stop()
        self._claim.close()

    def _begin(self) -> None:
        try:
            self._server.start()
        except OSError:
            self._time.stop()
            self._claim.close()
            raise

    def _containers(self, world: World) -> Runtime:
        self._runtime = HttpRuntime(world.core.timeline, world.dataplane.moved, self._catch_up)
        return self._runtime

    def _catch_up(self) -> None:
        self._time.catch_up()

    def _call(self, request: Request) -> Response:
        self._catch_up()
        return _change_images(self.world, request) if request.path.startswith(_IMAGES) else self.world.call(request)


def start_cluster(
    clock: Clock,
    settings: Settings | None = None,
    *,
    port: int = API_PORT,
    host: str | None = None,
    second_octets: Sequence[int] = SECOND_OCTETS,
) -> Cluster:
    """Start a cluster; from the return on it answers. To be called in a running event loop.

    It takes the first of the networks 127.x.0.0/16 that no other has. `host` is the API server's address, by default
    that of the network's node.

    Raises:
        PermanentError: no address could be had (`address_taken`).
    """
    for second in second_octets:
        try:
            return Cluster(clock, replace(settings or Settings(), second_octet=second), port, host)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
                raise
            last = error
    first, final = (Network(second).node for second in (second_octets[0], second_octets[-1]))
    raise PermanentError(
        f"port: {port} cannot be had on any address from {first} to {final} ({last.strerror}); "
        "stop another sandbox, or choose another port with --port.",
        code="address_taken",
        field="port",
    ) from last


def _change_images(world: World, request: Request) -> Response:
    """Add an image to the node's (PUT), or take it away (DELETE); either may be done twice."""
    name = request.path.removeprefix(_IMAGES)
    images = world.core.images
    if request.method == "PUT":
        images.add(name)
    elif request.method == "DELETE":
        images.discard(name)
    else:
        return answer({"allowed": ["PUT", "DELETE"]}, HTTPStatus.METHOD_NOT_ALLOWED)
    return answer({"images": sorted(images)})
