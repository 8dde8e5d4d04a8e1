"""A client without a way to the pods asks them through the API server, which says so when it gets no answer."""

from __future__ import annotations

import pytest

from springtide.sandbox.messages import Response
from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.world import World
from unit.sandbox.scenes import (
    PODS,
    call,
    container,
    deployment,
    kubernetes_client,
    namespace,
    ready_pods,
    service,
    shop,
    template,
)
from unit.sandbox.test_access import Caller, rule

SERVICES = "/api/v1/namespaces/shop/services"


def ask(world: World, path: str, method: str = "GET") -> Response:
    return call(world, method, path)


def refused(answer: Response) -> tuple[int, str, str]:
    said = answer.json
    return answer.status, said["reason"], said["message"]


@pytest.mark.parametrize("address", ["{}", "{}:8080", "http:{}:8080", "http:{}:"])
def test_a_pod_answers_at_its_first_port_or_the_one_that_is_named(address: str) -> None:
    world = shop()
    pod = ready_pods(world)[0]

    answer = ask(world, f"{PODS}/{address.format(pod)}/proxy/")

    assert (answer.status, answer.body.split()[0].decode()) == (200, pod)
    assert answer.content_type.startswith("text/plain")


def test_the_path_goes_on_to_the_pod_and_its_own_refusal_comes_back() -> None:
    world = shop()
    pod = ready_pods(world)[0]

    assert ask(world, f"{PODS}/{pod}:8080/proxy/readiness").body == b"ready\n"
    unknown = ask(world, f"{PODS}/{pod}:8080/proxy/a/b//c")
    assert (unknown.status, unknown.body) == (404, b"404 page not found\n")


def test_a_path_without_its_slash_is_sent_to_the_one_with_it() -> None:
    world = shop()
    pod = ready_pods(world)[0]

    moved = ask(world, f"{PODS}/{pod}/proxy")

    assert (moved.status, moved.headers["Location"]) == (301, f"{PODS}/{pod}/proxy/")


def test_an_answer_takes_the_time_that_the_pod_works_on_it() -> None:
    world = shop(running=deployment(pods=template(None, container({"WORK": "3s"}))))
    before = world.elapsed

    assert ask(world, f"{PODS}/{ready_pods(world)[0]}/proxy/").status == 200
    assert 3 <= world.elapsed - before < 4


def test_a_pod_that_does_not_listen_there_is_a_503_of_the_api_server() -> None:
    world = shop()
    pod = ready_pods(world)[0]
    address = (world.get("pods", "shop", pod) or {})["status"]["podIP"]

    why = f"error trying to reach service: dial tcp {address}:8081: connect: connection refused"
    assert refused(ask(world, f"{PODS}/{pod}:8081/proxy/")) == (503, "ServiceUnavailable", why)
    assert refused(ask(world, f"{PODS}/https:{pod}:8080/proxy/"))[2].endswith("does not look like a TLS handshake")


def test_a_pod_that_died_gives_no_answer() -> None:
    world = shop()
    pod = ready_pods(world)[0]
    world.kubelet.crash(Ref("pods", "shop", pod))

    assert ask(world, f"{PODS}/{pod}:8080/proxy/healthz").status == 503


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("nobody:8080", (404, "NotFound", 'pods "nobody" not found')),
        ("ftp:nobody:8080", (400, "BadRequest", 'invalid pod request "ftp:nobody:8080"')),
        (":8080", (400, "BadRequest", 'invalid pod request ":8080"')),
    ],
)
def test_what_is_no_pod_is_refused(address: str, expected: tuple[int, str, str]) -> None:
    assert refused(ask(shop(), f"{PODS}/{address}/proxy/")) == expected


def test_a_pod_without_an_address_is_refused() -> None:
    too_large = container(resources={"requests": {"cpu": "100"}})
    world = shop(running=deployment(1, pods=template(None, too_large)))
    (pod,) = world.pods("shop")

    assert refused(ask(world, f"{PODS}/{pod['metadata']['name']}:8080/proxy/"))[2] == "address not allowed"


@pytest.mark.parametrize("address", ["checkout:http", "checkout:80", "http:checkout:80"])
def test_a_service_answers_by_the_name_or_the_number_of_its_port(address: str) -> None:
    world = shop()

    answer = ask(world, f"{SERVICES}/{address}/proxy/")

    assert (answer.status, answer.body.split(b"-")[0]) == (200, b"checkout")


def test_a_service_is_asked_at_all_its_ready_pods_and_at_no_other() -> None:
    world = shop()
    sick = ready_pods(world)[0]
    world.kubelet.disturb(Ref("pods", "shop", sick), broken=True)
    world.advance(10)

    seen = {ask(world, f"{SERVICES}/checkout:80/proxy/").body.split()[0].decode() for _ in range(40)}

    assert seen == set(ready_pods(world))
    assert sick not in seen


def named(*ports: Json) -> World:
    return shop(service(ports=list(ports)))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("checkout:81", 'no service port 81 found for service "checkout"'),
        ("checkout", 'no endpoints available for service "checkout"'),  # its port has a name
        ("checkout:other", 'no endpoints available for service "checkout:other"'),
    ],
)
def test_a_service_without_that_port_is_a_503(address: str, message: str) -> None:
    assert refused(ask(shop(), f"{SERVICES}/{address}/proxy/")) == (503, "ServiceUnavailable", message)


def test_a_service_with_one_port_without_a_name_needs_none() -> None:
    world = named({"port": 80, "targetPort": 8080})
    world.settle()

    assert ask(world, f"{SERVICES}/checkout/proxy/healthz").body == b"ok\n"


def test_a_service_without_ready_pods_is_a_503() -> None:
    world = World()
    world.apply(namespace(), service())
    world.settle()

    message = 'no endpoints available for service "checkout"'
    assert refused(ask(world, f"{SERVICES}/checkout:80/proxy/")) == (503, "ServiceUnavailable", message)


@pytest.mark.parametrize("resource", ["pods", "services"])
def test_asking_needs_the_right_to_get_the_proxy_and_no_other(resource: str) -> None:
    without = Caller(rule("get list create", "pods services"))
    allowed = Caller(rule("get", f"{resource}/proxy"))
    names = {"pods": f"{ready_pods(allowed.world)[0]}:8080", "services": "checkout:80"}
    path = f"/api/v1/namespaces/shop/{resource}/{names[resource]}/proxy/healthz"

    refusal = without("GET", path).json["message"]
    assert f'cannot get resource "{resource}/proxy" in API group "" in the namespace "shop"' in refusal
    assert refusal.startswith(f'{resource} "{names[resource]}" is forbidden')
    assert allowed("GET", path).body == b"ok\n"


def test_only_reading_is_relayed() -> None:
    world = shop()
    path = f"{PODS}/{ready_pods(world)[0]}:8080/proxy/"

    assert ask(world, path, "POST").status == 405
    assert ask(world, path, "HEAD").status == 200


def test_the_official_client_asks_so() -> None:
    from kubernetes.client import ApiException, CoreV1Api

    world = shop()
    api = CoreV1Api(kubernetes_client(world))
    pod = ready_pods(world)[0]

    # read whole, the client would give the text of a bytes object
    answer = api.connect_get_namespaced_pod_proxy_with_path(
        f"http:{pod}:8080", "shop", "healthz", _preload_content=False
    )
    assert (answer.status, answer.data) == (200, b"ok\n")
    with pytest.raises(ApiException) as refusal:
        api.connect_get_namespaced_pod_proxy_with_path(f"{pod}:8081", "shop", "healthz")
    assert refusal.value.status == 503
