"""Policies as they are judged for a start: read again when their file has changed, and not for every request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.policy.reading.folder import PolicyFolder, is_name

if TYPE_CHECKING:
    from springtide.policy.scaling.model import ScalingPolicy

MOST: Final = 5_000
"""How many policies are kept; the one that is kept longest makes room, and is read again."""

Mark = tuple[str, int, int, int]
"""The path of a file, its inode, its length and when it was written."""


@dataclass(frozen=True, slots=True)
class KeptPolicies(PolicyFolder):
    """A folder that parses a file once. The run itself reads its policy anew, so a file of now is what is applied."""

    kept: dict[str, tuple[Mark, ScalingPolicy]] = field(default_factory=dict)

    def get(self, name: object) -> ScalingPolicy:
        """Return the policy `name`; see `PolicyFolder.get`."""
        mark = _mark(self.path, str(name))
        if mark is None:
            return PolicyFolder.get(self, name)  # which says what is wrong
        known = self.kept.get(str(name))
        if known is not None and known[0] == mark:
            return known[1]
        policy = self.read(Path(mark[0]))  # the one file of the name: nothing else of the folder is looked at
        self.kept[policy.name] = (mark, policy)
        if len(self.kept) > MOST:
            self.kept.pop(next(iter(self.kept)), None)
        return policy


def kept_policies(policies: Callable[[], PolicyFolder]) -> Callable[[], PolicyFolder]:
    """Return `policies` with what was parsed kept for the life of the application."""
    kept: dict[str, tuple[Mark, ScalingPolicy]] = {}

    def folder() -> PolicyFolder:
        read = policies()
        return KeptPolicies(read.path, read.calendars, read.mode, kept)

    return folder


def _mark(folder: Path, name: str) -> Mark | None:
    """Return what tells a file from what it was; None where there is none, or there are two of the name."""
    if not is_name(name):
        return None
    marks = []
    for suffix in (".yaml", ".yml"):
        path = folder / f"{name}{suffix}"
        with suppress(OSError):
            seen = path.stat()
            marks.append((str(path), seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return marks[0] if len(marks) == 1 else None
