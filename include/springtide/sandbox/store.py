"""Objects, their versions and the log of every change, under one counter as in etcd."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref, dump, with_metadata
from springtide.sandbox.status import expired

ChangeType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]


class Change(NamedTuple):
    """One write: the object after it (for a deletion: as it was last), and before it."""

    revision: int
    type: ChangeType
    ref: Ref
    object: Json
    previous: Json | None


class Store:
    """The state of the cluster.

    Every write raises `revision` by one and stamps it as the object's resourceVersion. The last `keep` changes and
    the versions they replaced can be read again, older ones answer 410 as after a compaction of etcd.
    """

    def __init__(self, *, keep: int = 20_000) -> None:
        self.revision = 1
        self.compacted = 1
        self._keep = keep
        self._live: dict[str, dict[str, dict[str, Json]]] = {plural: {} for plural in KINDS}
        self._versions: dict[str, dict[Ref, list[tuple[int, Json | None]]]] = {plural: {} for plural in KINDS}
        self._log: list[Change] = []
        self._dropped = 0  # how many changes were compacted away
        self._bytes: dict[str, bytes] = {}
        self._observers: list[Callable[[Change], None]] = []

    def observe(self, observer: Callable[[Change], None]) -> None:
        """Call `observer` after each write, in the order in which observers came."""
        self._observers.append(observer)

    def get(self, ref: Ref, *, at: int | None = None) -> Json | None:
        """Return an object, as it is now or as it was at a revision."""
        if at is None:
            return self._live[ref.resource].get(ref.namespace, {}).get(ref.name)
        return _as_of(self._versions[ref.resource].get(ref, []), at)

    def select(self, resource: str, namespace: str = "", *, at: int | None = None) -> list[Json]:
        """Return the objects of a resource in the order of namespace and name; all namespaces when it is ""."""
        if at is not None:
            return self._select_as_of(resource, namespace, at)
        spaces = self._live[resource]
        chosen = [namespace] if namespace else sorted(spaces)
        return [obj for space in chosen for _, obj in sorted(spaces.get(space, {}).items())]

    def _select_as_of(self, resource: str, namespace: str, at: int) -> list[Json]:
        if at < self.compacted:
            raise expired(at, self.compacted)
        versions = sorted(self._versions[resource].items())
        objects = (_as_of(history, at) for ref, history in versions if namespace in {"", ref.namespace})
        return [obj for obj in objects if obj is not None]

    def put(self, ref: Ref, obj: Json) -> Json:
        """Write an object, new or not, and return it with its resourceVersion; what changes nothing is not written."""
        space = self._live[ref.resource].setdefault(ref.namespace, {})
        previous = space.get(ref.name)
        if previous is not None and _same(previous, obj):
            return previous
        written = with_metadata(obj, resourceVersion=str(self.revision + 1))
        space[ref.name] = written
        self._record("ADDED" if previous is None else "MODIFIED", ref, written, previous)
        return written

    def remove(self, ref: Ref) -> Json:
        """Take an object away and return its last form, with the resourceVersion of its deletion."""
        previous = self._live[ref.resource][ref.namespace].pop(ref.name)
        last = with_metadata(previous, resourceVersion=str(self.revision + 1))
        self._record("DELETED", ref, last, previous)
        return last

    def _record(self, kind: ChangeType, ref: Ref, obj: Json, previous: Json | None) -> None:
        self.revision += 1
        change = Change(revision=self.revision, type=kind, ref=ref, object=obj, previous=previous)
        self._log.append(change)
        history = self._versions[ref.resource].setdefault(ref, [])
        history.append((self.revision, None if kind == "DELETED" else obj))
        if len(self._log) > 2 * self._keep:  # at twice the length, so that not every write compacts
            self.compact(self._log[-self._keep].revision)
        for observer in self._observers:
            observer(change)

    @property
    def end(self) -> int:
        """The position behind the last change, for `changes_from`."""
        return self._dropped + len(self._log)

    def position(self, revision: int) -> int:
        """Return the position of the first change after a revision.

        Raises:
            ApiError: 410, that revision was compacted.
        """
        if revision < self.compacted:
            raise expired(revision, self.compacted)
        return self._dropped + bisect_right(self._log, revision, key=lambda change: change.revision)

    def changes_from(self, position: int) -> Iterator[Change]:
        """Yield the changes from a position on.

        Raises:
            ApiError: 410, they were compacted.
        """
        if position < self._dropped:
            raise expired(position, self.compacted)
        yield from self._log[position - self._dropped :]

    def compact(self, revision: int) -> None:
        """Forget the changes up to a revision, and the versions that they replaced."""
        cut = bisect_right(self._log, revision, key=lambda change: change.revision)
        for change in self._log[:cut]:
            # the newest version of an object stays, however old it is
            if change.previous is not None:
                self._bytes.pop(change.previous["metadata"]["resourceVersion"], None)
        del self._log[:cut]
        self._dropped += cut
        self.compacted = max(self.compacted, revision)
        for histories in self._versions.values():
            for ref, history in list(histories.items()):
                # from the version that was valid at the revision on: reads as of it and later need that one
                kept = history[max(bisect_right(history, revision, key=lambda entry: entry[0]) - 1, 0) :]
                if len(kept) == 1 and kept[0][1] is None:  # deleted, and nobody can ask for what was before
                    del histories[ref]
                else:
                    histories[ref] = kept

    def encode(self, obj: Json) -> bytes:
        """Return a stored object as JSON; each version is written once."""
        version = obj["metadata"].get("resourceVersion")
        encoded = self._bytes.get(version)
        if encoded is None:
            encoded = dump(obj)
            self._bytes[version] = encoded
        return encoded


def _as_of(history: list[tuple[int, Json | None]], at: int) -> Json | None:
    index = bisect_right(history, at, key=lambda entry: entry[0])
    return history[index - 1][1] if index else None


def _same(previous: Json, obj: Json) -> bool:
    """Return whether a write would change nothing."""
    if previous.keys() != obj.keys():
        return False
    if any(previous[key] != obj[key] for key in obj if key != "metadata"):
        return False
    return _bare(previous["metadata"]) == _bare(obj["metadata"])


def _bare(metadata: Json) -> Json:
    return {key: value for key, value in metadata.items() if key != "resourceVersion"}
