"""What processes took: the processor's time and the memory of trees of them, as the kernel counts it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_EVERY_SECONDS: Final = 0.5
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)
_OWN_TIMES: Final = slice(11, 13)


def members(root: int) -> list[int]:
    """Return the living processes that `root` started, directly or not, and itself."""
    parents = {pid: int(fields[_PARENT]) for pid, fields in _all()}
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def processor_seconds(root: int) -> float:
    """Return what the processes of a tree have taken so far, with their children that have ended."""
    return sum(int(number) for pid in members(root) for number in _fields(pid)[_TIMES]) / _TICKS


def own_processor_seconds(pid: int) -> float:
    """Return what one process has taken so far, without any that it started."""
    return sum(int(number) for number in _fields(pid)[_OWN_TIMES]) / _TICKS


def memory_mib(root: int) -> float:
    """Return what a tree holds, each page that several share counted once over all (PSS)."""
    return sum(_pss(pid) for pid in members(root)) / 1024


def _all() -> Iterator[tuple[int, list[str]]]:
    for place in Path("/proc").iterdir():
        fields = _fields(int(place.name)) if place.name.isdigit() else []
        if fields:
            yield int(place.name), fields


def _fields(pid: int) -> list[str]:
    """Return what follows the name, which may hold anything, in the kernel's line; [] when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(text.partition("\nPss:")[2].split()[0]) if "\nPss:" in text else 0


@dataclass
class PeakMemory:
    """Watches a tree of processes, and keeps the most that it held."""

    root: int
    most: float = 0.0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(_EVERY_SECONDS):
            self.most = max(self.most, memory_mib(self.root))
