"""Who else decides over a workload is found before a run writes, and named with what to use instead."""

from __future__ import annotations

import pytest

from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Json, Kind
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.owners import (
    Claim,
    autoscaler_owner_finding,
    claims_on,
    floor_owner_findings,
    keda_findings,
    owner_findings,
    vertical_findings,
)
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


def wrote(manager: str, *fields: str, subresource: str = "") -> Json:
    """Return the account of somebody who set these fields of a spec at noon."""
    return {
        "manager": manager,
        "operation": "Update",
        "time": "2026-11-27T12:00:00Z",
        "subresource": subresource,
        "fieldsV1": {"f:spec": {f"f:{field}": {} for field in fields}},
    }


def written_by(*entries: Json) -> Deployment:
    built = deployment()
    built.raw["metadata"]["managedFields"] = list(entries)
    return built


@pytest.mark.parametrize("subresource", ["", "scale"])
def test_a_scaler_by_the_clock_is_named_with_how_and_when_it_wrote(subresource: str) -> None:
    deployed = wrote("kubectl-client-side-apply", "template", "selector")
    scaler = wrote("kubernetes-cronhpa-controller", "replicas", subresource=subresource)
    (finding,) = findings(written_by(deployed, scaler))

    through = " through scale" if subresource else ""
    assert finding.status is FindingStatus.WARNING
    assert f"kubernetes-cronhpa-controller (Update{through}, 2026-11-27T12:00:00Z)" in finding.message
    assert "spec.replicas of Deployment web" in finding.message
    assert "kubectl" not in finding.message


@pytest.mark.parametrize(
    "entry",
    [
        wrote("terraform", "replicas", "template"),
        wrote("kubectl-scale", "replicas", subresource="scale"),
        wrote("helm", "replicas"),
        wrote("springtide", "replicas", subresource="scale"),
    ],
    ids=["deploys", "a person", "a person's release", "springtide"],
)
def test_who_deploys_or_scales_by_hand_is_told_and_nothing_more(entry: Json) -> None:
    (finding,) = findings(written_by(entry))

    assert finding.status is FindingStatus.PASSED
    assert f"spec.replicas was written by {entry['manager']} (Update" in finding.message


def test_who_writes_only_the_status_is_nobody() -> None:
    (finding,) = findings(written_by(wrote("kube-controller-manager", "replicas", subresource="status")))

    assert "written by" not in finding.message


def vertical(mode: str | None, name: str = "web", kind: str = "Deployment") -> Json:
    spec: Json = {"targetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name}}
    if mode is not None:
        spec["updatePolicy"] = {"updateMode": mode}
    return {"metadata": {"name": "web-vpa"}, "spec": spec}


@pytest.mark.parametrize(
    ("mode", "evicts"),
    [("Auto", True), ("Recreate", True), ("InPlaceOrRecreate", True), (None, True), ("Initial", False)],
)
def test_a_vertical_autoscaler_is_told_by_what_it_does_to_pods(mode: str | None, *, evicts: bool) -> None:
    (finding,) = vertical_findings(deployment(), [vertical(mode)])

    assert finding.status is FindingStatus.WARNING
    assert f"VerticalPodAutoscaler web-vpa (updateMode {mode or 'Auto'})" in finding.message
    assert ("evicts pods" in finding.message) is evicts


@pytest.mark.parametrize("raw", [vertical("Off"), vertical("Auto", "other"), vertical("Auto", kind="StatefulSet")])
def test_a_vertical_autoscaler_that_changes_no_pod_of_it_is_not_told(raw: Json) -> None:
    assert list(vertical_findings(deployment(), [raw])) == []


def keda(**annotations: str) -> Autoscaler:
    built = scaled_object(1, 20)
    built.raw["metadata"]["annotations"] = {f"autoscaling.keda.sh/{key}": value for key, value in annotations.items()}
    return built


def test_a_paused_scaled_object_is_told_with_what_it_does_once_it_is_resumed() -> None:
    (finding,) = keda_findings(deployment(), [keda(paused="true")])

    assert finding.status is FindingStatus.WARNING
    assert "ScaledObject web is paused (autoscaling.keda.sh/paused: 'true')" in finding.message
    assert "its minimum is 1, its maximum 20" in finding.message


def test_one_that_is_not_paused_owns_the_replicas_whatever_its_hpa_is_about() -> None:
    (finding,) = keda_findings(deployment(), [keda(paused="false")])

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "autoscaler_conflict")
    assert "Use strategy floor" in finding.message


def test_one_that_is_paused_at_a_number_keeps_that_number() -> None:
    held = keda()
    held.raw["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] = "3"
    (finding,) = keda_findings(deployment(), [held])

    assert (finding.status, finding.code) == (FindingStatus.REFUSED, "autoscaler_conflict")
    assert "autoscaling.keda.sh/paused-replicas: '3'" in finding.message


def test_with_a_floor_the_controller_of_the_workload_is_told() -> None:
    owned, passed = floor_owner_findings(deployment(owner("Superset", "bi")), hpa(3))

    assert owned.status is FindingStatus.WARNING
    assert "Deployment web belongs to Superset bi" in owned.message
    assert passed.status is FindingStatus.PASSED


def test_with_a_floor_a_scaler_that_writes_the_minimum_is_named() -> None:
    raised = hpa(3)
    raised.raw["metadata"]["managedFields"] = [wrote("kube-schedule-scaler", "minReplicas")]
    (finding,) = floor_owner_findings(deployment(), raised)

    assert finding.status is FindingStatus.WARNING
    assert "spec.minReplicas of HorizontalPodAutoscaler web is written by kube-schedule-scaler" in finding.message
