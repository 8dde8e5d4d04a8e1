"""What the parts of a cluster of tests/cluster took: the processor's time and the memory of each, by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.fleet.processes import members, own_processor_seconds

PARTS: Final = {
    "kube-apiserver": "kube-apiserver",
    "etcd": "etcd",
    "kube-controller": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "kwok": "kwok",
    "keda-operator": "keda",
    "keda-adapter": "keda",
}
"""What the kernel calls a process, of which it keeps 15 characters, and what it is called here."""

OTHERS: Final = "the node's own parts and pods"


@dataclass(frozen=True, slots=True)
class Parts:
    """The processes of a cluster, by part."""

    pids: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, root: int) -> Parts:
        """Return those that process `root` of a cluster has started."""
        found: dict[str, list[int]] = {}
        for pid in members(root):
            found.setdefault(PARTS.get(_name(pid), OTHERS), []).append(pid)
        return cls({part: tuple(pids) for part, pids in found.items()})

    def processor_seconds(self) -> dict[str, float]:
        """Return what each has taken so far; what has ended is not counted."""
        return {part: sum(own_processor_seconds(pid) for pid in pids) for part, pids in self.pids.items()}

    def most_memory(self) -> dict[str, float]:
        """Return the most MiB that each has ever held; of the pods' processes nothing is said."""
        return {part: most_memory(pids) for part, pids in self.pids.items() if part != OTHERS}


def most_memory(pids: Iterable[int]) -> float:
    """Return the most MiB that these processes have ever held, each for itself."""
    return sum(_peak_kib(pid) for pid in pids) / 1024


def _name(pid: int) -> str:
    return _read(pid, "comm").strip()


def _peak_kib(pid: int) -> int:
    _, _, rest = _read(pid, "status").partition("VmHWM:")
    return int(rest.split()[0]) if rest else 0


def _read(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return ""
