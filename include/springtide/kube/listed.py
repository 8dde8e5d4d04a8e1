"""Reads of many services at once: one list of each kind of each namespace, however many services stand in it.

For looks alone. What a look finds only says which runs are worth starting; a run decides by reads of its own (I-16).
So nothing can be written through it: only a dry run passes, which keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import structlog

from springtide.clock import Clock
from springtide.errors import ClusterRefused, Conflict, NotFound, SpringtideError
from springtide.kube.client import KubeClient, Right, ServerVersion
from springtide.kube.objects import Json, Kind, Version
from springtide.kube.proxy import ProxyAnswer, ProxyRequest

log = structlog.get_logger(__name__)

LISTED: Final = frozenset(
    {
        Kind.DEPLOYMENT,
        Kind.REPLICA_SET,
        Kind.STATEFUL_SET,
        Kind.ROLLOUT,
        Kind.POD,
        Kind.SERVICE,
        Kind.ENDPOINT_SLICE,
        Kind.LEASE,
        Kind.AUTOSCALER,
        Kind.SCALED_OBJECT,
        Kind.RESOURCE_QUOTA,
        Kind.DISRUPTION_BUDGET,
        Kind.VERTICAL_AUTOSCALER,
    }
)
"""Kinds of which each service has some: a list of them costs less than what is read one by one."""

FRESH_SECONDS: Final = 30.0
"""How long a list counts: looks at one namespace follow each other, and one that comes later lists anew."""

_EQUAL: Final = "="
_Pair = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What the cluster answered, or the error that it gave; `at` is when it was asked."""

    at: float
    objects: Mapping[str, Json] = field(default_factory=dict)
    labelled: Mapping[_Pair, Sequence[Json]] = field(default_factory=dict)
    error: SpringtideError | None = None


@dataclass(slots=True)
class _Place:
    """One kind in one namespace: threads that want it at once ask once."""

    lock: Lock = field(default_factory=Lock)
    answer: _Answer | None = None


class ListedKube:
    """A `KubeClient` over another one, for looks; safe to use from several threads.

    An object or a list of the kinds in `LISTED` comes from the list of its whole namespace. Such a list is a quorum
    read, as of when it was asked, at most `FRESH_SECONDS` ago. Where listing is refused, objects are read one by one.
    An error of a list counts as long as the list would: a namespace that does not answer is waited for once.
    A write that is no dry run raises `TypeError`: it would be one that no fence has passed.
    """

    def __init__(self, kube: KubeClient, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock
        self._lock = Lock()
        self._places: dict[tuple[Kind, str], _Place] = {}
        self._single: dict[tuple[Kind, str, str], tuple[float, Json | SpringtideError]] = {}
        self._rights: dict[tuple[Right, str], bool] = {}
        self._version: ServerVersion | None = None
        self._moved: set[tuple[Kind, str, str]] = set()

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return the object, as `KubeReader.get` does and with its errors."""
        if kind not in LISTED or not namespace:
            return self._get_once(kind, namespace, name)
        is_older = (kind, namespace, name) in self._moved
        answer = None if is_older else self._listed(kind, namespace)
        if answer is None:
            return self._kube.get(kind, namespace, name)
        if name not in answer.objects:
            text = f"get {kind.value} {namespace}/{name}: the list of {namespace} holds none of this name"
            raise NotFound(text, code="not_found")
        return answer.objects[name]

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return the objects, as `KubeReader.list` does and with its errors."""
        wanted = _pairs(selector)
        answer = None
        if kind in LISTED and namespace and not fields and wanted is not None:
            answer = self._listed(kind, namespace)
        if answer is None or wanted is None:
            return self._kube.list(kind, namespace, selector=selector, fields=fields)
        if not wanted:
            return list(answer.objects.values())
        found = min((answer.labelled.get(pair, ()) for pair in wanted), key=len)
        return [raw for raw in found if all(_labels(raw).get(key) == value for key, value in wanted)]

    def may(self, right: Right, namespace: str) -> bool:
        """Say whether this client has `right` in `namespace`; asked once, with the errors of `KubeReader.may`."""
        known = self._rights.get((right, namespace))
        if known is None:
            known = self._rights[right, namespace] = self._kube.may(right, namespace)
        return known

    def server_version(self) -> ServerVersion:
        """Return which Kubernetes it is; asked once, with the errors of `KubeReader.server_version`."""
        if self._version is None:
            self._version = self._kube.server_version()
        return self._version

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Send a request by way of the API server, each time anew."""
        return self._kube.ask(request)

    def create(self, kind: Kind, namespace: str, manifest: Json, *, dry_run: bool = False) -> Json:
        """Try to create the object, as `KubeClient.create` with `dry_run`."""
        _require_dry_run("create", kind, dry_run=dry_run)
        return self._kube.create(kind, namespace, manifest, dry_run=True)

    def patch(
        self, kind: Kind, namespace: str, name: str, change: Json, *, version: Version, dry_run: bool = False
    ) -> Json:
        """Try to merge `change`, as `KubeClient.patch` with `dry_run`."""
        _require_dry_run("patch", kind, dry_run=dry_run)
        try:
            return self._kube.patch(kind, namespace, name, change, version=version, dry_run=True)
        except Conflict:
            self._moved.add((kind, namespace, name))
            raise

    def scale(
        self, kind: Kind, namespace: str, name: str, replicas: int, *, version: Version, dry_run: bool = False
    ) -> None:
        """Try to set replicas, as `KubeClient.scale` with `dry_run`."""
        _require_dry_run("scale", kind, dry_run=dry_run)
        try:
            self._kube.scale(kind, namespace, name, replicas, version=version, dry_run=True)
        except Conflict:
            self._moved.add((kind, namespace, name))
            raise

    def delete(self, kind: Kind, namespace: str, name: str, *, version: Version) -> None:
        """Refuse: a look deletes nothing."""
        del namespace, name, version
        _require_dry_run("delete", kind, dry_run=False)

    def _get_once(self, kind: Kind, namespace: str, name: str) -> Json:
        now = self._clock.monotonic()
        at, known = self._single.get((kind, namespace, name), (float("-inf"), {}))
        if now - at >= FRESH_SECONDS:
            try:
                known = self._kube.get(kind, namespace, name)
            except SpringtideError as error:
                known = error
            self._single[kind, namespace, name] = (now, known)
        if isinstance(known, SpringtideError):
            raise known
        return known

    def _listed(self, kind: Kind, namespace: str) -> _Answer | None:
        """Return the list; None where it may not be listed."""
        with self._lock:
            place = self._places.setdefault((kind, namespace), _Place())
        with place.lock:
            now = self._clock.monotonic()
            if place.answer is None or now - place.answer.at >= FRESH_SECONDS:
                place.answer = self._asked(kind, namespace, now)
            error = place.answer.error
        if isinstance(error, ClusterRefused):
            return None
        if error is not None:
            raise error
        return place.answer

    def _asked(self, kind: Kind, namespace: str, now: float) -> _Answer:
        try:
            listed = self._kube.list(kind, namespace)
        except ClusterRefused as error:
            log.warning("list_refused", kind=kind.value, namespace=namespace, message=error.message)
            return _Answer(at=now, error=error)
        except SpringtideError as error:
            return _Answer(at=now, error=error)
        labelled: dict[_Pair, list[Json]] = {}
        for raw in listed:
            for pair in _labels(raw).items():
                labelled.setdefault(pair, []).append(raw)
        objects = {str(raw["metadata"]["name"]): raw for raw in listed}
        return _Answer(at=now, objects=objects, labelled=labelled)


def _require_dry_run(verb: str, kind: Kind, *, dry_run: bool) -> None:
    if not dry_run:
        raise TypeError(f"{verb} {kind.value}: a look writes nothing; only a dry run passes")


def _labels(raw: Json) -> Mapping[str, str]:
    return raw["metadata"].get("labels") or {}


def _pairs(selector: str) -> list[_Pair] | None:
    """Return the labels that `selector` wants, [] for all objects; None where it says more than equality."""
    parts = [part.strip() for part in selector.split(",")] if selector else []
    pairs = [tuple(part.split(_EQUAL, 1)) for part in parts]
    is_plain = all(len(pair) == 2 and not pair[0].endswith("!") and not pair[1].startswith(_EQUAL) for pair in pairs)  # noqa: PLR2004  a pair
    return [(pair[0], pair[1]) for pair in pairs] if is_plain else None
