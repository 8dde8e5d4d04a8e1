"""What a policy may name as its target, and what of it two policies may share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from springtide.errors import PolicyError
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.workload import Workload, WorkloadKind
from support.builders import policy, policy_text

IN_PLACE = {"type": "in_place"}


def target(**named: str) -> dict[str, str]:
    return {"namespace": "shop", "service": "web"} | named


def chosen(strategy: str = "in_place", **named: str) -> ScalingPolicy:
    return policy(target=target(**named), strategy={"type": strategy})


def refused(strategy: str = "in_place", **named: str) -> str:
    with pytest.raises(ValidationError) as caught:
        chosen(strategy, **named)
    return str(caught.value)


@pytest.mark.parametrize("kind", list(WorkloadKind))
@pytest.mark.parametrize("strategy", ["in_place", "floor"])
def test_a_kind_is_named_by_its_own_key(kind: WorkloadKind, strategy: str) -> None:
    assert chosen(strategy, **{kind.value: "db"}).spec.target.workload == Workload(
        namespace="shop", deployment="db", service="web", kind=kind
    )


def test_one_of_them_is_required() -> None:
    assert "it is required, or statefulset or rollout in its place" in refused()


def test_and_no_two() -> None:
    assert "deployment is named as well: one policy for one workload" in refused(deployment="web", statefulset="db")


@pytest.mark.parametrize("kind", ["statefulset", "rollout"])
def test_blue_green_is_for_deployments(kind: str) -> None:
    assert "blue_green sets a ReplicaSet aside" in refused("blue_green", **{kind: "web"})


@pytest.mark.parametrize("kind", ["statefulset", "rollout"])
def test_a_name_leaves_room_for_the_one_of_its_lease(kind: str) -> None:
    longest = chosen(**{kind: "w" * 229}).spec.target.workload

    assert len(longest.lease_name) <= 253
    assert "the name has 230 characters, at most 229" in refused(**{kind: "w" * 230})


def folder(path: Path, *texts: tuple[str, str]) -> Path:
    for name, text in texts:
        (path / f"{name}.yaml").write_text(text)
    return path


def of_kind(name: str, kind: str, workload: str, service: str, **spec: Any) -> tuple[str, str]:
    named = {"namespace": "shop", kind: workload, "service": service}
    return name, policy_text(name, target=named, **{"strategy": IN_PLACE} | spec)


@pytest.mark.parametrize(
    "name", ["eu-prod", "arn:aws:eks:eu-west-1:1:cluster/shop", "admin@shop", "gke_a_b_c", "e" * 250]
)
def test_a_cluster_is_called_as_connections_and_contexts_are(name: str) -> None:
    assert chosen(cluster=name, deployment="web").spec.target.workload.cluster == name


@pytest.mark.parametrize("name", ["", " eu", "eu prod", "-eu", "e\u0430st", "eu\n", "e" * 251])
def test_another_name_is_refused(name: str) -> None:
    assert "is not a valid name: letters, digits and '_.:/@-'" in refused(cluster=name, deployment="web")


def test_without_one_it_is_stored_as_before_there_were_several() -> None:
    assert "cluster" not in chosen(deployment="web").spec.target.workload.to_record()


def in_cluster(name: str, cluster: str, **spec: Any) -> tuple[str, str]:
    named = {"cluster": cluster, "namespace": "shop", "deployment": "web", "service": "web"}
    return name, policy_text(name, target=named, **spec)


def test_the_same_names_in_two_clusters_are_two_workloads(tmp_path: Path) -> None:
    default = of_kind("here", "deployment", "web", "web", strategy={"type": "blue_green"})
    files = folder(tmp_path, default, in_cluster("one", "eu"), in_cluster("two", "us"))

    assert sorted(PolicyFolder(files).all()) == ["here", "one", "two"]


def test_and_in_one_of_them_one(tmp_path: Path) -> None:
    files = folder(tmp_path, in_cluster("one", "eu"), in_cluster("two", "eu"))

    with pytest.raises(PolicyError) as caught:
        PolicyFolder(files).all()
    assert "shop/web in cluster eu belongs to" in caught.value.message


def test_placeholders_are_of_one_cluster(tmp_path: Path) -> None:
    warm = {"type": "in_place", "warm_nodes": {"deployment": "spare"}}
    files = folder(tmp_path, in_cluster("one", "eu", strategy=warm), in_cluster("two", "us", strategy=warm))

    assert sorted(PolicyFolder(files).all()) == ["one", "two"]


def test_a_service_that_nobody_switches_may_belong_to_several_policies(tmp_path: Path) -> None:
    files = folder(
        tmp_path,
        of_kind("one", "deployment", "web-v1", "web"),
        of_kind("two", "deployment", "web-v2", "web", strategy={"type": "floor"}),
        of_kind("three", "statefulset", "web-v1", "web"),
    )

    assert sorted(PolicyFolder(files).all()) == ["one", "three", "two"]


def test_one_that_is_switched_may_not(tmp_path: Path) -> None:
    files = folder(
        tmp_path,
        of_kind("one", "deployment", "web-v1", "web"),
        of_kind("two", "deployment", "web-v2", "web", strategy={"type": "blue_green"}),
    )

    with pytest.raises(PolicyError) as caught:
        PolicyFolder(files).all()
    assert [violation.code for violation in caught.value.violations] == ["shared_workload"]


def test_a_stateful_set_belongs_to_one_policy(tmp_path: Path) -> None:
    files = folder(tmp_path, of_kind("one", "statefulset", "db", "web"), of_kind("two", "statefulset", "db", "other"))

    with pytest.raises(PolicyError) as caught:
        PolicyFolder(files).all()
    (violation,) = caught.value.violations
    assert (violation.code, violation.field) == ("shared_workload", "spec.target.statefulset")
