"""Ready, not ready yet, or never: by what the pods report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from springtide.errors import WorkloadFailed
from springtide.verify.readiness import UNSCHEDULABLE_GRACE, missing_readiness
from support.builders import NOW, SetBuilder


def missing(built: SetBuilder, *, needed: int = 3) -> str | None:
    return missing_readiness(built.build(), needed=needed, at=NOW)


def unschedulable(*, since: timedelta) -> SetBuilder:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
        "lastTransitionTime": (NOW - since).isoformat(),
    }
    return SetBuilder(ready=0, pod_changes={"phase": "Pending", "conditions": [condition]})


def test_available_pods_of_the_present_template_are_ready() -> None:
    assert missing(SetBuilder()) is None


def test_more_replicas_asked_for_than_there_are() -> None:
    assert "3 of 4 pods are Ready" in (missing(SetBuilder(), needed=4) or "")


def test_counts_from_before_the_change_mean_nothing() -> None:
    assert "has not seen" in (missing(SetBuilder(observed=False)) or "")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("ImagePullBackOff: Back-off pulling image", "image_unavailable"),
        ("ErrImageNeverPull: not present with pull policy of Never", "image_unavailable"),
        ("InvalidImageName: couldn't parse", "image_unavailable"),
        ("CreateContainerConfigError: configmap not found", "container_config"),
        ("CrashLoopBackOff: back-off 20s restarting", "crash_loop"),
    ],
)
def test_hopeless_pods_fail_at_once(message: str, code: str) -> None:
    with pytest.raises(WorkloadFailed) as caught:
        missing(SetBuilder(ready=2, waiting=message))

    assert caught.value.code == code
    assert message.partition(": ")[2] in caught.value.message


@pytest.mark.parametrize("message", ["ContainerCreating: ", "ErrImagePull: first try"])
def test_pods_that_may_still_come_are_waited_for(message: str) -> None:
    assert missing(SetBuilder(ready=2, waiting=message)) is not None


def test_the_scheduler_gets_a_second_look() -> None:
    assert missing(unschedulable(since=UNSCHEDULABLE_GRACE / 2)) is not None
    with pytest.raises(WorkloadFailed, match="Insufficient cpu"):
        missing(unschedulable(since=UNSCHEDULABLE_GRACE))


def test_a_failure_does_not_matter_once_enough_are_ready() -> None:
    assert missing(SetBuilder(replicas=4, ready=3, waiting="ImagePullBackOff: x"), needed=3) is None
