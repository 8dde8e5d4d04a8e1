"""Deadlines that no run can meet are known beforehand, with both numbers."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from springtide.capacity.combine import requested
from springtide.kube.objects import Deployment, Json
from springtide.plan.deadlines import deadline_findings
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.planner import make_plan
from support.builders import NOW, SetBuilder, policy

PASSED = FindingStatus.PASSED
WARNING = FindingStatus.WARNING
REFUSED = FindingStatus.REFUSED
SLEEPS_20: Json = {"lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}


def judged(
    start: int, to: int, *, container: Json | None = None, window: int = 0, min_ready: int = 0, **waits: Any
) -> list[Finding]:
    """Return the findings of a run from `start` to `to` pods with this one container, by strategy `type`."""
    chosen = policy(strategy=waits, guards={"step_down": "100%", "step_up": "10x"})
    raw = deepcopy(SetBuilder(replicas=start).deployment.raw)
    raw["spec"]["template"]["spec"]["containers"] = [{"name": "web"} | (container or {})]
    raw["spec"]["minReadySeconds"] = min_ready
    plan = make_plan(chosen, requested(to, now=NOW), current=start, strategy=waits["type"], now=NOW, explicit=True)
    settings = chosen.spec.strategy
    is_chosen = "drain" in settings.model_fields_set
    found = deadline_findings(
        Deployment(raw), plan, settings, window=timedelta(seconds=window), is_drain_chosen=is_chosen
    )
    return list(found)


def removal(start: int, to: int, **case: Any) -> Finding:
    """Return what is found of the removal."""
    (found,) = [finding for finding in judged(start, to, **case) if "deadlines.removed" in finding.message]
    return found


def start(**case: Any) -> Finding:
    """Return what is found of the new pods' start."""
    (found,) = [finding for finding in judged(2, 4, type="in_place", **case) if "deadlines.ready" in finding.message]
    return found


BLUE: Json = {"type": "blue_green", "drain": "2s", "remove_step": "25%", "container": SLEEPS_20}
BATCHED: Json = BLUE | {"overlap": "batched", "batch": 2}
IN_PLACE: Json = BLUE | {"type": "in_place"}


@pytest.mark.parametrize(
    ("case", "start", "to", "seconds"),
    [
        (BLUE, 4, 5, 82),  # four steps of one pod
        (BLUE, 4, 4, 82),
        (BLUE, 8, 4, 122),  # four steps of the stable set, two from eight new pods to four
        (BLUE | {"remove_step": "100%"}, 4, 5, 22),
        (BATCHED, 4, 4, 40),  # two batches of two
        (IN_PLACE, 8, 4, 44),  # the drain of each step
    ],
)
def test_the_deadline_for_the_removal_is_beside_what_it_takes(case: Json, start: int, to: int, seconds: int) -> None:
    enough = removal(start, to, deadlines={"removed": f"{seconds + 1}s"}, **case)
    short = removal(start, to, deadlines={"removed": f"{seconds}s"}, **case)

    assert (enough.status, short.status) == (PASSED, REFUSED)
    assert short.code == "deadline_too_short"
    assert f": {seconds} s; strategy.deadlines.removed is {seconds}s" in short.message


def test_batches_wait_for_their_pods_too() -> None:
    probe = {"readinessProbe": {"initialDelaySeconds": 15}}
    case = BATCHED | {"container": SLEEPS_20 | probe, "deadlines": {"removed": "60s"}}

    assert removal(6, 6, **case).status is REFUSED
    assert "3 batches of 2 pods with 30 s of starts between them" in removal(6, 6, **case).message


def test_a_drain_that_goes_by_while_the_stability_is_watched_is_not_counted_twice() -> None:
    case: Json = {"type": "blue_green", "drain": "50s", "deadlines": {"removed": "60s"}, "container": SLEEPS_20}
    case |= {"remove_step": "100%"}

    assert removal(2, 2, **case).status is REFUSED
    assert removal(2, 2, window=30, **case).status is PASSED


def test_requests_that_only_a_default_says_last_so_long_are_a_warning() -> None:
    case: Json = {"type": "in_place", "remove_step": 1, "deadlines": {"removed": "5m"}}

    assert removal(12, 4, **case).status is WARNING
    assert removal(12, 4, drain="60s", **case).status is REFUSED


def test_what_an_autoscaler_removes_takes_its_own_time() -> None:
    assert judged(8, 4, type="floor", deadlines={"removed": "61s"}, container=SLEEPS_20) == []


def test_growth_in_place_removes_nothing() -> None:
    (found,) = judged(4, 8, type="in_place", deadlines={"removed": "61s"}, container=SLEEPS_20)

    assert "deadlines.ready" in found.message


@pytest.mark.parametrize(
    ("container", "min_ready", "seconds"),
    [
        ({}, 40, 40),
        ({"readinessProbe": {"initialDelaySeconds": 30}}, 10, 40),
        ({"readinessProbe": {"initialDelaySeconds": 10, "periodSeconds": 15, "successThreshold": 3}}, 0, 40),
        ({"startupProbe": {"initialDelaySeconds": 35}, "readinessProbe": {"initialDelaySeconds": 5}}, 5, 40),
    ],
)
def test_a_deadline_for_ready_that_no_pod_can_meet_is_refused(container: Json, min_ready: int, seconds: int) -> None:
    short = start(container=container, min_ready=min_ready, deadlines={"ready": f"{seconds}s"})

    assert (short.status, short.code) == (REFUSED, "deadline_too_short")
    assert f"available {seconds} s after" in short.message
    assert f"strategy.deadlines.ready is {seconds}s" in short.message
    longer = start(container=container, min_ready=min_ready, deadlines={"ready": f"{seconds + 1}s"})
    assert longer.status is not REFUSED


def test_a_start_that_the_probes_only_allow_is_a_warning() -> None:
    container = {"startupProbe": {"periodSeconds": 10, "failureThreshold": 30}}
    found = start(container=container, deadlines={"ready": "4m"})

    assert found.status is WARNING
    assert "300 s" in found.message
    assert "4m" in found.message
    assert start(container=container, deadlines={"ready": "5m"}).status is PASSED
