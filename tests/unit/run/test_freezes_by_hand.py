"""A freeze binds the runs that people start; an override names who lifts it, and is kept with the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.errors import InputError, PolicyError, Violation
from springtide.events.calendars import Calendars
from springtide.fleet.child_runs import ChildRun
from springtide.fleet.expired import release_expired
from springtide.plan.findings import FindingStatus
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.admission import plan_capacity
from springtide.run.freezes import parse_override
from springtide.run.ports import Ports, RunRef, RunRequest
from support.courses import autoscaler
from support.simulation import Simulation
from unit.events.calendars import calendar, calendars_of

ANN = "ann: the sale was moved to today"


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2, strategy="in_place")


def frozen(simulation: Simulation, *services: str) -> Ports:
    """Return the ports of a run in the middle of a freeze of `services`, of every service where none is named."""
    now = simulation.world.now()
    start, end = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (-1, 1))
    freeze = {"name": "audit", "reason": "the books are closed", "start": start, "end": end, "services": list(services)}
    known = calendars_of(calendar(freezes=[freeze]), now=now)
    return replace(simulation.ports("run-1"), calendars=lambda: known)


def refused(ports: Ports, request: RunRequest) -> InputError:
    with pytest.raises(InputError) as error:
        pipeline.run(ports, request)
    return error.value


def test_a_run_by_hand_is_refused_and_told_which_freeze_until_when_and_how_it_is_lifted(simulation: Simulation) -> None:
    error = refused(frozen(simulation), simulation.request(4))

    until = f"{simulation.world.now() + timedelta(hours=1):%Y-%m-%d %H:%M} UTC"
    assert (error.code, error.field) == ("frozen", "preflight.freeze")
    assert f"{simulation.policy.name} is frozen until {until} by audit of calendar sales" in error.message
    assert "(the books are closed)" in error.message
    assert '--override "WHO: WHY"' in error.message
    assert simulation.store.get("run-1").outcome is RunOutcome.FAILED


def test_a_freeze_that_begins_behind_the_plan_keeps_the_run_from_beginning(simulation: Simulation) -> None:
    request = simulation.request(4)
    plan = phases.calculate_capacity(simulation.ports("run-1"), request)

    with pytest.raises(InputError, match="by audit of calendar sales"):
        phases.create_instances(frozen(simulation), request, plan)


def test_an_override_lifts_it_and_stands_in_the_plan_that_is_kept(simulation: Simulation) -> None:
    outcome = pipeline.run(frozen(simulation), replace(simulation.request(4), override=ANN))

    findings = (simulation.store.get("run-1").plan or {})["findings"]
    (told,) = [finding for finding in findings if finding["check"] == "freeze"]
    assert outcome is RunOutcome.SUCCEEDED
    assert told["status"] == FindingStatus.WARNING
    assert told["message"].endswith(f"overridden by {ANN}")


@pytest.mark.parametrize(
    ("change", "outcome"),
    [({"dry_run": True}, RunOutcome.PLANNED_ONLY), ({"is_freeze_known": True}, RunOutcome.SUCCEEDED)],
    ids=["only plans", "has asked"],
)
def test_what_writes_nothing_or_has_asked_is_not_refused(
    simulation: Simulation, change: dict[str, Any], outcome: RunOutcome
) -> None:
    assert pipeline.run(frozen(simulation), replace(simulation.request(4), **change)) is outcome


def test_a_freeze_of_other_services_says_nothing(simulation: Simulation) -> None:
    plan = plan_capacity(frozen(simulation, "another"), simulation.request(4))

    assert [finding for finding in plan.findings if finding.check == "freeze"] == []


def test_a_run_of_a_sweep_is_not_asked_again(simulation: Simulation) -> None:
    child = ChildRun(run_id="run-1", service=simulation.policy.name, before=2, replicas=4, reason="demand")

    request = child.request(simulation.policy, requested_by="a sweep")

    assert pipeline.run(frozen(simulation), request) is RunOutcome.SUCCEEDED


def test_what_is_undone_is_never_frozen(simulation: Simulation) -> None:
    request = simulation.request(4)
    plan = phases.calculate_capacity(simulation.ports("run-1"), request)
    phases.create_instances(simulation.ports("run-1"), request, plan)
    ref = RunRef.of_plan(plan, "run-1")

    progress = phases.roll_back(frozen(simulation), ref)

    assert progress.is_restored
    assert phases.report(frozen(simulation), ref) is RunOutcome.ROLLED_BACK


def test_a_floor_that_is_over_waits_for_the_end_of_the_freeze() -> None:
    simulation = Simulation.of(2, strategy="floor")
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()
    until = simulation.world.now() + timedelta(minutes=10)
    pipeline.run(simulation.ports("run-0"), replace(simulation.request(4, "run-0"), until=until))
    simulation.world.advance(900)

    waiting = release_expired(frozen(simulation), [simulation.policy], parent="one", requested_by="a test")
    released = release_expired(simulation.ports(), [simulation.policy], parent="two", requested_by="a test")

    assert [floor.outcome for floor in waiting] == ["frozen"]
    assert [floor.outcome for floor in released] == ["succeeded"]


class TestBrokenCalendar:
    """What a calendar with errors froze is not known, so it is not taken for nothing."""

    def broken(self, simulation: Simulation) -> Ports:
        def calendars() -> Calendars:
            raise PolicyError((Violation(code="value_invalid", message="no time", field="spec", file="sales.yaml"),))

        return replace(simulation.ports("run-1"), calendars=calendars)

    def test_it_refuses_the_run(self, simulation: Simulation) -> None:
        with pytest.raises(PolicyError, match="sales\\.yaml"):
            pipeline.run(self.broken(simulation), simulation.request(4))

    def test_an_override_lifts_that_too(self, simulation: Simulation) -> None:
        request = replace(simulation.request(4), override=ANN)

        assert pipeline.run(self.broken(simulation), request) is RunOutcome.SUCCEEDED


class TestOverrides:
    """Who, and why: neither may be missing."""

    @pytest.mark.parametrize("text", ["ann", "ann:", ": why", "ann: \nwhy", 7, "ann: " + "y" * 500])
    def test_what_does_not_name_both_is_refused(self, text: object) -> None:
        with pytest.raises(InputError, match="who lifts it and why") as error:
            parse_override(text)

        assert (error.value.code, error.value.field) == ("override_invalid", "override")

    @pytest.mark.parametrize(("text", "override"), [(None, ""), ("", ""), (" ann :  why: now ", "ann: why: now")])
    def test_it_is_kept_as_who_and_why(self, text: str | None, override: str) -> None:
        assert parse_override(text) == override
