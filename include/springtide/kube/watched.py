"""What watches show: a reader that sends nothing, and only ever says whether a look is worth its requests.

Nobody decides by it (I-16, I-20). A wait that would look, find nothing and wait on asks here first; whatever it does
not know, or cannot vouch for, is `NotWatched`, and then the wait looks as if nothing were watched at all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock, Thread
from typing import Final, NoReturn, Protocol

import structlog

from springtide.clock import Clock
from springtide.errors import NotFound
from springtide.kube.client import KubeReader, Right, ServerVersion
from springtide.kube.following import WatchedObjects, WatchesKube, WatchFollower, WatchQuestion
from springtide.kube.objects import Json, Kind
from springtide.kube.proxy import ProxyAnswer, ProxyRequest
from springtide.kube.selectors import equality_pairs

log = structlog.get_logger(__name__)

UNWANTED_SECONDS: Final = 60.0
"""After this long without a question a watch is not opened again: whoever waited has gone."""

AGAIN_SECONDS: Final = 30.0
"""How long a watch that broke off for a reason that nobody foresaw is left alone."""

REFUSED_SECONDS: Final = 600.0
"""How long nothing is watched in a namespace whose Role does not let it."""


class NotWatched(LookupError):
    """No watch shows it, or not well enough to rely on: look."""


class Watched(KubeReader, Protocol):
    """What watches show; every read but `get` and `list` raises `NotWatched`, and so do they where they do not know."""

    @property
    def trusted(self) -> timedelta:
        """How long a wait may go by it alone, before it looks whatever the watches show."""
        ...

    def noting(self, kube: KubeReader) -> KubeReader:
        """Return `kube` whose reads are noted: they are what will be asked of the watches, and opened together."""
        ...


@dataclass(slots=True, kw_only=True)
class _Followed:
    """One watch: what it has shown, who reads it, and when it was begun and asked for last."""

    objects: WatchedObjects
    began: float
    asked: float
    thread: Thread | None = None

    @property
    def is_over(self) -> bool:
        return self.thread is not None and not self.thread.is_alive()


class WatchedKube:
    """`Watched` over a cluster: a thread and a connection for each watch, `at_most` so many; safe for several threads.

    A watch is of what one read asks for. With `is_wide` it is of a whole namespace, for a process that waits for many
    workloads there. In a process that was forked off this one nothing is watched: a connection is never shared.
    """

    def __init__(
        self, kube: WatchesKube, clock: Clock, *, trusted: timedelta, at_most: int, is_wide: bool = False
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._trusted = trusted
        self._at_most = at_most
        self._is_wide = is_wide
        self._process = os.getpid()
        self._lock = Lock()
        self._followed: dict[WatchQuestion, _Followed] = {}
        self._noted: dict[str, dict[WatchQuestion, None]] = {}
        self._refused: dict[str, float] = {}
        self._is_full = False
        self._is_stopped = False

    @property
    def trusted(self) -> timedelta:
        """How long a wait may go by it alone (see `Watched.trusted`)."""
        return self._trusted

    def noting(self, kube: KubeReader) -> KubeReader:
        """Return `kube` whose reads are noted (see `Watched.noting`)."""
        return _NotedKube(kube, self)

    def note(self, question: WatchQuestion) -> None:
        """Note what a look has asked."""
        with self._lock:
            self._noted.setdefault(question.namespace, {})[question] = None

    def stop(self) -> None:
        """Watch nothing any more: what is open is not opened again, and its thread ends then."""
        self._is_stopped = True

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Return the object as its watch shows it.

        Raises:
            NotFound: the watch shows that there is none.
            NotWatched: no watch shows it.
        """
        found = self._shown(self.named(kind, namespace, name)).get(name)
        if found is None:
            raise NotFound(f"get {kind.value} {namespace}/{name}: its watch shows none", code="not_found")
        return found

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        """Return the objects as their watch shows them.

        Raises:
            NotWatched: no watch shows them.
        """
        wanted = equality_pairs(selector)
        if fields or wanted is None:
            raise NotWatched(f"list {kind.value} by {fields or selector}")
        return self._shown(self.selected(kind, namespace, selector)).having(wanted)

    def may(self, right: Right, namespace: str) -> bool:
        """Say nothing: no watch shows rights."""
        _unknown(f"{right} in {namespace}")

    def server_version(self) -> ServerVersion:
        """Say nothing: no watch shows it."""
        _unknown("the server's version")

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        """Say nothing: a request is never answered from memory."""
        _unknown(f"{request}")

    def named(self, kind: Kind, namespace: str, name: str) -> WatchQuestion:
        """Return the watch that shows the object of this name."""
        fields = "" if self._is_wide else f"metadata.name={name}"
        return WatchQuestion(kind=kind, namespace=namespace, fields=fields)

    def selected(self, kind: Kind, namespace: str, selector: str) -> WatchQuestion:
        """Return the watch that shows what `selector` leaves."""
        return WatchQuestion(kind=kind, namespace=namespace, selector="" if self._is_wide else selector)

    def start(self, follower: WatchFollower) -> Thread | None:
        """Let `follower` read its watch, in a thread of its own that no process waits for at its end."""
        thread = Thread(target=follower.follow, name=f"watch {follower.question}", daemon=True)
        thread.start()
        return thread

    def _shown(self, question: WatchQuestion) -> WatchedObjects:
        # First of all: a lock that another thread held when this process was forked off stays locked here for ever.
        if os.getpid() != self._process or self._is_stopped:
            raise NotWatched("this process was forked off the one that watches, or has stopped")
        with self._lock:
            now = self._clock.monotonic()
            if now < self._refused.get(question.namespace, float("-inf")):
                raise NotWatched(f"watching is refused in {question.namespace}")
            kept = self._followed.get(question)
            if kept is None or kept.is_over:
                for each in (question, *self._noted.get(question.namespace, ())):
                    self._open(each, now)
                kept = self._followed.get(question)
            if kept is None:
                raise NotWatched(f"{question} is not watched")
            kept.asked = now
        if not kept.objects.is_live:
            raise NotWatched(f"{question} shows nothing now")
        return kept.objects

    def _open(self, question: WatchQuestion, now: float) -> None:
        kept = self._followed.get(question)
        if kept is not None and (not kept.is_over or now - kept.began < AGAIN_SECONDS):
            return
        if kept is None and not self._has_room():
            return
        followed = _Followed(objects=WatchedObjects(), began=now, asked=now)
        self._followed[question] = followed
        follower = WatchFollower(
            question=question,
            kube=self._kube,
            objects=followed.objects,
            clock=self._clock,
            is_wanted=lambda: self._is_wanted(question, followed),
            on_refused=lambda words: self._refuse(question, words),
        )
        followed.thread = self.start(follower)

    def _has_room(self) -> bool:
        over = [question for question, kept in self._followed.items() if kept.is_over]
        for question in over:
            del self._followed[question]
        if len(self._followed) < self._at_most:
            return True
        if not self._is_full:
            log.warning("watches_full", at_most=self._at_most, hint="other waits look as often as without watches")
        self._is_full = True
        return False

    def _is_wanted(self, question: WatchQuestion, followed: _Followed) -> bool:
        now = self._clock.monotonic()
        with self._lock:
            is_refused = now < self._refused.get(question.namespace, float("-inf"))
            is_wanted = not self._is_stopped and not is_refused and now - followed.asked < UNWANTED_SECONDS
            if not is_wanted and self._followed.get(question) is followed:
                del self._followed[question]
        return is_wanted

    def _refuse(self, question: WatchQuestion, words: str) -> None:
        with self._lock:
            now = self._clock.monotonic()
            is_told = question.namespace in self._refused
            self._refused[question.namespace] = now + REFUSED_SECONDS
        if not is_told:
            log.warning(
                "watch_refused",
                namespace=question.namespace,
                message=words,
                hint="waits poll there: apply deploy/kubernetes/rbac.yaml again to spare the API server",
            )


class _NotedKube:
    """A reader that notes what it is asked."""

    def __init__(self, kube: KubeReader, watched: WatchedKube) -> None:
        self._kube = kube
        self._watched = watched

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        self._watched.note(self._watched.named(kind, namespace, name))
        return self._kube.get(kind, namespace, name)

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        if not fields and equality_pairs(selector) is not None:
            self._watched.note(self._watched.selected(kind, namespace, selector))
        return self._kube.list(kind, namespace, selector=selector, fields=fields)

    def may(self, right: Right, namespace: str) -> bool:
        return self._kube.may(right, namespace)

    def server_version(self) -> ServerVersion:
        return self._kube.server_version()

    def ask(self, request: ProxyRequest) -> ProxyAnswer:
        return self._kube.ask(request)


def _unknown(what: str) -> NoReturn:
    raise NotWatched(f"{what}: no watch shows it")
