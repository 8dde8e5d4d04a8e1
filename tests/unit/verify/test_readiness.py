"""Ready, not ready yet, or never: by what the pods report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from springtide.errors import WorkloadFailed
from springtide.kube.objects import Json
from springtide.verify.readiness import SECOND_LOOK, failure_reason, missing_readiness
from support.builders import NOW, SetBuilder, policy

SECOND = timedelta(seconds=1)
GRACES = {"unschedulable": "6m", "image": "5m", "refused": "3m", "crash": "4m", "container": "2m"}
BACK_OFF = 'ImagePullBackOff: Back-off pulling image "shop/web:2": ErrImagePull: '
AWAY = "failed to do request: Head https://registry/v2/web/manifests/2: dial tcp 10.0.0.9:443: connect: refused"
GONE = 'rpc error: code = NotFound desc = failed to resolve reference "shop/web:2": shop/web:2: not found'


def missing(built: SetBuilder, *, needed: int = 3, **settings: Any) -> str | None:
    strategy = policy(strategy={"type": "in_place"} | settings).spec.strategy
    return missing_readiness(built.build(), needed=needed, at=NOW, settings=strategy)


def unschedulable(*, since: timedelta) -> SetBuilder:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
        "lastTransitionTime": (NOW - since).isoformat(),
    }
    return SetBuilder(ready=0, pod_changes={"phase": "Pending", "conditions": [condition]})


def refusing(message: str, *, since: timedelta) -> SetBuilder:
    """Return a set of which the third pod is not created."""
    condition: Json = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": message,
        "lastTransitionTime": (NOW - since).isoformat(),
    }
    return SetBuilder(ready=2, pods=2, conditions=(condition,))


def reporting(message: str, *, age: timedelta = timedelta(hours=1), **more: Any) -> SetBuilder:
    """Return a set of which the pods that are not ready wait with `message`, and have been there for `age`."""
    return SetBuilder(ready=2, waiting=message, age=age).with_(**more)


def test_available_pods_of_the_present_template_are_ready() -> None:
    assert missing(SetBuilder()) is None


def test_more_replicas_asked_for_than_there_are() -> None:
    assert "3 of 4 pods are Ready" in (missing(SetBuilder(), needed=4) or "")


def test_counts_from_before_the_change_mean_nothing() -> None:
    assert "has not seen" in (missing(SetBuilder(observed=False)) or "")


@pytest.mark.parametrize(
    "message",
    [
        "ErrImageNeverPull: not present with pull policy of Never",
        "InvalidImageName: couldn't parse",
        f"ErrImagePull: {GONE}",
        f"{BACK_OFF}{GONE}",
        f"{BACK_OFF}reading manifest 2 in quay.io/shop/web: manifest unknown",
        "ErrImagePull: name unknown: The repository does not exist in the registry",
    ],
)
def test_what_is_final_by_its_own_words_ends_the_wait_at_once(message: str) -> None:
    with pytest.raises(WorkloadFailed) as caught:
        missing(reporting(message, age=timedelta(0)))

    assert caught.value.code == "image_unavailable"
    assert message.partition(": ")[2] in caught.value.message


@pytest.mark.parametrize(
    ("message", "kind", "code"),
    [
        (f"{BACK_OFF}{AWAY}", "image", "image_unavailable"),
        (f"ErrImagePull: {AWAY}", "image", "image_unavailable"),
        ("ImagePullBackOff: Back-off pulling image", "image", "image_unavailable"),
        (f"{BACK_OFF}repository does not exist or may require authorization", "image", "image_unavailable"),
        (f"{BACK_OFF}toomanyrequests: You have reached your pull rate limit", "image", "image_unavailable"),
        ("CreateContainerConfigError: configmap not found", "container", "container_config"),
        ("CreateContainerError: context deadline exceeded", "container", "container_config"),
        ("RunContainerError: failed to create shim task", "container", "container_config"),
        ("CrashLoopBackOff: back-off 20s restarting", "crash", "crash_loop"),
    ],
)
def test_what_may_mend_itself_has_the_grace_of_its_kind(message: str, kind: str, code: str) -> None:
    grace = {"2m": 120, "4m": 240, "5m": 300}[GRACES[kind]] * SECOND
    told = missing(reporting(message, age=grace - SECOND), patience=GRACES)

    assert f"strategy.patience.{kind}: 1 s are left" in (told or "")
    with pytest.raises(WorkloadFailed) as caught:
        missing(reporting(message, age=grace), patience=GRACES)
    assert caught.value.code == code
    assert message.partition(": ")[2] in caught.value.message


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("pods is forbidden: exceeded quota: small", "quota_short"),
        ('Operation cannot be fulfilled on resourcequotas "small": the object has been modified', "pods_refused"),
        ('failed calling webhook "check.example.com": connection refused', "pods_refused"),
    ],
)
def test_pods_that_are_not_created_have_a_grace_too(message: str, code: str) -> None:
    assert message in (missing(refusing(message, since=179 * SECOND), patience=GRACES) or "")
    with pytest.raises(WorkloadFailed, match="will not become ready") as caught:
        missing(refusing(message, since=180 * SECOND), patience=GRACES)

    assert caught.value.code == code


def test_a_node_autoscaler_has_time_to_bring_a_node() -> None:
    assert "1 s are left" in (missing(unschedulable(since=359 * SECOND), patience=GRACES) or "")
    with pytest.raises(WorkloadFailed, match="Insufficient cpu") as caught:
        missing(unschedulable(since=360 * SECOND), patience=GRACES)

    assert caught.value.code == "unschedulable"


def test_no_grace_is_longer_than_the_deadline_for_ready() -> None:
    assert missing(unschedulable(since=29 * SECOND), deadlines={"ready": "30s"}) is not None
    with pytest.raises(WorkloadFailed):
        missing(unschedulable(since=30 * SECOND), deadlines={"ready": "30s"})


def test_a_grace_of_nothing_is_none() -> None:
    with pytest.raises(WorkloadFailed):
        missing(reporting(f"{BACK_OFF}{AWAY}", age=timedelta(0)), patience={"image": "0s"})


def test_a_grace_begins_anew_where_a_pod_comes_further() -> None:
    moments = (("PodScheduled", 3600), ("Initialized", 10), ("Ready", 3600), ("example.com/gate", 3600))
    conditions = [
        {
            "type": kind,
            "status": "True" if kind == "Initialized" else "False",
            "lastTransitionTime": (NOW - seconds * SECOND).isoformat(),
        }
        for kind, seconds in moments
    ]
    state = {"waiting": {"reason": "CreateContainerError", "message": "busy"}}
    changes = {"conditions": conditions, "containerStatuses": [{"name": "web", "state": state}]}

    assert "(strategy.patience.container: 110 s are left" in (
        missing(SetBuilder(ready=2, pod_changes=changes), patience=GRACES) or ""
    )


def test_a_pod_of_which_nobody_says_since_when_is_waited_for() -> None:
    assert missing(SetBuilder(ready=2, waiting=f"{BACK_OFF}{AWAY}")) is not None


@pytest.mark.parametrize("message", ["ContainerCreating: ", "PodInitializing: "])
def test_pods_that_may_still_come_are_waited_for(message: str) -> None:
    assert missing(reporting(message)) is not None


def test_a_first_restart_is_no_crash_loop() -> None:
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    status = [{"name": "web", "state": state, "restartCount": 1}]
    built = SetBuilder(ready=2, age=timedelta(hours=1), pod_changes={"containerStatuses": status})

    assert missing(built) is not None


def test_a_failure_does_not_matter_once_enough_are_ready() -> None:
    assert missing(reporting(BACK_OFF + GONE, replicas=4, ready=3), needed=3) is None


def test_one_pod_that_is_given_up_ends_no_wait_for_others_that_are_enough() -> None:
    bad = reporting(BACK_OFF + GONE, replicas=4, ready=2, pods=3)

    assert missing(bad, needed=3) is not None
    with pytest.raises(WorkloadFailed):
        missing(bad, needed=4)


def test_where_pods_are_given_up_that_nobody_creates_those_there_must_be_enough() -> None:
    coming = refusing("exceeded quota: small", since=timedelta(hours=1)).with_(replicas=4, ready=1, pods=3)

    assert missing(coming, needed=3) is not None
    with pytest.raises(WorkloadFailed, match="exceeded quota"):
        missing(coming, needed=4)


class TestPodsThatHaveTraffic:
    """What serves in their place is one swap away: no patience."""

    def test_what_may_mend_itself_is_believed_at_once(self) -> None:
        built = reporting(f"{BACK_OFF}{AWAY}", age=timedelta(0)).build()

        assert failure_reason(built, NOW) is not None
        assert failure_reason(built, NOW, settings=policy().spec.strategy) is None

    def test_the_first_try_of_a_pull_is_not(self) -> None:
        assert failure_reason(reporting(f"ErrImagePull: {AWAY}").build(), NOW) is None

    def test_the_scheduler_gets_a_second_look(self) -> None:
        assert failure_reason(unschedulable(since=SECOND_LOOK / 2).build(), NOW) is None
        assert failure_reason(unschedulable(since=SECOND_LOOK).build(), NOW) is not None
