"""Pods that are told to stop get the time that they need, or the run says that they do not (I-9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from springtide.capacity.combine import requested
from springtide.kube.objects import Json
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.grace import grace_findings
from springtide.plan.planner import make_plan
from support.builders import NOW, policy

PASSED = FindingStatus.PASSED
WARNING = FindingStatus.WARNING
REFUSED = FindingStatus.REFUSED
NOT_CHECKED = FindingStatus.NOT_CHECKED
SLEEPS_10: Json = {"sleep": {"seconds": 10}}


def judged(hooks: Sequence[Json], *, strategy: str, to: int = 2, grace: int | None = None, **waits: Any) -> Finding:
    """Return the finding of a run from 4 to `to` replicas of pods with these preStop hooks."""
    chosen = policy(strategy={"type": strategy} | waits, guards={"step_down": "100%"})
    containers = [{"name": f"c{number}", "lifecycle": {"preStop": hook}} for number, hook in enumerate(hooks)]
    spec: Json = {"containers": containers or [{"name": "web"}]}
    spec |= {} if grace is None else {"terminationGracePeriodSeconds": grace}
    estimate = requested(to, now=NOW)
    plan = make_plan(chosen, estimate, current=4, strategy=strategy, now=NOW, explicit=True)
    settings = chosen.spec.strategy
    is_chosen = "drain" in settings.model_fields_set
    (finding,) = grace_findings(spec, plan, settings, is_drain_chosen=is_chosen)
    return finding


@pytest.mark.parametrize(
    ("hooks", "case", "status"),
    [
        ([SLEEPS_10], {"strategy": "in_place", "grace": 70}, PASSED),
        ([SLEEPS_10], {"strategy": "in_place", "grace": 69}, WARNING),  # nobody said that requests last a minute
        ([SLEEPS_10], {"strategy": "in_place", "grace": 40, "drain": "30s"}, PASSED),
        ([SLEEPS_10], {"strategy": "in_place", "grace": 39, "drain": "30s"}, REFUSED),
        ([SLEEPS_10], {"strategy": "in_place", "drain": "20s"}, PASSED),  # Kubernetes gives 30 s
        ([SLEEPS_10], {"strategy": "in_place", "drain": "21s"}, REFUSED),
        ([SLEEPS_10], {"strategy": "in_place", "grace": 11, "drain": "30s", "to": 6}, PASSED),  # nothing is stopped
        ([SLEEPS_10], {"strategy": "in_place", "grace": 10, "drain": "0s", "to": 6}, REFUSED),
        ([], {"strategy": "in_place", "drain": "5s"}, WARNING),  # told to stop while requests still come
        ([], {"strategy": "in_place", "drain": "31s"}, REFUSED),
        ([], {"strategy": "blue_green"}, PASSED),  # drained before they are deleted
        ([SLEEPS_10], {"strategy": "blue_green", "grace": 11}, PASSED),
        ([SLEEPS_10], {"strategy": "blue_green", "grace": 10}, REFUSED),
        ([SLEEPS_10], {"strategy": "floor", "grace": 11}, PASSED),
        ([SLEEPS_10], {"strategy": "floor", "grace": 5}, REFUSED),
        ([{"exec": {"command": ["sh", "-c", "quit; sleep 15"]}}], {"strategy": "blue_green", "grace": 15}, REFUSED),
        ([{"exec": {"command": ["/bin/sleep", "15"]}}], {"strategy": "blue_green", "grace": 16}, PASSED),
        ([{"exec": {"command": ["/drain.sh"]}}], {"strategy": "blue_green"}, NOT_CHECKED),
        ([{"httpGet": {"path": "/quit"}}, SLEEPS_10], {"strategy": "blue_green", "grace": 10}, REFUSED),
    ],
)  # fmt: skip
def test_the_time_to_stop_covers_what_it_is_for(hooks: list[Json], case: dict[str, Any], status: FindingStatus) -> None:
    finding = judged(hooks, **case)

    assert finding.status is status
    assert (finding.code == "grace_too_short") is (status is REFUSED)


def test_a_refusal_tells_both_numbers_and_what_to_do() -> None:
    finding = judged([SLEEPS_10], strategy="in_place", drain="40s")

    assert finding.message == (
        "terminationGracePeriodSeconds is 30, preStop takes 10 s and strategy.drain is 40 s: pods are killed before "
        "they are done. Raise terminationGracePeriodSeconds to at least 50, or lower strategy.drain to what the "
        "longest request takes."
    )
