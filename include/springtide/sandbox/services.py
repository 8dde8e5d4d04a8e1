"""Every Service of the cluster as TCP addresses: opened and closed as the Services come and go."""

from __future__ import annotations

import logging
from functools import partial

from springtide.sandbox.dataplane import Dataplane
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.proxy import ServiceProxy
from springtide.sandbox.store import Change

_NEEDS_ROOT = 1024  # ports below this are refused to ordinary users
_log = logging.getLogger(__name__)


class ServiceProxies:
    """The proxies of all Services with a cluster IP. To be made and used in a running event loop."""

    def __init__(self, dataplane: Dataplane) -> None:
        self._dataplane = dataplane
        self._open: dict[Ref, dict[int, ServiceProxy]] = {}

    def saw(self, change: Change) -> None:
        """Follow a change of a Service."""
        if change.ref.resource != "services":
            return
        wanted = ports_of(change.object) if change.type != "DELETED" else set()
        proxies = self._open.setdefault(change.ref, {})
        for port in set(proxies) - wanted:
            proxies.pop(port).stop()
        for port in wanted - set(proxies):
            self._begin(change.ref, change.object["spec"]["clusterIP"], port)
        if not proxies:
            del self._open[change.ref]

    def close(self) -> None:
        """Refuse all connections and break those that there are."""
        for proxies in self._open.values():
            for proxy in proxies.values():
                proxy.close()
        self._open.clear()

    def _begin(self, ref: Ref, address: str, port: int) -> None:
        proxy = ServiceProxy(address, port, partial(self._dataplane.pick, (ref.namespace, ref.name), port))
        try:
            proxy.start()
        except OSError as error:  # the Service exists all the same; only nobody reaches it from outside
            hint = f" Ports below {_NEEDS_ROOT} need root." if port < _NEEDS_ROOT else ""
            _log.warning("Service %s/%s: cannot listen on %s:%d: %s.%s", *ref[1:], address, port, error.strerror, hint)
            return
        self._open[ref][port] = proxy


def ports_of(service: Json) -> set[int]:
    """Return the TCP ports on which a Service is reached at its cluster IP."""
    spec = service["spec"]
    if spec.get("clusterIP") in {None, "", "None"}:
        return set()
    return {port["port"] for port in spec.get("ports", ()) if port.get("protocol", "TCP") == "TCP"}
