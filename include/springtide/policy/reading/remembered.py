"""Policies that are read once, for a process that asks for all of them again and again.

A page over a thousand services has no time to read a thousand files, some of which take milliseconds each.
What was read counts as long as its file, and the calendars that give it its zone, are the same by size and time;
nothing else is trusted.

The first time, whoever asks waits only so long: what is left is read behind their back, and told until it is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import PolicyError, SpringtideError, TemporaryError, Violation
from springtide.policy.reading.folder import PolicyFolder, yaml_files

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy

    Policy = ScalingPolicy | SpringtideError

WITHIN_SECONDS: Final = 0.5
"""How long somebody who asks for all policies waits for those that are not read yet: a hundred of them."""

NOT_READ_YET: Final = "policy_not_read_yet"

Signature = tuple[tuple[str, int, int, int], ...]
"""What tells that files are as they were: name, inode, size and the time of the last change."""


class RememberedPolicies:
    """The policies of folders, each read when it has changed. It is safe to use from several threads at once."""

    def __init__(self, *, within_seconds: float = WITHIN_SECONDS) -> None:
        self._within = within_seconds
        self._lock = threading.Lock()
        self._of: PolicyFolder | None = None
        self._zones: Signature = ()
        self._known: dict[str, tuple[Signature, Policy]] = {}
        self._reading: threading.Thread | None = None

    def all(self, folder: PolicyFolder) -> Mapping[str, Policy]:
        """Return every policy of `folder` by its name, sorted; in the place of one that cannot be read, why not.

        One that is not read yet is a `TemporaryError` (`policy_not_read_yet`).

        Raises:
            PolicyError: the folder itself cannot be read.
        """
        signatures = _signatures(folder)
        stale = self._stale(folder, signatures)
        end = time.monotonic() + self._within
        while stale and time.monotonic() < end:
            self._read(folder, stale.pop(), signatures)
        if stale:
            self._read_behind(folder, stale, signatures)
        with self._lock:
            known = dict(self._known)
        return {name: known[name][1] if name in known else _not_read_yet(name) for name in sorted(signatures)}

    def one(self, folder: PolicyFolder, name: str) -> Policy | None:
        """Return one policy, read now where it has changed, or why it cannot be read; None where there is none.

        Raises:
            PolicyError: the folder itself cannot be read.
        """
        # Its own file alone: to look at those of a thousand others takes longer than most of what one is asked for.
        paths = folder.files_of(name)
        if not paths:
            _signatures(folder)  # which says so where the folder itself cannot be read
            return None
        signature = _signature(paths)
        self._forget_others(folder)
        with self._lock:
            known = self._known.get(name)
        if known is not None and known[0] == signature:
            return known[1]
        return self._read(folder, name, {name: signature})

    def _forget_others(self, folder: PolicyFolder) -> None:
        """Forget all that is of another folder, or was given its zone by other calendars."""
        zones = _signature(_calendars(folder))
        with self._lock:
            if (folder, zones) != (self._of, self._zones):
                self._of = folder
                self._zones = zones
                self._known = {}

    def _stale(self, folder: PolicyFolder, signatures: Mapping[str, Signature]) -> list[str]:
        """Forget what is gone or of another folder, and return what has to be read, the last one first."""
        self._forget_others(folder)
        with self._lock:
            self._known = {name: known for name, known in self._known.items() if name in signatures}
            stale = [name for name in signatures if self._known.get(name, (None, None))[0] != signatures[name]]
        return sorted(stale, reverse=True)

    def _read(self, folder: PolicyFolder, name: str, signatures: Mapping[str, Signature]) -> Policy:
        found = _read(folder, name)
        with self._lock:
            if folder == self._of:
                self._known[name] = (signatures[name], found)
        return found

    def _read_behind(self, folder: PolicyFolder, names: list[str], signatures: Mapping[str, Signature]) -> None:
        def rest() -> None:
            for name in reversed(names):
                self._read(folder, name, signatures)

        with self._lock:
            if self._reading is None or not self._reading.is_alive():
                self._reading = threading.Thread(target=rest, name="springtide-policies", daemon=True)
                self._reading.start()


def _not_read_yet(name: str) -> TemporaryError:
    message = f"policy {name} is not read yet, because this process has just begun: reload in a moment."
    return TemporaryError(message, code=NOT_READ_YET, field="service")


def _read(folder: PolicyFolder, name: str) -> Policy:
    try:
        return folder.get(name)
    except SpringtideError as error:
        return error


def _signatures(folder: PolicyFolder) -> dict[str, Signature]:
    names = folder.names()
    try:
        paths = yaml_files(folder.path)
    except OSError as error:
        message = f"the folder of policies cannot be read: {error.strerror}"
        violation = Violation(code="policy_unreadable", message=message, field="file", file=str(folder.path))
        raise PolicyError((violation,)) from error
    by_name: dict[str, list[Path]] = {name: [] for name in names}
    for path in paths:
        if path.stem in by_name:
            by_name[path.stem].append(path)
    return {name: _signature(each) for name, each in by_name.items()}


def _calendars(folder: PolicyFolder) -> list[Path]:
    try:
        return yaml_files(folder.calendars or folder.path.absolute().parent / "calendars")
    except OSError:
        return []


def _signature(paths: Iterable[Path]) -> Signature:
    return tuple(map(_of_file, paths))


def _of_file(path: Path) -> tuple[str, int, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return path.name, 0, 0, 0
    return path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns
