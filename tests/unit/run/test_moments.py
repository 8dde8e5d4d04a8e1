"""What a run keeps of what it saw and wrote: often enough to be drawn, bounded, and never in the run's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from springtide.errors import InputError, TemporaryError
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.record.moments import PodCounts, RunMoment
from springtide.run import pipeline
from springtide.run.moment_limit import moments_kept
from springtide.run.moments import EVERY_SECONDS, Moments
from springtide.settings import Settings
from support.courses import autoscaler
from support.simulation import Simulation


class CountingStore(MemoryStore):
    """Keeps when moments were saved; with `is_away` it does not answer."""

    def __init__(self, simulation: Simulation, *, is_away: bool = False) -> None:
        super().__init__()
        self._simulation = simulation
        self._is_away = is_away
        self.saved: list[float] = []

    def save_moments(self, run_id: str, moments: Sequence[RunMoment], *, at_most: int) -> None:
        """Keep them, and when."""
        self.saved.append(self._simulation.world.elapsed)
        if self._is_away:
            raise TemporaryError("the store does not answer.", code="store_unavailable")
        super().save_moments(run_id, moments, at_most=at_most)


def counts(simulation: Simulation) -> list[PodCounts]:
    return [moment.counts for moment in simulation.store.moments("run-1") if moment.counts is not None]


def test_a_switch_shows_both_sets_and_who_has_the_traffic() -> None:
    simulation = Simulation.of(2)

    simulation.run(4)

    seen = counts(simulation)
    assert seen[0] == PodCounts(stable=2, new=0, stable_serving=2, new_serving=0)
    assert PodCounts(stable=2, new=4, stable_serving=0, new_serving=4) in seen
    assert seen[-1] == PodCounts(stable=0, new=4, stable_serving=0, new_serving=4)


@pytest.mark.parametrize(("target", "last"), [(4, (2, 2)), (1, (1, 0))])
def test_where_a_number_alone_changes_those_beyond_it_are_new(target: int, last: tuple[int, int]) -> None:
    simulation = Simulation.of(2, strategy="in_place")

    simulation.run(target)

    seen = counts(simulation)[-1]
    assert (seen.stable, seen.new) == last
    assert (seen.stable_serving, seen.new_serving) == last


def test_a_raised_minimum_shows_the_pods_that_came_by_it() -> None:
    simulation = Simulation.of(2, strategy="floor")
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()

    simulation.run(4)

    assert counts(simulation)[-1] == PodCounts(stable=2, new=2, stable_serving=2, new_serving=2)


def test_every_write_is_kept_in_the_order_in_which_it_was_done() -> None:
    simulation = Simulation.of(2, strategy="in_place")

    simulation.run(4)

    writes = [moment.write for moment in simulation.store.moments("run-1") if moment.write is not None]
    assert writes == ["own deployment web", "grow web from 2 to 4 replicas"]


def test_the_store_is_written_to_at_the_end_of_a_phase_and_else_every_few_seconds() -> None:
    simulation = Simulation.of(2)
    simulation.store = store = CountingStore(simulation)

    simulation.run(6)

    phases = len(store.get("run-1").phases)
    assert len(store.saved) <= simulation.world.elapsed / EVERY_SECONDS + phases


def test_no_more_are_kept_than_wanted_and_none_where_none_are() -> None:
    few = Simulation.of(2)
    none = Simulation.of(2)

    pipeline.run(replace(few.ports(), moments=Moments(5)), few.request(4))
    pipeline.run(replace(none.ports(), moments=Moments(0)), none.request(4))

    assert len(few.store.moments("run-1")) == 5
    assert none.store.moments("run-1") == ()


def test_a_store_that_is_away_costs_moments_and_no_run_and_is_left_alone_for_a_while() -> None:
    simulation = Simulation.of(2)
    simulation.store = store = CountingStore(simulation, is_away=True)
    ports = simulation.ports()

    assert pipeline.run(ports, simulation.request(4)) is RunOutcome.SUCCEEDED

    assert len(store.saved) == 1


@pytest.mark.parametrize("text", ["-1", "5001", "many", "1e3", "99999999999"])
def test_a_limit_that_is_none_is_refused_by_its_name(text: str) -> None:
    settings = Settings.from_environment({"SPRINGTIDE_RUN_MOMENTS": text})

    with pytest.raises(InputError, match=r"^SPRINGTIDE_RUN_MOMENTS: .* is not a whole number from 0 to 5000\.$"):
        moments_kept(settings)
