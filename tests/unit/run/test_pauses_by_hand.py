"""A pause binds the runs that people start; an override names who lifts it, and what is given back is never held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.errors import InputError, TemporaryError
from springtide.plan.findings import FindingStatus
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.record.pauses import Pause
from springtide.run import phases, pipeline
from springtide.run.pauses import parse_pause, pause_findings
from springtide.run.ports import RunRef
from springtide.run.release import release_request
from support.builders import NOW, policy
from support.courses import autoscaler
from support.simulation import Simulation

BOB = "bob: the cache is warm by now"
HOUR = timedelta(hours=1)


@pytest.fixture
def simulation() -> Simulation:
    return Simulation.of(2, strategy="in_place")


def paused(simulation: Simulation) -> Pause:
    now = simulation.world.now()
    pause = Pause(service=simulation.policy.name, at=now, by="ann", reason="the cache is cold", until=now + HOUR)
    return simulation.store.pause(pause)


def test_a_run_by_hand_is_refused_and_told_who_paused_it_until_when_why_and_how_it_is_lifted(
    simulation: Simulation,
) -> None:
    pause = paused(simulation)

    with pytest.raises(InputError) as error:
        pipeline.run(simulation.ports("run-1"), simulation.request(4))

    assert (error.value.code, error.value.field) == ("paused", "preflight.pause")
    assert str(pause) in error.value.message
    assert f"springtide resume {simulation.policy.name}" in error.value.message
    assert '--override "WHO: WHY"' in error.value.message


def test_an_override_lifts_it_and_stands_in_the_plan_that_is_kept(simulation: Simulation) -> None:
    paused(simulation)

    outcome = pipeline.run(simulation.ports("run-1"), replace(simulation.request(4), override=BOB))

    findings = (simulation.store.get("run-1").plan or {})["findings"]
    (told,) = [finding for finding in findings if finding["check"] == "pause"]
    assert outcome is RunOutcome.SUCCEEDED
    assert told["status"] == FindingStatus.WARNING
    assert told["message"].endswith(f"overridden by {BOB}")


def test_a_dry_run_is_told_and_not_refused(simulation: Simulation) -> None:
    paused(simulation)

    pipeline.run(simulation.ports("run-1"), replace(simulation.request(4), dry_run=True))

    findings = (simulation.store.get("run-1").plan or {})["findings"]
    assert any("a run that writes would be refused" in finding["message"] for finding in findings)


def test_a_run_that_has_begun_goes_on_to_its_end(simulation: Simulation) -> None:
    request = simulation.request(4)
    ports = simulation.ports("run-1")
    plan = phases.calculate_capacity(ports, request)
    phases.create_instances(ports, request, plan)
    paused(simulation)

    again = phases.calculate_capacity(ports, request, attempt=2)

    assert again == plan
    assert phases.roll_back(ports, RunRef(workload=plan.target, run_id="run-1")).is_done


def test_a_floor_is_given_back_whoever_has_paused() -> None:
    simulation = Simulation.of(2, strategy="floor")
    simulation.world.apply(autoscaler(2))
    simulation.world.settle()
    pipeline.run(simulation.ports("run-1"), simulation.request(4))
    paused(simulation)
    request = release_request(simulation.policy, run_id="run-2", requested_by="ada", reason="over")

    assert pipeline.run(simulation.ports("run-2"), request) is RunOutcome.SUCCEEDED


class Silent(MemoryStore):
    """A store that does not say what is paused."""

    def pauses(self, *_services: Any, **_more: Any) -> dict[str, Pause]:
        raise TemporaryError("the store does not answer.", code="store_unavailable")


def test_a_store_that_does_not_answer_is_told_and_stops_no_run(simulation: Simulation) -> None:
    ports = replace(simulation.ports("run-1"), store=Silent())

    (finding,) = pause_findings(ports, simulation.request(4))

    assert finding.status is FindingStatus.WARNING
    assert "nobody knows whether" in finding.message


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "reason_invalid"),
        ({"reason": "  "}, "reason_invalid"),
        ({"reason": "a\nb"}, "reason_invalid"),
        ({"reason": "x" * 501}, "reason_invalid"),
        ({"reason": 7}, "reason_invalid"),
        ({"reason": "why", "until": "tomorrow"}, "until_invalid"),
        ({"reason": "why", "until": "2026-11-11T02:00:00"}, "until_invalid"),
        ({"reason": "why", "until": (NOW - HOUR).isoformat()}, "until_invalid"),
        ({"reason": "why", "until": (NOW + timedelta(days=500)).isoformat()}, "until_invalid"),
        ({"reason": "why", "until": 5}, "until_invalid"),
    ],
)
def test_what_is_no_pause_is_refused(asked: Mapping[str, object], code: str) -> None:
    with pytest.raises(InputError) as error:
        parse_pause(asked, policy(), by="ann", now=NOW)

    assert error.value.code == code


@pytest.mark.parametrize(("until", "end"), [(None, None), ("", None), ((NOW + HOUR).isoformat(), NOW + HOUR)])
def test_a_pause_is_of_the_policys_workload_from_now_on(until: str | None, end: Any) -> None:
    request = parse_pause({"reason": " cold cache ", "until": until}, policy(), by="ann", now=NOW)

    pause = request.pause(NOW)

    assert (pause.service, pause.namespace, pause.at, pause.until) == ("web", "shop", NOW, end)
    assert (pause.by, pause.reason) == ("ann", "cold cache")
