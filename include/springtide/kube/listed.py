"""Reads of many services at once: one list of each kind of each namespace, however many services stand in it.

For looks alone. What a look finds only says which runs are worth starting; a run decides by reads of its own (I-16).
So nothing can be written through it, not even for show.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NoReturn

import structlog

from springtide.clock import Clock
from springtide.errors import ClusterRefused, NotFound, SpringtideError
from springtide.kube.client import KubeClient, Right, ServerVersion
from springtide.kube.objects import Json, Kind
from springtide.kube.proxy import ProxyAnswer, ProxyRequest
from springtide.kube.selectors import equality_pairs

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
    }
)
"""Kinds that a look reads, and of which each service has some: a list costs less than reading them one by one."""

FRESH_SECONDS: Final = 30.0
"""How long the lists of a namespace count, from its first one on: then all of them are made anew, together."""

_Pair = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class _Answer:
    """What the cluster answered, or the error that it gave."""

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

    In `namespaces`, an object or a list of the kinds in `LISTED` comes from the list of its whole namespace: a quorum
    read, as of when it was asked, at most `FRESH_SECONDS` ago. Elsewhere, where a list would hold more than is wanted,
    and where listing is refused, objects are read one by one. An error of a list counts as long as the list would: a
    namespace that does not answer is waited for once. Every write raises `TypeError`: no fence has passed it.
    """

    def __init__(self, kube: KubeClient, clock: Clock, namespaces: Collection[str]) -> None:
        self._kube = kube
        self._clock = clock
        self._namespaces = frozenset(namespaces)
        self._lock = Lock()
        self._begun: dict[str, float] = {}
        self._places: dict[tuple[str, Kind], _Place] = {}
        self._single: dict[tuple[Kind, str, str], tuple[float, Json | SpringtideError]] = {}
        self._rights: dict[tuple[Right, str], bool] = {}
        self._refused: set[tuple[str, Kind]] = set()
        self._version: ServerVersion | None = None

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return the object, as `KubeReader.get` does and with its errors."""
        if kind not in LISTED:
            return self._get_once(kind, namespace, name)
        answer = self._listed(kind, namespace)
        if answer is None:
            return self._kube.get(kind, namespace, name)
        if name not in answer.objects:
            text = f"get {kind.value} {namespace}/{name}: the list of {namespace} holds none of this name"
            raise NotFound(text, code="not_found")
        return answer.objects[name]

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return the objects, as `KubeReader.list` does and with its errors."""
        wanted = equality_pairs(selector)
        answer = None if fields or wanted is None else self._listed(kind, namespace)
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

    def create(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        _refuse("create")

    def patch(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        _refuse("patch")

    def scale(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        _refuse("scale")

    def delete(self, *_: object, **__: object) -> NoReturn:
        """Refuse."""
        _refuse("delete")

    def forget(self, namespace: str) -> None:
        """Let go of what was listed in `namespace`: thousands of pods, when nobody looks there any more."""
        with self._lock:
            self._drop(namespace)

    def _drop(self, namespace: str) -> None:
        self._begun.pop(namespace, None)
        self._places = {key: place for key, place in self._places.items() if key[0] != namespace}

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
        """Return the list; None where none is made, or it may not be."""
        if kind not in LISTED or namespace not in self._namespaces:
            return None
        place = self._place(kind, namespace)
        with place.lock:
            if place.answer is None:
                place.answer = self._asked(kind, namespace)
            error = place.answer.error
        if isinstance(error, ClusterRefused):
            return None
        if error is not None:
            raise error
        return place.answer

    def _place(self, kind: Kind, namespace: str) -> _Place:
        now = self._clock.monotonic()
        with self._lock:
            # All of them: pods of now beside endpoints of before would look as if they did not serve.
            if now - self._begun.get(namespace, now) >= FRESH_SECONDS:
                self._drop(namespace)
            self._begun.setdefault(namespace, now)
            return self._places.setdefault((namespace, kind), _Place())

    def _asked(self, kind: Kind, namespace: str) -> _Answer:
        try:
            listed = self._kube.list(kind, namespace)
        except ClusterRefused as error:
            if (namespace, kind) not in self._refused:
                log.warning("list_refused", kind=kind.value, namespace=namespace, message=error.message)
            self._refused.add((namespace, kind))
            return _Answer(error=error)
        except SpringtideError as error:
            return _Answer(error=error)
        labelled: dict[_Pair, list[Json]] = {}
        for raw in listed:
            for pair in _labels(raw).items():
                labelled.setdefault(pair, []).append(raw)
        objects = {str(raw["metadata"]["name"]): raw for raw in listed}
        return _Answer(objects=objects, labelled=labelled)


def _refuse(verb: str) -> NoReturn:
    raise TypeError(f"{verb}: a look writes nothing")


def _labels(raw: Json) -> Mapping[str, str]:
    return raw["metadata"].get("labels") or {}
