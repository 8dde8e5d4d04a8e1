"""What happened: every API call, every change of a Service's endpoints, and every time in which requests could fail."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from springtide.sandbox.endpoints import Endpoint


@dataclass(slots=True, kw_only=True)
class Call:
    """One API call.

    `number` counts all calls from 1, `write` those that may change something (0 for a read). `status` is None when no
    answer was made. `revisions` are the store's before and after; `applied` says whether it changed anything.
    """

    number: int
    write: int
    time: float
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    user_agent: str
    manager: str
    status: int | None = None
    reason: str = ""
    fault: str = ""
    revisions: tuple[int, int] = (0, 0)

    @property
    def applied(self) -> bool:
        """Whether the call changed the store."""
        return self.revisions[0] != self.revisions[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsAt:
    """A Service's endpoints from a time on, by pod name."""

    time: float
    namespace: str
    service: str
    ready: tuple[str, ...]
    serving: tuple[str, ...]  # terminating, but answering
    not_ready: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Loss:
    """A time in which new connections to a Service (namespace, name) could fail, or requests were cut."""

    service: tuple[str, str]
    since: float
    until: float | None
    why: str


@dataclass(kw_only=True)
class History:
    """Everything that an invariant can be checked on afterwards. Times are seconds since the sandbox began."""

    calls: list[Call] = field(default_factory=list)
    written: list[EndpointsAt] = field(default_factory=list)  # as the EndpointSlices say
    followed: list[EndpointsAt] = field(default_factory=list)  # as the Service's address behaves
    losses: list[Loss] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _revisions: list[int] = field(default_factory=list)

    def writes(self) -> list[Call]:
        """Return the calls that changed something."""
        return [call for call in self.calls if call.applied]

    def endpoints_written(
        self, time: float, service: tuple[str, str], by_port: Mapping[str, Iterable[Endpoint]]
    ) -> None:
        """Record the slices."""
        self.written.append(_entry(time, service, by_port))

    def endpoints_followed(
        self, time: float, service: tuple[str, str], by_port: Mapping[str, Iterable[Endpoint]]
    ) -> None:
        """Record the proxy's rules."""
        self.followed.append(_entry(time, service, by_port))

    def revision_written(self, time: float, revision: int) -> None:
        """Record when a revision came to be."""
        self._times.append(time)
        self._revisions.append(revision)

    def revision_at(self, time: float) -> int:
        """Return the newest revision at a time."""
        index = bisect_right(self._times, time)
        return self._revisions[index - 1] if index else 1

    def time_of(self, revision: int) -> float:
        """Return when a revision was written."""
        index = bisect_right(self._revisions, revision)
        return self._times[index - 1] if index else 0.0

    def least_ready(self, namespace: str, service: str, *, since: float = 0.0) -> int:
        """Return the smallest number of ready endpoints that a Service's slices showed from a time on (I-6)."""
        entries = [entry for entry in self.written if (entry.namespace, entry.service) == (namespace, service)]
        before = [entry for entry in entries if entry.time <= since]
        after = [entry for entry in entries if entry.time > since]
        # what was written last before holds at that time, too
        return min((len(entry.ready) for entry in [*before[-1:], *after]), default=0)


def _entry(time: float, service: tuple[str, str], by_port: Mapping[str, Iterable[Endpoint]]) -> EndpointsAt:
    by_pod = {endpoint.pod: endpoint for endpoints in by_port.values() for endpoint in endpoints}
    ready = {pod for pod, endpoint in by_pod.items() if endpoint.ready}
    draining = {pod for pod, endpoint in by_pod.items() if endpoint.serving and endpoint.terminating}
    serving = draining - ready
    namespace, name = service
    return EndpointsAt(
        time=time,
        namespace=namespace,
        service=name,
        ready=tuple(sorted(ready)),
        serving=tuple(sorted(serving)),
        not_ready=tuple(sorted(set(by_pod) - ready - serving)),
    )
