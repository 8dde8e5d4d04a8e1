"""Who else decides over a workload is found before a run writes, and named with what to use instead."""

from __future__ import annotations

import pytest

from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Json, Kind
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.owners import Claim, autoscaler_owner_finding, claims_on, owner_findings
from support.builders import SetBuilder, hpa, scaled_object


def deployment(*owners: Json) -> Deployment:
    """Return the Deployment `web` with these ownerReferences."""
    built = SetBuilder().deployment
    built.raw["metadata"]["ownerReferences"] = list(owners)
    return built


def owner(kind: str, name: str, *, controller: bool = True) -> Json:
    return {"apiVersion": "example.com/v1", "kind": kind, "name": name, "uid": "uid-owner", "controller": controller}


def findings(built: Deployment, *claims: Claim, unread: tuple[str, ...] = ()) -> list[Finding]:
    return list(owner_findings(built, claims, unread))


def rollout(reference: Json | None) -> Json:
    spec = {} if reference is None else {"workloadRef": reference}
    return {"metadata": {"name": "web-rollout"}, "spec": spec}


def test_a_deployment_that_nobody_owns_is_its_peoples() -> None:
    (finding,) = findings(deployment())

    assert finding.status is FindingStatus.PASSED


@pytest.mark.parametrize("kind", ["Canary", "Superset", "ShopService"])
def test_the_controller_of_a_deployment_is_named_with_its_kind(kind: str) -> None:
    (finding,) = findings(deployment(owner(kind, "shop-web")))

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "workload_owned")
    assert f"Deployment web belongs to {kind} shop-web" in finding.message
    assert f"Set the replicas in {kind} shop-web, or use strategy floor" in finding.message


def test_an_owner_that_controls_nothing_only_collects_the_garbage() -> None:
    (finding,) = findings(deployment(owner("Application", "shop", controller=False)))

    assert finding.status is FindingStatus.PASSED


def test_a_rollout_that_took_the_deployment_over_is_named() -> None:
    named = rollout({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
    (finding,) = findings(deployment(), *claims_on(deployment(), Kind.ROLLOUT, [named]))

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "workload_owned")
    assert "Rollout web-rollout has taken over Deployment web (spec.workloadRef)" in finding.message


def test_a_canary_is_found_by_its_target() -> None:
    canary = {"metadata": {"name": "shop"}, "spec": {"targetRef": {"kind": "Deployment", "name": "web"}}}

    assert claims_on(deployment(), Kind.CANARY, [canary]) == (Claim("Canary", "shop", "spec.targetRef"),)


@pytest.mark.parametrize(
    "reference",
    [None, {"kind": "Deployment", "name": "web-other"}, {"kind": "DaemonSet", "name": "web"}],
    ids=["a template of its own", "another Deployment", "another kind"],
)
def test_what_names_something_else_claims_nothing(reference: Json | None) -> None:
    assert claims_on(deployment(), Kind.ROLLOUT, [rollout(reference)]) == ()


def test_what_nobody_may_see_is_not_checked_and_hides_nothing_that_was_seen() -> None:
    unseen = "list canary in shop: refused with 403"
    refused, not_checked = findings(deployment(owner("Superset", "bi")), unread=(unseen,))

    assert refused.status is FindingStatus.REFUSED
    assert (not_checked.status, not_checked.message) == (FindingStatus.NOT_CHECKED, unseen)


@pytest.mark.parametrize("autoscaler", [hpa(3), scaled_object(3)])
def test_a_floor_warns_of_whoever_writes_the_autoscaler(autoscaler: Autoscaler) -> None:
    assert autoscaler_owner_finding(autoscaler).status is FindingStatus.PASSED

    autoscaler.raw["metadata"]["ownerReferences"] = [owner("Canary", "shop")]
    finding = autoscaler_owner_finding(autoscaler)
    assert finding.status is FindingStatus.WARNING
    assert f"{autoscaler.title} belongs to Canary shop" in finding.message
