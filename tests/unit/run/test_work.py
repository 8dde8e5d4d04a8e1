"""A run at work: the order of its phases, what a phase has left of its deadline, and the journal between attempts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from springtide.errors import Fenced, PermanentError
from springtide.run import phases
from springtide.run.lease import read_lease, take_over
from springtide.run.ports import Ports, RunRef
from springtide.run.state import JournalStatus, Phase, RunState
from springtide.run.work import Work
from support.simulation import WORKLOAD, Simulation

REF = RunRef(workload=WORKLOAD, run_id="run-1")


@pytest.fixture
def ports() -> Ports:
    """The ports of a run that has created its instances: its waits are 60 s each, and 5 min to remove."""
    simulation = Simulation.of(2, strategy="in_place")
    ports = simulation.ports()
    request = simulation.request(4)
    phases.create_instances(ports, request, phases.calculate_capacity(ports, request))
    return ports


def taken_over(ports: Ports) -> RunRef:
    """Let `reconcile` take the place of the run's owner."""
    lease = read_lease(ports.kube, WORKLOAD)
    assert lease is not None
    ref = replace(REF, is_takeover=True)
    take_over(ports.kube, ports.clock, lease, lease.required_state(), holder=ref.holder)
    return ref


class Shifted:
    """A clock that shows another time of day than the one that it follows."""

    def __init__(self, ports: Ports, by: timedelta) -> None:
        self._clock = ports.clock
        self._by = by

    def now(self) -> datetime:
        return self._clock.now() + self._by

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class TestOrder:
    def test_a_phase_begins_when_every_one_before_it_is_done(self, ports: Ports) -> None:
        begun = Work.of(ports, REF).begin(Phase.INSTANCES_READY)

        assert begun.state.entry(Phase.INSTANCES_READY, JournalStatus.STARTED)

    def test_a_phase_that_is_called_too_early_is_told_what_is_missing(self, ports: Ports) -> None:
        with pytest.raises(PermanentError, match="not before instances_ready is done") as caught:
            Work.of(ports, REF).begin(Phase.SWITCH_ENDPOINTS)

        assert caught.value.code == "phase_order"

    def test_a_phase_that_begins_again_keeps_its_first_start(self, ports: Ports) -> None:
        first = Work.of(ports, REF).begin(Phase.INSTANCES_READY)
        ports.clock.sleep(20)

        again = Work.of(ports, REF).begin(Phase.INSTANCES_READY)

        assert again.state.journal == first.state.journal

    def test_a_phase_is_past_once_a_later_one_has_begun(self, ports: Ports) -> None:
        work = Work.of(ports, REF).begin(Phase.INSTANCES_READY)

        assert work.is_past(Phase.CREATE_INSTANCES)
        assert not work.is_past(Phase.INSTANCES_READY)
        assert not work.is_past(Phase.ROLL_BACK)

    def test_nothing_goes_forward_once_the_way_back_has_begun(self, ports: Ports) -> None:
        Work.of(ports, REF).begin(Phase.ROLL_BACK)

        with pytest.raises(Fenced) as caught:
            Work.of(ports, REF).begin(Phase.INSTANCES_READY)

        assert caught.value.code == "rolling_back"

    def test_the_smoke_test_follows_no_decision_and_has_no_deadline(self, ports: Ports) -> None:
        work = Work.of(ports, REF)

        for ask in (work.decide, work.time_left):
            with pytest.raises(PermanentError, match="smoke_test"):
                ask(Phase.SMOKE_TEST)


class TestTimeLeft:
    def test_before_it_begins_a_phase_has_its_whole_deadline(self, ports: Ports) -> None:
        assert Work.of(ports, REF).time_left(Phase.INSTANCES_READY) == timedelta(seconds=60)

    def test_it_counts_from_the_first_start_through_every_attempt(self, ports: Ports) -> None:
        Work.of(ports, REF).begin(Phase.INSTANCES_READY)
        ports.clock.sleep(20)

        left = Work.of(ports, replace(REF, attempt=2)).time_left(Phase.INSTANCES_READY)

        assert left <= timedelta(seconds=40)
        assert left > timedelta(seconds=39)

    def test_it_is_never_below_zero(self, ports: Ports) -> None:
        Work.of(ports, REF).begin(Phase.INSTANCES_READY)
        ports.clock.sleep(600)

        assert Work.of(ports, REF).time_left(Phase.INSTANCES_READY) == timedelta(0)

    def test_a_start_in_the_future_gives_nothing_on_top(self, ports: Ports) -> None:
        Work.of(ports, REF).begin(Phase.INSTANCES_READY)
        earlier = replace(ports, clock=Shifted(ports, timedelta(hours=-2)))

        assert Work.of(earlier, REF).time_left(Phase.INSTANCES_READY) == timedelta(seconds=60)

    def test_who_took_the_run_over_has_the_whole_deadline(self, ports: Ports) -> None:
        Work.of(ports, REF).begin(Phase.INSTANCES_READY)
        ports.clock.sleep(600)

        assert Work.of(ports, taken_over(ports)).time_left(Phase.INSTANCES_READY) == timedelta(seconds=60)

    def test_every_attempt_at_a_roll_back_has_the_whole_deadline(self, ports: Ports) -> None:
        Work.of(ports, REF).begin(Phase.ROLL_BACK)
        ports.clock.sleep(600)

        assert Work.of(ports, REF).time_left(Phase.ROLL_BACK) == timedelta(seconds=360)


class TestTwoAttemptsAtOnce:
    def test_what_one_noted_is_not_lost_when_the_other_writes(self, ports: Ports) -> None:
        mine = Work.of(ports, REF)
        theirs = Work.of(ports, REF).begin(Phase.INSTANCES_READY)
        theirs.end(Phase.INSTANCES_READY, "4 of 4 are ready")

        united = mine.begin(Phase.INSTANCES_READY)

        assert united.state.entry(Phase.INSTANCES_READY, JournalStatus.DONE)

    def test_how_a_run_ended_is_judged_by_all_that_was_noted(self, ports: Ports) -> None:
        mine = Work.of(ports, REF)
        Work.of(ports, REF).begin(Phase.INSTANCES_READY).end(Phase.INSTANCES_READY, "4 of 4 are ready")
        judged: list[RunState] = []

        def judge(state: RunState) -> tuple[str, bool]:
            judged.append(state)
            return "failed", True

        mine.close(judge)

        assert judged[-1].entry(Phase.INSTANCES_READY, JournalStatus.DONE)

    def test_one_that_was_fenced_out_writes_nothing_more(self, ports: Ports) -> None:
        mine = Work.of(ports, REF)
        taken_over(ports)

        with pytest.raises(Fenced, match="reconcile:run-1"):
            mine.begin(Phase.INSTANCES_READY)
