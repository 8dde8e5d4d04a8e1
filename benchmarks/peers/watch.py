"""Looks at a workload several times a second while others change it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from benchmarks.peers.samples import Sample
from e2e.observer import Observer

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

EVERY_SECONDS = 0.25


class Watch:
    """Samples of one namespace, taken by a thread; `samples` begins when it does, at 0 s."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.samples: list[Sample] = []
        self.failed: Exception | None = None
        self._see = Observer(kubeconfig, namespace)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self.samples.append(self._look())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._see.close()

    @property
    def now(self) -> float:
        """Seconds since the first sample was begun."""
        return time.monotonic() - self._began

    def require_alive(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self.failed is not None:
            raise self.failed

    def _watch(self) -> None:
        try:
            while not self._over.wait(EVERY_SECONDS):
                self.samples.append(self._look())
        except Exception as error:  # noqa: BLE001  (raised again by `require_alive`, in the thread that can tell)
            self.failed = error

    def _look(self) -> Sample:
        at = self.now
        endpoints = frozenset(self._see.ready_endpoints())
        return Sample(at, len(self._see.objects("pods")), endpoints)
