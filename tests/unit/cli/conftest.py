"""Commands that open a simulated cluster."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from springtide.cli.options import CliContext
from support.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from springtide.run.ports import Ports


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A workload of two pods; each command is a process of its own, and its ports are the simulation's."""
    world = Simulation.of(2)

    @contextmanager
    def ports(_place: CliContext, _on_wait: Callable[[str], None]) -> Iterator[Ports]:
        yield world.ports()

    monkeypatch.setattr(CliContext, "ports", ports)
    return world
