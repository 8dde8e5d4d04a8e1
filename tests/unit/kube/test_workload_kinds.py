"""What is scaled is read by its kind: a Deployment, a StatefulSet with its ordinals, a Rollout of Argo Rollouts."""

from __future__ import annotations

import pytest

from springtide import labels
from springtide.errors import InputError
from springtide.kube.objects import Json, Pod
from springtide.kube.observation import PodSet
from springtide.kube.workloads import Rollout, StatefulSet, is_carried
from springtide.workload import Workload, WorkloadKind


def stateful(status: Json | None = None, **spec: object) -> StatefulSet:
    return StatefulSet(
        {
            "metadata": {"name": "db", "uid": "uid-db", "resourceVersion": "1"},
            "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "db"}}, "spec": {}}} | spec,
            "status": {"currentRevision": "db-1", "updateRevision": "db-1", "replicas": 3} | (status or {}),
        }
    )


def rollout(**status: object) -> Rollout:
    settled = {"phase": "Healthy", "stableRS": "abc", "currentPodHash": "abc", "observedGeneration": "4"}
    return Rollout(
        {
            "metadata": {"name": "web", "uid": "uid-web", "resourceVersion": "1", "generation": 4},
            "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}},
            "status": settled | status,
        }
    )


def pod(name: str) -> Pod:
    return Pod({"metadata": {"name": name, "uid": name}})


@pytest.mark.parametrize(
    ("spec", "name", "ordinal"),
    [({}, "db-0", 0), ({}, "db-12", 12), ({"ordinals": {"start": 5}}, "db-7", 2), ({}, "db-x", 0)],
)
def test_the_ordinal_of_a_pod_counts_from_the_first_one(spec: Json, name: str, ordinal: int) -> None:
    assert stateful(**spec).ordinal(pod(name)) == ordinal


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ({"type": "RollingUpdate"}, "pods of revision db-1 are still to become db-2"),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "held back by partition 2"),
        ({"type": "OnDelete"}, "which OnDelete leaves to whoever deletes them"),
    ],
)
def test_pods_of_an_earlier_revision_are_told_with_what_holds_them(strategy: Json, told: str) -> None:
    held = stateful({"updateRevision": "db-2"}, updateStrategy=strategy)

    assert told in str(held.rollout_obstacle)
    assert stateful(updateStrategy=strategy).rollout_obstacle is None


def test_volume_claims_are_kept_unless_it_says_that_they_go() -> None:
    assert not stateful().deletes_volumes
    assert stateful(persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete"}).deletes_volumes


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"phase": "Paused", "message": "CanaryPauseStep"}, "its phase is Paused CanaryPauseStep"),
        ({"phase": "Degraded"}, "its phase is Degraded"),
        ({"currentPodHash": "def"}, "def is not the stable abc yet"),
        ({}, None),
    ],
)
def test_a_rollout_is_done_when_it_is_healthy_and_its_template_the_stable_one(status: Json, told: str | None) -> None:
    assert rollout(**status).rollout_obstacle == told


@pytest.mark.parametrize(("seen", "observed"), [("4", True), (4, True), ("3", False), ("7d9c", False), ("", False)])
def test_the_generation_that_argo_rollouts_writes_as_text_is_read(seen: object, *, observed: bool) -> None:
    assert rollout(observedGeneration=seen).is_observed is observed


def test_the_hash_that_argo_rollouts_pins_its_services_by_is_carried_by_the_stable_pods() -> None:
    assert is_carried(rollout(), "app", "web")
    assert is_carried(rollout(), labels.ROLLOUT_HASH, "abc")
    assert not is_carried(rollout(), labels.ROLLOUT_HASH, "def")
    assert not is_carried(stateful(), labels.ROLLOUT_HASH, "abc")


def test_only_a_deployment_can_have_a_second_set() -> None:
    with pytest.raises(InputError, match="StatefulSet db: only a Deployment can have two sets") as caught:
        _ = PodSet(stateful(), (), ()).deployment

    assert caught.value.code == "workload_unsupported"


@pytest.mark.parametrize(
    ("workload", "reference", "lease"),
    [
        (Workload(namespace="shop", deployment="web", service="web"), "web", "springtide-web"),
        (
            Workload(namespace="shop", deployment="db", service=None, kind=WorkloadKind.STATEFUL_SET),
            "statefulset/db",
            "springtide.statefulset.db",
        ),
        (
            Workload(namespace="shop", deployment="web.v2", service=None, kind=WorkloadKind.ROLLOUT),
            "rollout/web.v2",
            "springtide.rollout.web.v2",
        ),
    ],
)
def test_two_kinds_of_one_name_share_neither_lease_nor_record(workload: Workload, reference: str, lease: str) -> None:
    assert (workload.reference, workload.lease_name) == (reference, lease)
    assert Workload.of_reference("shop", reference, workload.service) == workload
    assert Workload.from_record(workload.to_record()) == workload


def test_a_lease_of_before_there_were_other_kinds_is_a_deployments() -> None:
    stored = {"namespace": "shop", "deployment": "web", "service": "web"}

    assert Workload.from_record(stored).kind is WorkloadKind.DEPLOYMENT
