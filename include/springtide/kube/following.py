"""One watch and what it has shown: followed, opened again where it ended, and never trusted while it is shut."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol

import structlog

from springtide.clock import Clock
from springtide.errors import ClusterRefused, ClusterUnavailable, SpringtideError
from springtide.kube.objects import Json, Kind

log = structlog.get_logger(__name__)

WATCH_SECONDS: Final = 120
"""How long a watch is asked to last. One that says nothing for longer is broken: its connection may be half open."""

SHORTEST_SECONDS: Final = 1.0
"""A watch that ends sooner is not opened again at once."""

LONGEST_PAUSE_SECONDS: Final = 30.0
"""Between two tries to open a watch that cannot be had."""

_GONE: Final = 410
_Pair = tuple[str, str]


class WatchExpired(Exception):
    """The API server does not know the changes since the version that was named (410): list again."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class WatchQuestion:
    """What one watch is of: the objects of a kind in a namespace, or those that `selector` or `fields` leaves."""

    kind: Kind
    namespace: str
    selector: str = ""
    fields: str = ""

    @property
    def is_of_one(self) -> bool:
        """Whether it is of one object by its name: its watch shows it at once, so nothing is listed."""
        return bool(self.fields)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind.value, self.namespace, self.selector, self.fields)))


class WatchesKube(Protocol):
    """A cluster that can be watched."""

    def listed(self, question: WatchQuestion) -> tuple[list[Json], str]:
        """Return all objects, and the version as of which they are; a quorum read.

        Raises:
            ClusterRefused: the right is missing.
            ClusterUnavailable: no answer in time.
        """
        ...

    def watch(self, question: WatchQuestion, version: str, seconds: int) -> Iterator[Json]:
        """Open a watch of `seconds` and return its events; from `version` on, for "" with what is there first.

        It is open when this returns. The events end when the API server ends it.

        Raises:
            WatchExpired: the version is too old, now or among the events.
            ClusterRefused: the right is missing.
            ClusterUnavailable: no answer, or no event and no end in time.
        """
        ...


class WatchedObjects:
    """What one watch has shown, by name and by label; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._objects: dict[str, Json] = {}
        self._labelled: dict[_Pair, dict[str, Json]] = {}
        self._is_live = False
        self.version = ""

    @property
    def is_live(self) -> bool:
        """Whether its connection is open, and it has shown all that is there."""
        return self._is_live

    def begin(self, listed: Iterable[Json], version: str) -> None:
        """Start over with what was listed as of `version`."""
        with self._lock:
            self._is_live = False
            self._objects = {}
            self._labelled = {}
            for each in listed:
                self._keep(each)
            self.version = version

    def go_live(self) -> None:
        """Say that its connection is open, and that it has shown all that is there."""
        self._is_live = True

    def lose(self) -> None:
        """Say that nobody knows what happens now."""
        self._is_live = False

    def saw(self, event: Json) -> None:
        """Take one event of the API server.

        Raises:
            WatchExpired: it is the end, for what comes next is not known (410).
            ClusterUnavailable: it is another error, or no event at all.
        """
        kind = event.get("type")
        found = event.get("object") or {}
        if kind == "ERROR":
            raise _error(found)
        if kind not in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"} or "metadata" not in found:
            raise ClusterUnavailable(f"a watch said {str(event)[:200]}", code="cluster_unreachable")
        with self._lock:
            if kind != "BOOKMARK":
                self._forget(str(found["metadata"]["name"]))
            if kind in {"ADDED", "MODIFIED"}:
                self._keep(found)
            self.version = str(found["metadata"].get("resourceVersion") or self.version)

    def get(self, name: str) -> Json | None:
        """Return the object of this name; None where there is none."""
        return self._objects.get(name)

    def having(self, pairs: Iterable[_Pair]) -> list[Json]:
        """Return the objects that have all these labels."""
        wanted = list(pairs)
        with self._lock:
            if not wanted:
                return list(self._objects.values())
            found = min((self._labelled.get(pair, {}) for pair in wanted), key=len)
            return [raw for raw in found.values() if set(wanted) <= _labels(raw)]

    def _keep(self, raw: Json) -> None:
        # Who wrote which field is a third of an object, and nothing that is waited for shows in it.
        raw["metadata"].pop("managedFields", None)
        name = str(raw["metadata"]["name"])
        self._objects[name] = raw
        for pair in _labels(raw):
            self._labelled.setdefault(pair, {})[name] = raw

    def _forget(self, name: str) -> None:
        raw = self._objects.pop(name, None)
        for pair in () if raw is None else _labels(raw):
            self._labelled[pair].pop(name, None)
            if not self._labelled[pair]:
                del self._labelled[pair]


@dataclass(slots=True, kw_only=True)
class WatchFollower:
    """Keeps `objects` as the cluster shows them, for as long as somebody wants that."""

    question: WatchQuestion
    kube: WatchesKube
    objects: WatchedObjects
    clock: Clock
    is_wanted: Callable[[], bool]
    on_refused: Callable[[str], None]
    seconds: int = WATCH_SECONDS
    lists_first: bool = False
    """Whether one object is listed, too: from Kubernetes 1.34 on, a watch that begins with what is there fails where
    etcd is too old to report its progress (before 3.4.31, 3.5.13)."""

    def follow(self) -> None:
        """Follow until nobody wants it any more, or watching is refused."""
        try:
            for pause in self.steps():
                if pause:
                    self.clock.sleep(pause)
        finally:  # whatever ends it, nobody may rely on what it has shown
            self.objects.lose()

    def steps(self) -> Iterator[float]:
        """Follow, a step at a time: yield after each event, with the seconds to wait before the next step."""
        failures = 0
        while self.is_wanted():
            opened = self.clock.monotonic()
            try:
                yield from self._followed()
                failures = 0 if self.clock.monotonic() - opened >= SHORTEST_SECONDS else failures + 1
            except WatchExpired:
                self.objects.version = ""
                failures += 1
            except ClusterRefused as error:
                self.on_refused(error.message)
                return
            except SpringtideError as error:
                failures += 1
                self.lists_first = self.lists_first or not self.objects.version
                if failures == 1:  # until it is open again nothing new is to be told
                    log.warning("watch_broken", watch=str(self.question), code=error.code, message=error.message)
            finally:
                self.objects.lose()
            if failures:
                yield min(LONGEST_PAUSE_SECONDS, SHORTEST_SECONDS * 2 ** (failures - 1)) * random.uniform(0.5, 1.0)  # noqa: S311  no secret

    def _followed(self) -> Iterator[float]:
        objects = self.objects
        if not objects.version:
            listed: list[Json] = []
            version = ""
            if self.lists_first or not self.question.is_of_one:
                listed, version = self.kube.listed(self.question)
            objects.begin(listed, version)
        is_whole = bool(objects.version)
        events = self.kube.watch(self.question, objects.version, self.seconds)
        if is_whole:
            objects.go_live()
        for event in events:
            objects.saw(event)
            objects.go_live()
            yield 0.0


def _error(status: Json) -> Exception:
    text = f"a watch ended with {status.get('code')}: {status.get('message')}"
    return WatchExpired(text) if status.get("code") == _GONE else ClusterUnavailable(text, code="cluster_unreachable")


def _labels(raw: Json) -> set[_Pair]:
    return set((raw["metadata"].get("labels") or {}).items())
