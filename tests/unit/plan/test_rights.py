"""The rights of a run are those of its strategy, and the Roles that are shipped hold these and no other."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from springtide.fleet.looking import LOOK_RIGHTS
from springtide.kube.client import Right
from springtide.kube.objects import Json, Kind
from springtide.overview.replicas import PAGE_RIGHTS
from springtide.plan.findings import FindingStatus
from springtide.plan.rights import (
    APPLY_RIGHTS,
    HALT_RIGHT,
    PREFLIGHT_RIGHTS,
    RECONCILE_RIGHTS,
    TELLING_RIGHTS,
    WAIT_RIGHTS,
    WATCH_RIGHTS,
    proxy_rights,
    rights_finding,
    rights_of,
)
from springtide.workload import Workload, WorkloadKind

ROLES = Path(__file__).parents[3] / "deploy" / "kubernetes"
WEB = Workload(namespace="shop", deployment="web", service="web")
STATEFUL = Workload(namespace="shop", deployment="db", service="db", kind=WorkloadKind.STATEFUL_SET)
ROLLOUT = Workload(namespace="shop", deployment="web", service="web", kind=WorkloadKind.ROLLOUT)
WAYS: list[tuple[str, tuple[Kind, str] | None]] = [
    ("blue_green", None),
    ("in_place", None),
    ("floor", (Kind.AUTOSCALER, "web")),
    ("floor", (Kind.SCALED_OBJECT, "web")),
]


def rules(file: str) -> list[Json]:
    """Return the rules of the one Role in a file that is shipped."""
    documents = YAML(typ="safe", pure=True).load_all(ROLES / file)
    (role,) = [document for document in documents if document["kind"] == "Role"]
    return list(role["rules"])


def granted(file: str) -> list[Right]:
    """Return every right that the Role of a file grants, for objects of any name."""
    return [
        Right(verb=verb, group=group, resource=resource)
        for rule in rules(file)
        for group, resource, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"])
    ]


def of_any_name(right: Right) -> Right:
    return Right(verb=right.verb, group=right.group, resource=right.resource)


def test_the_role_grants_what_some_strategy_or_look_needs_and_nothing_else() -> None:
    others = {
        right
        for kind in (STATEFUL, ROLLOUT)
        for strategy, through in WAYS[1:]
        for right in rights_of(kind, strategy, through)
    }
    needed = {right for strategy, through in WAYS for right in rights_of(WEB, strategy, through)}
    needed = {of_any_name(right) for right in needed | others}

    asked = set(proxy_rights(pods=True, services=True))
    assert set(granted("rbac.yaml")) == needed | asked | set(PREFLIGHT_RIGHTS) | set(WAIT_RIGHTS) | set(
        RECONCILE_RIGHTS
    ) | set(TELLING_RIGHTS) | set(PAGE_RIGHTS) | set(LOOK_RIGHTS) | set(WATCH_RIGHTS) | {of_any_name(HALT_RIGHT)}


def test_the_role_lets_the_one_config_map_be_read_that_halts_and_no_other() -> None:
    (rule,) = [rule for rule in rules("rbac.yaml") if "configmaps" in rule["resources"]]

    assert rule == {
        "apiGroups": [HALT_RIGHT.group],
        "resources": [HALT_RIGHT.resource],
        "resourceNames": [HALT_RIGHT.name],
        "verbs": [HALT_RIGHT.verb],
    }


def test_the_role_for_autoscalers_grants_what_applying_them_needs() -> None:
    assert set(granted("rbac-autoscaler.yaml")) == set(APPLY_RIGHTS)


@pytest.mark.parametrize("file", ["rbac.yaml", "rbac-autoscaler.yaml"])
def test_no_right_is_granted_twice_or_by_a_star(file: str) -> None:
    rights = granted(file)

    assert len(rights) == len(set(rights))
    assert not [right for right in rights if "*" in (right.verb, right.group, right.resource)]


def test_no_run_may_create_anything_but_its_lease_and_events_that_tell_of_it() -> None:
    created = {right for right in granted("rbac.yaml") if right.verb == "create"}

    assert created == {Right(verb="create", group="coordination.k8s.io", resource="leases"), *TELLING_RIGHTS}


def test_only_blue_green_touches_replica_sets_and_the_service() -> None:
    rights = {strategy: set(rights_of(WEB, strategy, through)) for strategy, through in WAYS}
    sets = {
        *(Right(verb=verb, group="apps", resource="replicasets") for verb in ("get", "patch", "delete")),
        Right(verb="patch", group="apps", resource="replicasets/scale"),
        Right(verb="patch", group="", resource="services", name="web"),
    }

    assert rights["blue_green"] - rights["in_place"] == sets
    assert rights["in_place"] <= rights["blue_green"]


def test_rights_are_named_where_a_role_may_name_them() -> None:
    in_place = set(rights_of(WEB, "in_place", None))
    floor = set(rights_of(WEB, "floor", (Kind.SCALED_OBJECT, "web")))

    assert Right(verb="patch", group="apps", resource="deployments/scale", name="web") in in_place - floor
    assert Right(verb="patch", group="keda.sh", resource="scaledobjects", name="web") in floor


def test_a_stateful_set_and_a_rollout_need_the_rights_of_their_own_kind() -> None:
    stateful = {str(right) for right in rights_of(STATEFUL, "in_place", None)}
    rollout = {str(right) for right in rights_of(ROLLOUT, "in_place", None)}

    assert {"get statefulsets.apps db", "patch statefulsets.apps db", "patch statefulsets/scale.apps db"} <= stateful
    assert {"get rollouts.argoproj.io web", "patch rollouts/scale.argoproj.io web"} <= rollout
    assert not {right for right in stateful if "replicasets" in right or "deployments" in right}
    assert "list replicasets.apps" in rollout


def test_missing_rights_are_named_with_what_to_do() -> None:
    rights = rights_of(WEB, "in_place", None)
    finding = rights_finding(rights, rights[-1:], "shop")

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "rbac_missing")
    assert "patch deployments/scale.apps web" in finding.message
    assert rights_finding(rights, [], "shop").status is FindingStatus.PASSED
