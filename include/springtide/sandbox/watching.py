"""Watches: the changes after a revision, as the lines that a client reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json, dump
from springtide.sandbox.status import ApiError
from springtide.sandbox.store import Change, Store


@dataclass(kw_only=True)
class Watch:
    """One stream of changes; `take` returns the lines that are due and never waits."""

    store: Store
    kind: Kind
    namespace: str
    matches: Callable[[Json], bool]
    position: int
    first: list[Json] = field(default_factory=list)  # what a watch without a revision starts with
    drops: Callable[[Change], bool] | None = None  # a fault: changes that never arrive
    timeout: float = 1800.0  # seconds after which the server ends the stream
    bookmarks: bool = False
    refused: ApiError | None = None  # the start is compacted: the first line says so
    over: bool = False

    def take(self) -> list[bytes]:
        """Return the next lines; after a 410 the watch is over."""
        lines = [self._line("ADDED", obj) for obj in self.first]
        self.first = []
        try:
            if self.refused is not None:
                raise self.refused
            lines.extend(self._due())
        except ApiError as error:
            lines.append(self.fail(error))
        return lines

    def fail(self, error: ApiError) -> bytes:
        """End the watch with an error and return its line."""
        self.over = True
        return dump({"type": "ERROR", "object": error.status}) + b"\n"

    def bookmark(self) -> bytes:
        """Return the line that only tells how far the stream is."""
        metadata = {"resourceVersion": str(self.store.revision), "creationTimestamp": None}
        obj = {"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": metadata}
        return dump({"type": "BOOKMARK", "object": obj}) + b"\n"

    def _due(self) -> Iterator[bytes]:
        for change in self.store.changes_from(self.position):
            self.position += 1
            ref = change.ref
            if ref.resource != self.kind.plural or self.namespace not in {"", ref.namespace}:
                continue
            if self.drops is not None and self.drops(change):
                continue
            seen = self._seen_as(change)
            if seen is not None:
                yield self._line(seen, change.object)

    def _seen_as(self, change: Change) -> str | None:
        """Return what a change is to somebody who sees only matching objects."""
        before = change.previous is not None and self.matches(change.previous)
        after = change.type != "DELETED" and self.matches(change.object)
        if after:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None

    def _line(self, kind: str, obj: Json) -> bytes:
        return b'{"type":"%s","object":%s}\n' % (kind.encode(), self.store.encode(obj))
