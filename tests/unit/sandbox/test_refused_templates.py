"""What a real API server refuses in a template, a Service or a disruption budget is refused, and its field named."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.objects import Json
from springtide.sandbox.world import World
from unit.sandbox.scenes import LABELS, call, container, deployment, service, shop, template

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
SERVICES = "/api/v1/namespaces/shop/services"
BUDGETS = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
SPEC = "spec.template.spec"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@pytest.fixture(scope="module")
def world() -> World:
    return shop()


def with_container(**more: Any) -> Json:
    return deployment(name="other", pods=template(None, container() | more))


def with_pod(*containers: Json, **spec: Any) -> Json:
    return deployment(name="other", pods=template(None, *containers, **spec))


def with_ports(*ports: Json) -> Json:
    return service(name="other", ports=list(ports))


def probe(**handlers: Json) -> Json:
    return {"periodSeconds": 1, **handlers}


SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
HTTP = {"path": "/", "port": 8080}
TEMPLATES = [
    pytest.param(
        with_container(resources={"requests": {"cpu": "500m"}, "limits": {"cpu": "100m"}}),
        f"{SPEC}.containers[0].resources.requests",
        "must be less than or equal to cpu limit of 100m",
        id="requests above limits",
    ),
    pytest.param(
        with_container(volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        f"{SPEC}.containers[0].volumeMounts[0].name",
        'Not found: "data"',
        id="a mount without a volume",
    ),
    pytest.param(
        with_container(ports=[{"containerPort": 70_000}]),
        f"{SPEC}.containers[0].ports[0].containerPort",
        "must be between 1 and 65535, inclusive",
        id="a container port above 65535",
    ),
    pytest.param(
        with_container(ports=[{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]),
        f"{SPEC}.containers[0].ports[1].name",
        'Duplicate value: "a"',
        id="two container ports of one name",
    ),
    pytest.param(
        with_container(readinessProbe=probe(httpGet=HTTP, tcpSocket={"port": 8080})),
        f"{SPEC}.containers[0].readinessProbe.tcpSocket",
        "may not specify more than 1 handler type",
        id="two handlers in a probe",
    ),
    pytest.param(
        with_container(livenessProbe=probe()),
        f"{SPEC}.containers[0].livenessProbe",
        "must specify a handler type",
        id="no handler in a probe",
    ),
    pytest.param(
        with_container(lifecycle={"preStop": {"sleep": {"seconds": 31}}}),
        f"{SPEC}.containers[0].lifecycle.preStop.sleep",
        "must be non-negative and less than terminationGracePeriodSeconds (30)",
        id="a hook that sleeps longer than the grace period",
    ),
    pytest.param(
        with_pod(container(ports=[{"containerPort": 8080, "hostPort": 80}]), hostNetwork=True),
        f"{SPEC}.containers[0].ports[0].containerPort",
        "must match `hostPort` when `hostNetwork` is true",
        id="another port on the host's network",
    ),
    pytest.param(
        with_pod(topologySpreadConstraints=[SPREAD | {"matchLabelKeys": ["pod-template-hash"]}]),
        f"{SPEC}.topologySpreadConstraints[0].matchLabelKeys",
        "must not be specified when labelSelector is not set",
        id="matchLabelKeys without labelSelector",
    ),
    pytest.param(
        with_pod(affinity={"podAntiAffinity": {REQUIRED: [{"matchLabelKeys": ["pod-template-hash"]}]}}),
        f"{SPEC}.affinity.podAntiAffinity.{REQUIRED}[0].matchLabelKeys",
        "must not be specified when labelSelector is not set",
        id="matchLabelKeys without labelSelector in an affinity",
    ),
    pytest.param(
        with_pod(affinity={"podAffinity": {PREFERRED: [{"podAffinityTerm": {"matchLabelKeys": ["app"]}}]}}),
        f"{SPEC}.affinity.podAffinity.{PREFERRED}[0].podAffinityTerm.matchLabelKeys",
        "must not be specified when labelSelector is not set",
        id="matchLabelKeys without labelSelector in a preference",
    ),
    pytest.param(
        deployment(
            name="other", pods=template() | {"metadata": {"labels": LABELS, "annotations": {"a": "x" * 280_000}}}
        ),
        "spec.template.annotations",
        "Too long: may not be more than 262144 bytes",
        id="280,000 bytes of annotations",
    ),
]


C0 = f"{SPEC}.containers[0]"
MORE: list[tuple[Json, str, str]] = [
    (with_container(ports=[{"name": "x" * 16, "containerPort": 1}]), f"{C0}.ports[0].name", "no more than 15"),
    (with_container(ports=[{"name": "8080", "containerPort": 1}]), f"{C0}.ports[0].name", "at least one letter"),
    (with_container(ports=[{"name": "a--b", "containerPort": 1}]), f"{C0}.ports[0].name", "consecutive hyphens"),
    (with_container(ports=[{"containerPort": 1, "hostPort": 70_000}]), f"{C0}.ports[0].hostPort", "between 1 and"),
    (with_container(ports=[{"containerPort": 1, "protocol": "HTTP"}]), f"{C0}.ports[0].protocol", "supported values"),
    (with_container(imagePullPolicy="Sometimes"), f"{C0}.imagePullPolicy", "supported values"),
    (with_container(env=[{"value": "a"}]), f"{C0}.env[0].name", "Required value"),
    (
        with_container(env=[{"name": "A", "value": "a", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        f"{C0}.env[0].valueFrom",
        "when `value` is not empty",
    ),
    (with_container(resources={"limits": {"cpu": "-1"}}), f"{C0}.resources.limits[cpu]", "greater than or equal to 0"),
    (with_container(readinessProbe=probe(exec={})), f"{C0}.readinessProbe.exec.command", "Required value"),
    (
        with_container(readinessProbe=probe(httpGet={"port": 70_000})),
        f"{C0}.readinessProbe.httpGet.port",
        "between 1 and 65535",
    ),
    (
        with_container(livenessProbe=probe(httpGet=HTTP) | {"successThreshold": 2}),
        f"{C0}.livenessProbe.successThreshold",
        "must be 1",
    ),
    (
        with_container(readinessProbe=probe(httpGet=HTTP) | {"periodSeconds": -1}),
        f"{C0}.readinessProbe.periodSeconds",
        "greater than or equal to 0",
    ),
    (
        with_container(lifecycle={"preStop": {"sleep": {"seconds": 1}, "exec": {"command": ["a"]}}}),
        f"{C0}.lifecycle.preStop.sleep",
        "may not specify more than 1 handler type",
    ),
    (with_container(lifecycle={"postStart": {}}), f"{C0}.lifecycle.postStart", "must specify a handler type"),
    (
        with_pod(container(volumeMounts=[{"name": "a"}]), volumes=[{"name": "a"}]),
        f"{C0}.volumeMounts[0].mountPath",
        "Required value",
    ),
    (with_pod(volumes=[{"name": "a"}, {"name": "a"}]), f"{SPEC}.volumes[1].name", 'Duplicate value: "a"'),
    (
        with_pod(volumes=[{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]),
        f"{SPEC}.volumes[0].hostPath",
        "1 volume type",
    ),
    (
        with_pod(initContainers=[{"name": "web", "image": "b"}]),
        f"{SPEC}.initContainers[0].name",
        'Duplicate value: "web"',
    ),
    (
        with_pod(initContainers=[{"name": "a", "image": "b", "ports": [{"containerPort": 70_000}]}]),
        f"{SPEC}.initContainers[0].ports[0].containerPort",
        "between 1 and 65535",
    ),
    (
        with_pod(initContainers=[{"name": "a", "image": "b", "readinessProbe": {"httpGet": HTTP}}]),
        f"{SPEC}.initContainers[0].readinessProbe",
        "without restartPolicy=Always",
    ),
    (with_pod(dnsPolicy="Mine"), f"{SPEC}.dnsPolicy", "supported values"),
    (
        with_pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway"}]),
        f"{SPEC}.topologySpreadConstraints[0].maxSkew",
        "greater than zero",
    ),
    (
        deployment(name="other", strategy={"rollingUpdate": {"maxSurge": "x"}}),
        "spec.strategy.rollingUpdate.maxSurge",
        "ending '%'",
    ),
    (
        deployment(name="other", strategy={"rollingUpdate": {"maxUnavailable": "101%"}}),
        "spec.strategy.rollingUpdate.maxUnavailable",
        "not be greater than 100%",
    ),
    (deployment(name="other", revisionHistoryLimit=-1), "spec.revisionHistoryLimit", "greater than or equal to 0"),
]


@pytest.mark.parametrize(("manifest", "field", "detail"), MORE)
def test_many_smaller_things_are_refused_too(world: World, manifest: Json, field: str, detail: str) -> None:
    refused(world, DEPLOYMENTS, manifest, field, detail)


@pytest.mark.parametrize(("manifest", "field", "detail"), TEMPLATES)
def test_a_template_that_cannot_run_is_refused(world: World, manifest: Json, field: str, detail: str) -> None:
    refused(world, DEPLOYMENTS, manifest, field, detail)


def refused(world: World, path: str, manifest: Json, field: str, detail: str) -> None:
    revision = world.store.revision

    answer = call(world, "POST", path, manifest)

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    causes = {cause["field"]: cause["message"] for cause in answer.json["details"]["causes"]}
    assert list(causes) == [field]
    assert detail in causes[field]
    assert world.store.revision == revision


@pytest.mark.parametrize(
    ("ports", "field", "detail"),
    [
        ([{"port": 70_000}], "spec.ports[0].port", "Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ([{"port": 0}], "spec.ports[0].port", "Invalid value: 0: must be between 1 and 65535, inclusive"),
        ([{"port": 80, "targetPort": 70_000}], "spec.ports[0].targetPort", "must be between 1 and 65535, inclusive"),
        ([{"name": "a", "port": 80}, {"name": "a", "port": 81}], "spec.ports[1].name", 'Duplicate value: "a"'),
        ([{"name": "a", "port": 80}, {"name": "b", "port": 80}], "spec.ports[1]", "Duplicate value"),
        ([{"name": "a", "port": 80}, {"port": 81}], "spec.ports[1].name", "Required value"),
        ([{"name": "A", "port": 80}], "spec.ports[0].name", "RFC 1123 label"),
        ([{"port": 80, "protocol": "HTTP"}], "spec.ports[0].protocol", "supported values"),
        ([{"port": 80, "targetPort": "a--b"}], "spec.ports[0].targetPort", "consecutive hyphens"),
    ],
    ids=[
        "port too high",
        "port 0",
        "target too high",
        "one name twice",
        "one number twice",
        "no name among several",
        "no name",
        "no protocol",
        "no target",
    ],
)
def test_a_service_whose_ports_cannot_be_told_apart_is_refused(
    world: World, ports: list[Json], field: str, detail: str
) -> None:
    refused(world, SERVICES, with_ports(*ports), field, detail)


def test_one_number_for_two_protocols_is_allowed(world: World) -> None:
    ports = [{"name": "tcp", "port": 53}, {"name": "udp", "port": 53, "protocol": "UDP"}]

    assert call(world, "POST", SERVICES, with_ports(*ports), dryRun="All").status == 201


def test_a_disruption_budget_has_one_bound(world: World) -> None:
    budget = {"metadata": {"name": "checkout"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}}

    refused(world, BUDGETS, budget, "spec", "minAvailable and maxUnavailable cannot be both set")


@pytest.mark.parametrize("bound", ["minAvailable", "maxUnavailable"])
def test_a_bound_of_a_disruption_budget_is_a_number_or_a_share(world: World, bound: str) -> None:
    budget = {"metadata": {"name": "checkout"}, "spec": {bound: "some"}}

    refused(world, BUDGETS, budget, f"spec.{bound}", "ending '%'")


def test_an_autoscaler_says_what_it_scales(world: World) -> None:
    scaler = {"metadata": {"name": "checkout"}, "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment"}}}

    refused(world, AUTOSCALERS, scaler, "spec.scaleTargetRef.name", "Required value")


@pytest.mark.parametrize("kind", ["labels", "annotations"])
@pytest.mark.parametrize(("key", "part"), [("a b", "name part"), ("not/a/host", "prefix part"), ("x" * 64, "63")])
def test_a_key_that_is_none_is_refused(world: World, kind: str, key: str, part: str) -> None:
    manifest = deployment(name="other")
    manifest["metadata"] |= {kind: {key: "v"}}

    refused(world, DEPLOYMENTS, manifest, f"metadata.{kind}", part)


def test_bytes_are_counted_and_not_characters(world: World) -> None:
    manifest = deployment(name="other")
    manifest["metadata"] |= {"annotations": {"note": "é" * 140_000}}

    refused(world, DEPLOYMENTS, manifest, "metadata.annotations", "Too long")


def test_a_quantity_that_is_none_is_a_bad_request(world: World) -> None:
    answer = call(world, "POST", DEPLOYMENTS, with_container(resources={"requests": {"cpu": "much"}}))

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    assert "quantities must match the regular expression" in answer.json["message"]


@pytest.mark.parametrize(
    "more",
    [
        {"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": 0.1}}},
        {"lifecycle": {"preStop": {"sleep": {"seconds": 30}}}},
        {"ports": [{"name": "a", "containerPort": 1}, {"name": "b", "containerPort": 65_535}]},
        {"readinessProbe": probe(grpc={"port": 8080})},
    ],
    ids=["requests at the limit", "a hook as long as the grace period", "ports at the ends", "another handler"],
)
def test_what_is_just_allowed_is_accepted(world: World, more: Json) -> None:
    assert call(world, "POST", DEPLOYMENTS, with_container(**more), dryRun="All").status == 201
