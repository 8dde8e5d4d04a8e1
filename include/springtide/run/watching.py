"""What of a cluster is watched, and for how long that is trusted: from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from springtide.clock import Clock
from springtide.kube.following import WatchesKube
from springtide.kube.watched import WatchedKube
from springtide.policy.language.setting_limits import duration_setting, number_setting
from springtide.settings import Settings

if TYPE_CHECKING:
    from springtide.kube.live import LiveKube

_MOST: Final = 4096

LASTS_SECONDS: Final = 300.0
"""After this long a shared client is made anew: its credentials may have been renewed. Who waits keeps the one that it
began with, which is two minutes at most."""


def watched_by(settings: Settings, kube: WatchesKube, clock: Clock, *, is_wide: bool = False) -> WatchedKube | None:
    """Return the watches of the cluster behind `kube`, none of them open yet; None where nothing is to be watched.

    `is_wide` is for a process that waits for many workloads: it watches whole namespaces.

    Raises:
        InputError: a variable holds no duration or number, or one out of its bounds (`limit_invalid`).
    """
    trusted = duration_setting("watch_trusted", settings.watch_trusted, shortest="0s", longest="2m", example="30s")
    at_most = number_setting("watches", settings.watches, least=0, most=_MOST, digits=4)
    if trusted == timedelta(0) or at_most == 0:
        return None
    return WatchedKube(kube, clock, trusted=trusted, at_most=at_most, is_wide=is_wide)


@contextmanager
def watching(settings: Settings, kube: WatchesKube, clock: Clock) -> Iterator[WatchedKube | None]:
    """Yield the watches of one run, as `watched_by` returns them; nothing is watched behind the block.

    Raises:
        InputError: as `watched_by`.
    """
    watched = watched_by(settings, kube, clock)
    try:
        yield watched
    finally:
        if watched is not None:
            watched.stop()


class SharedClusters:
    """One client and its watches for each cluster, which a thousand waits of one process share; safe for threads.

    Whole namespaces are watched where `is_wide`, else what is asked for.
    """

    def __init__(self, clock: Clock, *, is_wide: bool = True) -> None:
        self._clock = clock
        self._is_wide = is_wide
        self._watches: list[WatchedKube] = []
        self._lock = Lock()
        self._process = os.getpid()
        self._opened: dict[str, tuple[float, LiveKube, WatchedKube | None]] = {}

    def of(self, name: str, settings: Settings, connect: Callable[[], LiveKube]) -> tuple[LiveKube, WatchedKube | None]:
        """Return the client of the cluster of this name, made by `connect`, and its watches.

        A process that was forked off gets one of its own, which is kept nowhere.

        Raises:
            InputError: as `connect`, or as `watched_by`.
        """
        if os.getpid() != self._process:  # a lock that was held when it was forked off is held for ever
            return connect(), None
        with self._lock:
            now = self._clock.monotonic()
            opened, kube, watched = self._opened.get(name, (float("-inf"), None, None))
            if kube is None or now - opened >= LASTS_SECONDS:
                kube = connect()
                watched = watched_by(settings, kube, self._clock, is_wide=self._is_wide)
                self._opened[name] = (now, kube, watched)
                self._watches += [] if watched is None else [watched]
            return kube, watched

    def stop(self) -> None:
        """Watch nothing any more."""
        with self._lock:
            for watched in self._watches:
                watched.stop()


@contextmanager
def client_of(
    name: str, settings: Settings, clock: Clock, connect: Callable[[], LiveKube], *, shared: SharedClusters | None
) -> Iterator[tuple[LiveKube, WatchedKube | None]]:
    """Yield the client of the cluster of this name and its watches: what is `shared`, or some for this block alone.

    Raises:
        InputError: as `connect`, or as `watched_by`.
    """
    if shared is not None:
        yield shared.of(name, settings, connect)
        return
    kube = connect()
    with watching(settings, kube, clock) as watched:
        yield kube, watched
