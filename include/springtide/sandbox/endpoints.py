"""The endpoints of a Service, as its EndpointSlices hold them."""

from __future__ import annotations

from dataclasses import dataclass

from springtide.sandbox.objects import Json

Address = tuple[str, int]
"""The IP address and the port of a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of a Service port, as the proxy knows it."""

    pod: str
    address: Address
    ready: bool
    serving: bool
    terminating: bool
    node: str = ""


def endpoints_of(slices: list[Json]) -> dict[str, tuple[Endpoint, ...]]:
    """Return the endpoints of a Service by port name; a pod that two slices hold counts once, ready if any says so.

    Those of IPv4 alone: requests go to the IPv4 address of a Service.
    """
    by_port: dict[str, dict[Address, Endpoint]] = {}
    for endpoint_slice in (each for each in slices if each.get("addressType") != "IPv6"):
        # a port without a number stands for every one, which nobody can be sent to
        for port in (each for each in endpoint_slice.get("ports") or () if each.get("port")):
            known = by_port.setdefault(port.get("name", ""), {})
            for entry in endpoint_slice.get("endpoints") or ():
                endpoint = _endpoint(entry, port["port"])
                before = known.get(endpoint.address)
                # in the middle of several writes a pod may stand in its old slice and in its new one
                if before is None or endpoint.ready:
                    known[endpoint.address] = endpoint
    return {name: tuple(known.values()) for name, known in by_port.items()}


def _endpoint(entry: Json, port: int) -> Endpoint:
    conditions = entry.get("conditions") or {}
    # What somebody wrote by hand may leave anything out; the API says what it means then.
    ready = conditions.get("ready", True)
    return Endpoint(
        pod=(entry.get("targetRef") or {}).get("name", ""),
        address=(entry["addresses"][0], port),
        ready=ready,
        serving=conditions.get("serving", ready),
        terminating=conditions.get("terminating", False),
        node=entry.get("nodeName", ""),
    )
