"""What may not be scaled is refused before anything is written, with the field, the value and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide import labels
from springtide.errors import InputError
from springtide.kube.autoscaler import Autoscaler
from springtide.kube.objects import Deployment, Json, ReplicaSet, Service
from springtide.kube.observation import Observation, PodSet, ReplicaSetPods
from springtide.plan.preflight import require_scalable
from support.builders import SetBuilder, hpa, observation, scaled_object, service


def check(
    look: Observation,
    *,
    autoscalers: tuple[Autoscaler, ...] = (),
    strategy: str = "blue_green",
    extra: tuple[Any, ...] = (),
) -> PodSet:
    return require_scalable(look, selected=[*look.pods, *extra], autoscalers=autoscalers, strategy=strategy)


def refusal(look: Observation, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        check(look, **options)
    return caught.value


def edited(change: Json, *, pod: Json | None = None) -> Observation:
    """Return an observation whose Deployment has `change` in its spec, and `pod` in its pod spec."""
    look = observation(service(), SetBuilder())
    deployment = look.pod_set.deployment
    deployment.raw["spec"].update(change)
    deployment.raw["spec"]["template"]["spec"].update(pod or {})
    return look


def test_a_settled_workload_is_admitted() -> None:
    assert check(observation(service(), SetBuilder())).deployment.name == "web"


@pytest.mark.parametrize(
    ("selected_service", "code"),
    [
        (service({}), "service_unsupported"),
        (service(type="ExternalName"), "service_unsupported"),
        (service(clusterIP="None"), "service_unsupported"),
        (service({"app": "web", "pod-template-hash": "hash-own"}), "service_unsupported"),
        (service({"app": "web", "tier": "db"}), "selector_mismatch"),
    ],
    ids=["no selector", "external name", "headless", "pinned", "selects something else"],
)
def test_services_that_cannot_be_switched(selected_service: Service, code: str) -> None:
    refused = refusal(observation(selected_service, SetBuilder(), serving=[]))

    assert (refused.code, refused.field) == (code, "target.service")
    assert "Service web" in refused.message


def test_a_selector_that_meets_a_second_workload_names_it() -> None:
    other = SetBuilder("other").pod_objects()
    refused = refusal(observation(service(), SetBuilder()), extra=other)

    assert refused.code == "selector_ambiguous"
    assert "ReplicaSet/other-rs" in refused.message
    assert "use strategy in_place or floor" in refused.message


@pytest.mark.parametrize(
    ("stable", "code"),
    [
        (SetBuilder(paused=True), "rollout_in_progress"),
        (SetBuilder(observed=False), "rollout_in_progress"),
        (SetBuilder(replicas=0), "zero_refused"),
        (SetBuilder(terminating=True), "workload_unsupported"),
    ],
    ids=["paused", "not observed", "zero", "deleting"],
)
def test_workloads_that_are_not_settled(stable: SetBuilder, code: str) -> None:
    refused = refusal(observation(service(), stable))

    assert (refused.code, refused.field) == (code, "target.deployment")


def test_a_rollout_under_way_is_refused_with_its_counts() -> None:
    look = observation(service(), SetBuilder(replicas=6))
    look.pod_set.deployment.raw["status"]["updatedReplicas"] = 2

    assert "2 of 6 replicas are updated" in refusal(look).message


def test_no_readiness_probe() -> None:
    look = edited({}, pod={"containers": [{"name": "web", "image": "web:1"}]})

    assert refusal(look).code == "no_readiness"


def test_a_startup_probe_alone_is_a_proof_that_a_pod_answers() -> None:
    look = edited({}, pod={"containers": [{"name": "web", "image": "web:1", "startupProbe": {}}]})

    assert check(look).deployment.name == "web"


def test_recreate_must_not_run_two_sets() -> None:
    refused = refusal(edited({"strategy": {"type": "Recreate"}}))

    assert refused.code == "workload_unsupported"
    assert "Use strategy in_place, or floor" in refused.message


@pytest.mark.parametrize(("strategy", "autoscalers"), [("in_place", ()), ("floor", (hpa(3),))])
def test_recreate_is_no_matter_where_there_is_one_set(strategy: str, autoscalers: tuple[Autoscaler, ...]) -> None:
    look = edited({"strategy": {"type": "Recreate"}})

    assert check(look, strategy=strategy, autoscalers=autoscalers).deployment.name == "web"


@pytest.mark.parametrize(("strategy", "autoscalers"), [("in_place", ()), ("floor", (hpa(3),))])
@pytest.mark.parametrize("given", [service(), service(clusterIP="None")], ids=["of several workloads", "headless"])
def test_a_service_that_nobody_switches_may_be_shared_or_headless(
    given: Service, strategy: str, autoscalers: tuple[Autoscaler, ...]
) -> None:
    look = observation(given, SetBuilder())
    other = SetBuilder("other").pod_objects()

    assert check(look, strategy=strategy, autoscalers=autoscalers, extra=other).deployment.name == "web"


def test_keda_brings_a_workload_up_from_nothing() -> None:
    look = observation(service(), SetBuilder(replicas=0))

    assert check(look, strategy="floor", autoscalers=(scaled_object(0),)).deployment.replicas == 0


def test_an_hpa_does_not() -> None:
    refused = refusal(observation(service(), SetBuilder(replicas=0)), strategy="floor", autoscalers=(hpa(1),))

    assert refused.code == "zero_refused"
    assert "switches HorizontalPodAutoscaler web off" in refused.message


@pytest.mark.parametrize(
    ("annotations", "pauses"),
    [
        ({"autoscaling.keda.sh/paused": "true"}, True),
        ({"autoscaling.keda.sh/paused": ""}, True),
        ({"autoscaling.keda.sh/paused": "until monday"}, True),
        ({"autoscaling.keda.sh/paused": "false"}, False),
        ({"autoscaling.keda.sh/paused": "0"}, False),
        ({"autoscaling.keda.sh/paused-replicas": "4"}, True),
        ({}, False),
    ],
)
def test_a_scaled_object_is_paused_by_the_value_of_its_annotation(annotations: dict[str, str], *, pauses: bool) -> None:
    keda = scaled_object(3)
    keda.raw["metadata"]["annotations"].update(annotations)
    look = observation(service(), SetBuilder())

    if pauses:
        refused = refusal(look, strategy="floor", autoscalers=(keda,))
        assert "is paused (autoscaling.keda.sh/paused" in refused.message
        assert refused.code == "autoscaler_conflict"
    else:
        assert check(look, strategy="floor", autoscalers=(keda,)).deployment.name == "web"


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_an_autoscaler_that_owns_the_replicas_is_named(strategy: str) -> None:
    refused = refusal(observation(service(), SetBuilder()), autoscalers=(hpa(3),), strategy=strategy)

    assert refused.code == "autoscaler_conflict"
    assert "HorizontalPodAutoscaler web" in refused.message
    assert "strategy floor" in refused.message


@pytest.mark.parametrize(
    ("autoscalers", "code"),
    [
        ((), "autoscaler_missing"),
        ((hpa(3), scaled_object(3)), "autoscaler_conflict"),
        ((hpa(3, target="web-other"),), "autoscaler_conflict"),
        ((scaled_object(3, idleReplicaCount=0),), "autoscaler_conflict"),
    ],
    ids=["none", "two", "of another Deployment", "goes idle below its minimum"],
)
def test_a_floor_needs_one_autoscaler_that_follows_its_minimum(autoscalers: tuple[Autoscaler, ...], code: str) -> None:
    assert refusal(observation(service(), SetBuilder()), autoscalers=autoscalers, strategy="floor").code == code


@pytest.mark.parametrize("pods", [SetBuilder(), SetBuilder(observed=False)], ids=["settled", "being scaled"])
def test_a_floor_is_raised_while_its_autoscaler_is_at_work(pods: SetBuilder) -> None:
    assert check(observation(service(), pods), autoscalers=(hpa(3),), strategy="floor").deployment.name == "web"


@pytest.mark.parametrize(
    ("pod", "named"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"nodeName": "node0"}, "nodeName node0"),
        (
            {"containers": [{"name": "web", "readinessProbe": {}, "ports": [{"hostPort": 8080}]}]},
            "hostPort 8080",
        ),
    ],
)
def test_pods_that_cannot_run_twice_are_refused_for_two_sets_only(pod: Json, named: str) -> None:
    refused = refusal(edited({}, pod=pod))

    assert refused.code == "parallel_impossible"
    assert named in refused.message
    assert "in_place" in refused.message
    assert isinstance(check(edited({}, pod=pod), strategy="in_place").deployment, Deployment)


def set_aside(run: str | None) -> Observation:
    """Return the workload with a ReplicaSet beside it that `run` set aside and left so."""
    annotations = {} if run is None else {labels.RUN: run}
    metadata = {"name": "web-old", "uid": "rs-old", "resourceVersion": "3", "annotations": annotations}
    old = ReplicaSet({"metadata": metadata, "spec": {"replicas": 3, "template": {"metadata": {"labels": {}}}}})
    return replace(observation(service(), SetBuilder()), aside=(ReplicaSetPods(old, ()),))


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize(("run", "named"), [("run-7", "by run 'run-7'"), (None, "by a run")])
def test_a_replica_set_that_a_run_left_aside_has_to_be_reconciled_first(
    run: str | None, named: str, strategy: str
) -> None:
    refused = refusal(set_aside(run), strategy=strategy)

    assert (refused.code, refused.field) == ("leftover_set", "target.deployment")
    assert f"ReplicaSet web-old is set aside of Deployment web {named}, which did not end" in refused.message
    assert "`springtide reconcile`" in refused.message


@pytest.mark.parametrize("limit", [None, 1, 10])
def test_a_history_of_replica_sets_is_kept(limit: int | None) -> None:
    change = {} if limit is None else {"revisionHistoryLimit": limit}

    assert check(edited(change)).deployment.name == "web"


def test_without_a_history_only_strategies_that_set_nothing_aside_are_allowed() -> None:
    refused = refusal(edited({"revisionHistoryLimit": 0}))

    assert (refused.code, refused.field) == ("history_too_short", "target.deployment")
    assert "revisionHistoryLimit 0" in refused.message
    assert "at least 1" in refused.message
    assert check(edited({"revisionHistoryLimit": 0}), strategy="in_place").deployment.name == "web"


def called(name: str) -> Observation:
    """Return an observation whose Deployment has this name."""
    look = observation(service(), SetBuilder())
    look.pod_set.deployment.raw["metadata"]["name"] = name
    return look


@pytest.mark.parametrize("name", ["web.v2", "w" * 63])
@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_any_name_that_a_label_can_hold_is_set_aside(name: str, strategy: str) -> None:
    assert check(called(name), strategy=strategy).deployment.name == name


def test_a_name_that_no_label_can_hold_is_scaled_in_place_only() -> None:
    look = called("w" * 64)
    refused = refusal(look)

    assert (refused.code, refused.field) == ("derived_name_too_long", "target.deployment")
    assert "64 characters" in refused.message
    assert "at most 63" in refused.message
    assert check(look, strategy="in_place").deployment.replicas == 3


def test_every_reason_is_said_at_once() -> None:
    refused = refusal(observation(service(clusterIP="None"), SetBuilder(paused=True)))

    assert refused.message.count("\n") == 1
    assert "headless" in refused.message
    assert "paused" in refused.message


def behind(annotations: dict[str, str], *gates: str) -> Observation:
    """Return a workload whose Service has these annotations, and whose pods have these readiness gates."""
    annotated = service()
    annotated.raw["metadata"]["annotations"].update(annotations)
    look = observation(annotated, SetBuilder())
    for pod in look.pods:
        pod.raw.setdefault("spec", {})["readinessGates"] = [{"conditionType": gate} for gate in gates]
    return look


OWN_LISTS = [
    behind({"cloud.google.com/neg": '{"ingress": true}'}),
    behind({"service.beta.kubernetes.io/aws-load-balancer-type": "external"}),
    behind({"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip"}),
    behind({}, "target-health.elbv2.k8s.aws/k8s-shop-web-0123456789"),
    behind({}, "cloud.google.com/load-balancer-neg-ready"),
]


@pytest.mark.parametrize("look", OWN_LISTS, ids=["GKE", "AWS", "AWS by target type", "AWS by gate", "GKE by gate"])
def test_no_selector_switch_behind_a_load_balancer_with_its_own_list_of_pods(look: Observation) -> None:
    refused = refusal(look)

    assert (refused.code, refused.field) == ("load_balancer_keeps_pods", "strategy.type")
    assert "Use strategy in_place" in refused.message


@pytest.mark.parametrize("look", OWN_LISTS)
def test_in_place_serves_behind_any_load_balancer(look: Observation) -> None:
    assert check(look, strategy="in_place").deployment.name == "web"


@pytest.mark.parametrize(
    "look",
    [
        behind({"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}),
        behind({"service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "instance"}),
        behind({}, "example.com/warm"),
    ],
    ids=["by node", "by instance", "another gate"],
)
def test_a_load_balancer_that_goes_through_the_nodes_is_no_obstacle(look: Observation) -> None:
    assert check(look).deployment.name == "web"
