"""A pod's life on the node, and what it says when it does not go well."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.sandbox.core import Settings
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.world import World
from unit.sandbox.scenes import (
    PODS,
    call,
    conditions,
    container,
    deployment,
    namespace,
    ready_pods,
    shop,
    template,
)


def one_pod(world_settings: Settings | None = None, **pod: Any) -> tuple[World, Ref]:
    """Return a world with one pod of its own, a second old."""
    world = World(world_settings)
    spec = {"containers": [container(pod.pop("env", None)) | pod.pop("web", {})]} | pod
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}
    world.apply(namespace(), manifest)
    world.advance(1)
    return world, Ref("pods", "shop", "web")


def state(world: World) -> Json:
    current: Json = the_pod(world)["status"]["containerStatuses"][0]["state"]
    return current


def the_pod(world: World) -> Json:
    pod = world.get("pods", "shop", "web")
    assert pod is not None
    return pod


def test_a_pod_is_pending_then_running_then_ready() -> None:
    world = World()
    world.apply(namespace(), deployment(1))
    seen: list[tuple[str, str]] = []

    def look() -> bool:
        for pod in world.pods("shop"):
            now = (pod["status"]["phase"], conditions(pod).get("Ready", ("absent", ""))[0])
            if not seen or seen[-1] != now:
                seen.append(now)
        return ("Running", "True") in seen

    assert world.run_until(look, limit=30)
    assert seen == [("Pending", "absent"), ("Running", "False"), ("Running", "True")]


def test_readiness_waits_for_the_start_up_and_is_found_by_the_next_probe() -> None:
    world, _ = one_pod(env={"STARTUP": "3500ms"})
    assert world.run_until(lambda: bool(conditions(the_pod(world))["Ready"][0] == "True"), limit=30)

    running_at = world.elapsed
    assert 4.0 <= running_at <= 5.0  # 0.3 s to start, 3.5 s to be ready, a probe each second


def test_a_pod_without_a_probe_is_ready_as_soon_as_it_runs() -> None:
    world = World()
    bare = container({"NEVER_READY": "1"})
    del bare["readinessProbe"]
    world.apply(namespace(), deployment(1, pods=template(None, bare)))
    world.advance(1)

    assert len(ready_pods(world)) == 1


def test_a_probe_of_another_port_never_passes() -> None:
    world, _ = one_pod(web={"readinessProbe": {"httpGet": {"path": "/readiness", "port": 9090}, "periodSeconds": 1}})
    world.advance(60)

    assert conditions(the_pod(world))["Ready"] == ("False", "ContainersNotReady")


@pytest.mark.parametrize("handler", ["httpGet", "tcpSocket"])
def test_a_probe_may_name_its_port(handler: str) -> None:
    path = {"path": "/readiness"} if handler == "httpGet" else {}
    probe = {handler: {"port": "http", **path}, "periodSeconds": 1}
    ports = [{"name": "metrics", "containerPort": 9090}, {"name": "http", "containerPort": 8080}]
    world, _ = one_pod(web={"ports": ports, "readinessProbe": probe}, env={"STARTUP": "2s"})
    early = conditions(the_pod(world))["Ready"][0]
    world.advance(10)

    assert early == ("False" if handler == "httpGet" else "True")
    assert conditions(the_pod(world))["Ready"][0] == "True"


@pytest.mark.parametrize("port", ["web", 9090])
def test_a_probe_of_a_port_that_is_not_there_says_that_nobody_listens(port: int | str) -> None:
    probe = {"httpGet": {"path": "/readiness", "port": port}, "periodSeconds": 1}
    world, _ = one_pod(web={"ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": probe})
    world.advance(60)

    assert conditions(the_pod(world))["Ready"] == ("False", "ContainersNotReady")
    assert "Readiness probe failed: dial tcp: connect: connection refused" in messages(world)


def test_never_ready_is_running_and_says_which_container_is_not() -> None:
    world, _ = one_pod(env={"NEVER_READY": "yes"})
    world.advance(60)

    ready = next(entry for entry in the_pod(world)["status"]["conditions"] if entry["type"] == "Ready")
    assert the_pod(world)["status"]["phase"] == "Running"
    assert ready["message"] == "containers with unready status: [web]"
    assert "Readiness probe failed: HTTP probe failed with statuscode: 503" in messages(world)


def messages(world: World) -> set[str]:
    return {event["message"] for event in world.store.select("events", "shop")}


@pytest.mark.parametrize(
    ("image", "policy", "reason", "message"),
    [
        ("localhost/nope:1", "Never", "ErrImageNeverPull", "is not present with pull policy of Never"),
        ("localhost/nope:1", "IfNotPresent", "ErrImagePull", "dial tcp 127.0.0.1:80: connect: connection refused"),
        ("nope:1", "IfNotPresent", "ErrImagePull", "docker.io/library/nope:1: not found"),
        ("Not An Image", "Never", "InvalidImageName", "invalid reference format"),
    ],
)
def test_an_image_that_is_not_there(image: str, policy: str, reason: str, message: str) -> None:
    world, _ = one_pod(web={"image": image, "imagePullPolicy": policy})

    waiting = state(world)["waiting"]
    assert waiting["reason"] == reason
    assert message in waiting["message"]
    assert the_pod(world)["status"]["phase"] == "Pending"


def test_a_failed_pull_backs_off_and_succeeds_once_the_image_is_there() -> None:
    world, _ = one_pod(web={"image": "localhost/late:1"})
    world.advance(2)
    waiting = state(world)["waiting"]
    world.core.images.add("localhost/late:1")
    world.advance(60)

    assert waiting["reason"] == "ImagePullBackOff"
    assert waiting["message"].startswith('Back-off pulling image "localhost/late:1": ErrImagePull: failed to pull')
    assert "running" in state(world)


def test_an_image_that_was_forgotten_leaves_running_pods_alone() -> None:
    world, ref = one_pod()
    world.core.images.discard("localhost/web:1")
    world.advance(60)

    assert conditions(the_pod(world))["Ready"][0] == "True"
    assert world.kubelet.pods[ref].address


def test_a_crash_is_restarted_once_without_wait_then_backs_off_longer_and_longer() -> None:
    world, _ = one_pod(env={"CRASH": "100ms"})
    world.advance(3)
    first = state(world)
    world.advance(12)
    second = state(world)

    assert first["waiting"]["reason"] == "CrashLoopBackOff"
    assert "back-off 10s restarting failed container=web pod=web_shop(" in first["waiting"]["message"]
    assert "back-off 20s" in second["waiting"]["message"]
    status = the_pod(world)["status"]
    assert (status["phase"], status["containerStatuses"][0]["restartCount"]) == ("Running", 2)
    assert status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1


def test_a_configuration_that_the_app_cannot_read_crashes_it() -> None:
    world, _ = one_pod(env={"STARTUP": "soon"})
    world.advance(5)

    assert state(world)["waiting"]["reason"] == "CrashLoopBackOff"


def test_a_pod_that_does_not_fit_stays_pending_until_there_is_room() -> None:
    asks = container(resources={"requests": {"cpu": "600m"}})
    world = shop(running=deployment(2, pods=template(None, asks)), settings=Settings(node_cpu="1"))
    waiting = next(pod for pod in world.pods("shop") if not pod["spec"].get("nodeName"))
    condition = waiting["status"]["conditions"][0]

    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert condition["message"].startswith("0/1 nodes are available: 1 Insufficient cpu.")

    call(world, "PATCH", "/apis/apps/v1/namespaces/shop/deployments/checkout/scale", {"spec": {"replicas": 1}})
    world.settle()
    assert len(ready_pods(world)) == 1


def from_config_map(*, optional: bool) -> Json:
    return {
        "name": "NEVER_READY",
        "valueFrom": {"configMapKeyRef": {"name": "web", "key": "NEVER_READY", "optional": optional}},
    }


def config_map(**data: str) -> Json:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_a_config_map_is_read_when_a_container_starts_and_not_again() -> None:
    pods = template(None, container() | {"env": [from_config_map(optional=True)]})
    world = shop(config_map(), running=deployment(2, pods=pods))
    before = set(ready_pods(world))
    world.apply(config_map(NEVER_READY="true"))
    call(world, "PATCH", "/apis/apps/v1/namespaces/shop/deployments/checkout/scale", {"spec": {"replicas": 4}})
    world.advance(30)

    assert set(ready_pods(world)) == before
    assert len(before) == 2


def test_a_config_map_that_is_missing_stops_the_container_unless_it_is_optional() -> None:
    needed, _ = one_pod(web={"env": [from_config_map(optional=False)]})
    optional, _ = one_pod(web={"env": [from_config_map(optional=True)]})

    assert state(needed)["waiting"] == {"reason": "CreateContainerConfigError", "message": 'configmap "web" not found'}
    assert "running" in state(optional)


def test_a_deleted_pod_drains_before_it_is_gone() -> None:
    world, ref = one_pod(env={"DRAIN": "4s"})
    address = world.kubelet.pods[ref].address
    call(world, "DELETE", f"{PODS}/web")
    world.advance(3.5)
    assert world.fetch(f"http://{address}:8080/").status == 200
    assert conditions(the_pod(world))["Ready"][0] == "True"

    world.advance(1)
    assert world.get("pods", "shop", "web") is None
    with pytest.raises(ConnectionRefusedError):
        world.fetch(f"http://{address}:8080/")


@pytest.mark.parametrize(
    ("hook", "least"),
    [({"sleep": {"seconds": 5}}, 5), ({"exec": {"command": ["/bin/sh", "-c", "sleep 3"]}}, 3)],
)
def test_a_pre_stop_hook_delays_the_signal(hook: Json, least: float) -> None:
    world, _ = one_pod(web={"lifecycle": {"preStop": hook}}, env={"DRAIN": "0"})
    began = world.elapsed
    call(world, "DELETE", f"{PODS}/web")

    assert world.run_until(lambda: world.get("pods", "shop", "web") is None, limit=60)
    assert least <= world.elapsed - began <= least + 0.5


def test_the_grace_period_ends_a_drain_that_is_too_long() -> None:
    world, _ = one_pod(env={"DRAIN": "60s"}, terminationGracePeriodSeconds=5)
    began = world.elapsed
    call(world, "DELETE", f"{PODS}/web")

    assert world.run_until(lambda: world.get("pods", "shop", "web") is None, limit=60)
    assert 5 <= world.elapsed - began <= 5.5


def test_a_second_deletion_may_shorten_the_grace_period_but_not_lengthen_it() -> None:
    world, _ = one_pod(env={"DRAIN": "60s"})
    call(world, "DELETE", f"{PODS}/web")
    call(world, "DELETE", f"{PODS}/web", {"gracePeriodSeconds": 300})
    assert the_pod(world)["metadata"]["deletionGracePeriodSeconds"] == 30
    call(world, "DELETE", f"{PODS}/web", {"gracePeriodSeconds": 2})
    world.advance(2.5)

    assert world.get("pods", "shop", "web") is None


def test_no_grace_at_all_takes_the_pod_away_at_once() -> None:
    world, _ = one_pod()
    call(world, "DELETE", f"{PODS}/web", {"gracePeriodSeconds": 0})

    assert world.get("pods", "shop", "web") is None
    assert not world.kubelet.pods


def test_a_pod_that_is_broken_from_outside_fails_its_probes_and_recovers() -> None:
    world, ref = one_pod()
    world.kubelet.disturb(ref, broken=True)
    assert world.run_until(lambda: conditions(the_pod(world))["Ready"][0] == "False", limit=10)
    world.kubelet.disturb(ref, broken=False)

    assert world.run_until(lambda: conditions(the_pod(world))["Ready"][0] == "True", limit=10)


def test_addresses_are_not_used_again_soon() -> None:
    world = shop()
    seen: set[str] = set()
    for _ in range(5):
        addresses = {pod["status"]["podIP"] for pod in world.pods("shop")}
        assert not addresses & seen
        seen |= addresses
        for pod in world.pods("shop"):
            call(world, "DELETE", f"{PODS}/{pod['metadata']['name']}", {"gracePeriodSeconds": 0})
        world.settle()
