"""How the API server asks a pod or a Service in its client's place. Measured on a real Kubernetes first.

For where ClusterIPs and pods are out of the client's reach.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from e2e.manifests import NAME, PORT

if TYPE_CHECKING:
    from e2e.observer import Observer
    from e2e.stages import Given


@pytest.fixture
def see(given: Given) -> Observer:
    """A namespace with two ready pods behind a Service."""
    return given.web(replicas=2).scenario.see


def said(answer: tuple[int, str]) -> tuple[int, str, str]:
    """Return what the API server says itself."""
    document = json.loads(answer[1])
    return answer[0], document["reason"], document["message"]


def test_a_pod_answers_at_its_first_port_or_the_one_that_is_named(see: Observer) -> None:
    for pod in see.pods():
        for address in (pod, f"{pod}:8080", f"http:{pod}:8080"):
            code, text = see.asked("pods", address, "/")
            assert (code, text.split()[0]) == (200, pod)


def test_the_path_goes_on_and_the_pod_s_own_refusal_comes_back(see: Observer) -> None:
    pod = min(see.pods())

    assert see.asked("pods", f"{pod}:8080", "/healthz") == (200, "ok\n")
    assert see.asked("pods", f"{pod}:8080", "/nothing") == (404, "404 page not found\n")


def test_a_pod_is_asked_whether_it_is_ready_or_not(given: Given, see: Observer) -> None:
    given.new_pods_start_with("NEVER_READY", "1")
    before = set(see.pods())
    see.patch("deployments", f"{NAME}/scale", {"spec": {"replicas": 3}})
    see.until("a third pod is there", lambda: len(see.pods()) == 3)
    (young,) = set(see.pods()) - before

    see.until("it answers", lambda: see.asked("pods", f"{young}:8080", "/healthz") == (200, "ok\n"))
    assert see.asked("pods", f"{young}:8080", "/readiness")[0] == 503


def test_what_does_not_listen_is_a_503_of_the_api_server(see: Observer) -> None:
    code, reason, why = said(see.asked("pods", f"{min(see.pods())}:8081", "/"))

    assert (code, reason) == (503, "ServiceUnavailable")
    assert re.fullmatch(r"error trying to reach service: dial tcp \S+:8081: connect: connection refused", why)


def test_plain_text_where_tls_is_expected_is_a_503(see: Observer) -> None:
    code, _, why = said(see.asked("pods", f"https:{min(see.pods())}:8080", "/"))

    assert (code, why) == (503, "error trying to reach service: tls: first record does not look like a TLS handshake")


@pytest.mark.parametrize(
    ("collection", "address", "answer"),
    [
        ("pods", "nobody:8080", (404, "NotFound", 'pods "nobody" not found')),
        ("pods", "ftp:nobody:8080", (400, "BadRequest", 'invalid pod request "ftp:nobody:8080"')),
        ("services", "nobody:8080", (404, "NotFound", 'services "nobody" not found')),
        ("services", f"{NAME}:81", (503, "ServiceUnavailable", f'no service port 81 found for service "{NAME}"')),
        # its port has a name, so it has to be named
        ("services", NAME, (503, "ServiceUnavailable", f'no endpoints available for service "{NAME}"')),
    ],
)
def test_who_cannot_be_asked_is_told(
    see: Observer, collection: str, address: str, answer: tuple[int, str, str]
) -> None:
    assert said(see.asked(collection, address, "/")) == answer


@pytest.mark.parametrize("address", [f"{NAME}:http", f"{NAME}:{PORT}", f"http:{NAME}:{PORT}"])
def test_a_service_answers_by_the_name_or_the_number_of_its_port(see: Observer, address: str) -> None:
    code, text = see.asked("services", address, "/")

    assert code == 200
    assert text.split()[0] in see.pods()


def test_a_service_without_ready_endpoints_is_a_503(see: Observer) -> None:
    see.patch("services", NAME, {"spec": {"selector": {"nobody": "yes"}}})
    unavailable = (503, "ServiceUnavailable", f'no endpoints available for service "{NAME}"')

    see.until("nobody is behind it", lambda: see.ready_endpoints() == set())

    see.until("it says so", lambda: see.asked("services", f"{NAME}:{PORT}", "/")[0] == 503)
    assert said(see.asked("services", f"{NAME}:{PORT}", "/")) == unavailable


def test_the_api_server_tells_its_version(see: Observer) -> None:
    assert re.match(r"v1\.\d+\.\d+", see.version())
