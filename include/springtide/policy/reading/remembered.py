"""Policies that are read once, for a process that asks for all of them again and again.

To read a policy takes 5 ms, and a page over a thousand services has no five seconds. What was read counts as long as
its file, and the calendars that give it its zone, are the same by size and time; nothing else is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from springtide.errors import PolicyError, SpringtideError, Violation
from springtide.policy.reading.folder import PolicyFolder, yaml_files

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy

Signature = tuple[tuple[str, int, int, int], ...]
"""What tells that files are as they were: name, inode, size and the time of the last change."""


class RememberedPolicies:
    """The policies of folders, each read when it has changed. It is safe to use from several threads at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of: PolicyFolder | None = None
        self._zones: Signature = ()
        self._known: dict[str, tuple[Signature, ScalingPolicy | SpringtideError]] = {}

    def all(self, folder: PolicyFolder) -> Mapping[str, ScalingPolicy | SpringtideError]:
        """Return every policy of `folder` by its name, sorted; in the place of one that cannot be read, why not.

        Raises:
            PolicyError: the folder itself cannot be read.
        """
        signatures = _signatures(folder)
        zones = _signature(_calendars(folder))
        with self._lock:
            if (folder, zones) != (self._of, self._zones):
                self._of = folder
                self._zones = zones
                self._known = {}
            self._known = {name: known for name, known in self._known.items() if name in signatures}
            for name, signature in signatures.items():
                if self._known.get(name, (None, None))[0] != signature:
                    self._known[name] = (signature, _read(folder, name))
            return {name: self._known[name][1] for name in sorted(signatures)}


def _read(folder: PolicyFolder, name: str) -> ScalingPolicy | SpringtideError:
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
        by_name.get(path.stem, []).append(path)
    return {name: _signature(each) for name, each in by_name.items()}


def _calendars(folder: PolicyFolder) -> list[Path]:
    try:
        return yaml_files(folder.calendars or folder.path.absolute().parent / "calendars")
    except OSError:
        return []


def _signature(paths: Iterable[Path]) -> Signature:
    found = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            found.append((path.name, 0, 0, 0))
            continue
        found.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(found)
