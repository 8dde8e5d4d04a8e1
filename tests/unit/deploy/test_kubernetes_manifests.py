"""What is shipped for Kubernetes: complete, without a ClusterRole, without a secret, and with every pod kept small."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from springtide import labels
from springtide.cli.main import app
from support.shipped import DEPLOY, Json, documents, files, kustomizations, objects, pod_specs

CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding"}
ONCE = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
"""What an administrator applies once."""

PODS = pod_specs(objects())
JOBS = {name: spec for name, spec in PODS.items() if name.startswith("CronJob")}


def of_kind(kind: str) -> list[Json]:
    return [each for each in objects() if each["kind"] == kind]


def test_every_file_is_named_by_a_kustomization_and_none_is_named_that_is_not_there() -> None:
    named = {
        (folder / resource).resolve()
        for folder, kustomization in kustomizations().items()
        for resource in kustomization["resources"]
    }
    applied_by_hand = {DEPLOY / "kubernetes" / "rbac-autoscaler.yaml"}

    assert {each for each in named if not each.exists()} == set()
    assert set(files()) - named == applied_by_hand
    assert {folder for folder in named if folder.is_dir()} <= set(kustomizations())


def test_each_object_is_named_once_in_its_folder() -> None:
    named = [(file.parent, each["kind"], each["metadata"]["name"]) for file in files() for each in documents(file)]

    assert len(named) == len(set(named)) > 15


def test_nothing_but_the_admission_policy_is_of_the_whole_cluster() -> None:
    kinds = {each["kind"] for each in objects()}

    assert kinds & CLUSTER_WIDE == set()
    assert kinds >= ONCE
    admission = DEPLOY / "kubernetes" / "admission"
    assert all(each["kind"] not in ONCE for file in files() if file.parent != admission for each in documents(file))


def test_no_secret_is_shipped_and_the_store_is_known_by_reference() -> None:
    assert of_kind("Secret") == []
    assert all("secretGenerator" not in each for each in kustomizations().values())
    for spec in JOBS.values():
        (variable,) = [each for each in spec["containers"][0]["env"] if each["name"] == "SPRINGTIDE_STORE_URL"]
        assert variable == {
            "name": "SPRINGTIDE_STORE_URL",
            "valueFrom": {"secretKeyRef": {"name": "springtide", "key": "store-url"}},
        }


def test_every_image_is_a_name_that_an_overlay_pins() -> None:
    named = {container["image"] for spec in PODS.values() for container in spec["containers"]}
    pinned = {image["name"]: image["newTag"] for each in kustomizations().values() for image in each.get("images", ())}

    assert named == {"springtide", "web"}
    assert set(pinned) == named
    assert "latest" not in pinned.values()


@pytest.mark.parametrize("name", PODS)
def test_each_pod_is_kept_small(name: str) -> None:
    spec = PODS[name]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "terminationGracePeriodSeconds" in spec
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_what_serves_is_probed() -> None:
    serving = [
        container for name, spec in PODS.items() if name.startswith("Deployment") for container in spec["containers"]
    ]

    assert [{"startupProbe", "readinessProbe", "livenessProbe"} - set(container) for container in serving] == [set()]


@pytest.mark.parametrize("job", of_kind("CronJob"), ids=lambda job: job["metadata"]["name"])
def test_each_job_has_a_deadline_and_never_runs_beside_itself(job: Json) -> None:
    spec = job["spec"]
    pods = spec["jobTemplate"]["spec"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] >= 10  # with less the controller may never start one
    assert pods["activeDeadlineSeconds"] > 0
    assert pods["backoffLimit"] == 0
    command = [*pods["template"]["spec"]["containers"][0]["command"][1:], "--help"]
    assert CliRunner().invoke(app, command).exit_code == 0


def test_only_what_talks_to_the_cluster_is_given_a_token() -> None:
    assert all(each["automountServiceAccountToken"] is False for each in of_kind("ServiceAccount"))
    given = {name for name, spec in PODS.items() if spec.get("automountServiceAccountToken", True)}
    (prunes,) = [name for name, spec in JOBS.items() if spec["containers"][0]["command"][1] == "prune"]

    assert given == set(JOBS) - {prunes}


def test_the_example_s_autoscaler_goes_from_1_to_10_at_half_of_the_cpu() -> None:
    (hpa,) = of_kind("HorizontalPodAutoscaler")
    (metric,) = hpa["spec"]["metrics"]

    assert hpa["apiVersion"] == "autoscaling/v2"
    assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (1, 10)
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    (deployment,) = of_kind("Deployment")
    assert "replicas" not in deployment["spec"]  # it would take the autoscaler's away with each apply


def test_each_namespace_denies_what_nobody_named() -> None:
    denied = [each for each in of_kind("NetworkPolicy") if each["metadata"]["name"] == "default-deny"]

    assert len(denied) == len(of_kind("Namespace")) == 2
    assert all(each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for each in denied)


def test_the_policies_of_the_example_are_valid() -> None:
    checked = CliRunner().invoke(app, ["validate", str(DEPLOY / "overlays" / "example" / "springtide")])

    assert checked.exit_code == 0, checked.output


def test_the_admission_policy_knows_the_marks_that_springtide_writes() -> None:
    (policy,) = of_kind("ValidatingAdmissionPolicy")
    written = str(policy["spec"])

    for mark in (f"{labels.PREFIX}/", labels.ASIDE_OF, labels.DESIRED_REPLICAS, labels.POD_TEMPLATE_HASH):
        assert f"'{mark}'" in written


def test_the_admission_policy_is_about_every_resource_that_the_role_lets_write() -> None:
    (policy,) = of_kind("ValidatingAdmissionPolicy")
    judged = {
        (group, resource)
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    (role,) = [each for each in of_kind("Role") if each["metadata"]["name"] == "springtide"]
    written = {
        (group, resource)
        for rule in role["rules"]
        if {"create", "update", "patch", "delete"} & set(rule["verbs"])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }

    assert {each for each in written if "/scale" not in each[1]} == judged
    assert policy["spec"]["failurePolicy"] == "Fail"
    (binding,) = of_kind("ValidatingAdmissionPolicyBinding")
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
