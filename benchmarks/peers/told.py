"""The table of the comparison, and what a reader has to know to read it."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peers.controller import VERSION, kubectl
from benchmarks.peers.measured import COLUMNS, Measured, row
from benchmarks.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.peers.contenders import Contender
    from benchmarks.peers.samples import Move

GIB: Final = 2**30

NOTES: Final = Path(__file__).resolve().parent / "notes.md"


@dataclass(frozen=True)
class PeersTable(Table):
    """A table with an explanation below it."""

    notes: str

    def to_markdown(self) -> str:
        """Return the table, the machine, and the explanation."""
        return f"{super().to_markdown()}{self.notes}"


def told(
    results: Mapping[tuple[Contender, Move], Sequence[Measured]], *, rounds: int, rate: int, machine: str
) -> PeersTable:
    """Return the table of all measurements: what goes up first, then what comes down, each contender in its order."""
    upwards_first = sorted(results, key=lambda each: each[1].before > each[1].after)
    rows = [row(who.who, who.settings, results[who, move], asked=rounds) for who, move in upwards_first]
    title = f"Fresh pods for another number of replicas, under {rate} requests/s"
    return PeersTable(title, COLUMNS, rows, f"{machine}\n\n{NOTES.read_text()}")


def versions() -> str:
    """Return what it was measured with."""
    server = json.loads(kubectl("version", "--output=json"))["serverVersion"]["gitVersion"].removeprefix("v")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return (
        f"Kubernetes {server}, one node, kube-proxy in nftables mode; Argo Rollouts {VERSION}; "
        f"springtide {version('springtide')}; Linux {platform.release().split('-')[0]}, {memory:.0f} GiB of memory.\n"
        "Half of the requests come on fresh connections, half on kept ones."
    )
