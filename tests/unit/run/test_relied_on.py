"""Which pods a run relies on stands in its Lease, whoever else writes there; a record of before is read without it."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.run import phases
from springtide.run.phase_table import FORWARD
from springtide.run.ports import Ports, RunRef
from springtide.run.state import JournalStatus, Phase, RunState
from springtide.run.work import Work
from support.simulation import WORKLOAD, Simulation

REF = RunRef(workload=WORKLOAD, run_id="run-1")


def until(last: Phase, simulation: Simulation | None = None) -> Ports:
    """Do the phases of a run from 2 to 4 pods up to `last`."""
    simulation = simulation or Simulation.of(2)
    ports = simulation.ports()
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    for phase in FORWARD[1 : FORWARD.index(last) + 1]:
        phases.run_phase(ports, REF, phase)
    return ports


def serving(ports: Ports) -> dict[str, str] | None:
    """Return what stands in the Lease."""
    return Work.of(ports, REF).state.serving


def test_nothing_is_relied_on_before_the_switch_and_every_new_pod_from_there_on() -> None:
    assert serving(until(Phase.INSTANCES_READY)) is None
    assert len(serving(until(Phase.SWITCH_ENDPOINTS)) or {}) == 4


def test_in_place_relies_on_no_pod_in_particular() -> None:
    simulation = Simulation.of(2, strategy="in_place")

    assert serving(until(Phase.REMOVE_OLD_INSTANCES, simulation)) is None


def test_in_batches_it_grows_with_each_of_them() -> None:
    simulation = Simulation.of(2, overlap="batched", batch=1)
    ports = until(Phase.SMOKE_TEST, simulation)
    first = serving(ports) or {}
    phases.remove_old_instances(ports, REF)
    all_of_them = serving(ports) or {}

    assert len(first) == 1
    assert len(all_of_them) > 1
    assert first.items() <= all_of_them.items()


class TestBesideOthersWhoWrite:
    """Two tasks of one run may be at work at once, each with the Lease as it read it."""

    def test_what_one_relies_on_stays_when_the_other_ends_a_phase(self) -> None:
        ports = until(Phase.INSTANCES_READY)
        one = Work.of(ports, REF)
        other = Work.of(ports, REF)

        one.rely_on({"a": "0 "})
        other.end(Phase.INSTANCES_READY, "again")

        assert serving(ports) == {"a": "0 "}

    def test_the_last_look_before_the_switch_counts(self) -> None:
        ports = until(Phase.INSTANCES_READY)
        one = Work.of(ports, REF)
        other = Work.of(ports, REF)

        one.rely_on({"a": "0 "})
        other.rely_on({"b": "0 "})

        assert serving(ports) == {"b": "0 "}

    def test_nothing_of_the_journal_is_lost(self) -> None:
        ports = until(Phase.INSTANCES_READY)
        one = Work.of(ports, REF)
        Work.of(ports, REF).begin(Phase.SWITCH_ENDPOINTS)

        kept = one.rely_on({"a": "0 "})

        assert kept.state.entry(Phase.SWITCH_ENDPOINTS, JournalStatus.STARTED)

    def test_what_stands_there_is_not_written_again(self) -> None:
        ports = until(Phase.SWITCH_ENDPOINTS)
        work = Work.of(ports, REF)

        assert work.rely_on(dict(work.state.serving or {})) is work


def of_before(ports: Ports) -> dict[str, Any]:
    """Return the record of the run as springtide stored it before it kept what is relied on."""
    record = Work.of(ports, REF).state.to_record()
    del record["serving"]
    del record["snapshot"]["leaving"]
    return record


@pytest.mark.parametrize("phase", [Phase.INSTANCES_READY, Phase.SMOKE_TEST])
def test_a_run_that_was_stored_before_is_read(phase: Phase) -> None:
    state = RunState.from_record(of_before(until(phase)))

    assert state.serving is None
    assert state.snapshot.leaving == ()
