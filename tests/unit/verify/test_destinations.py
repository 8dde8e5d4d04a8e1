"""Which port of which object a request goes to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.kube.objects import Json, Pod
from springtide.policy.scaling.smoke import HttpCheck, RequestHeader
from springtide.verify.destinations import pod_port
from springtide.verify.route import Answer, address_of, port_of
from support.builders import SetBuilder, service
from support.written import WrittenProxy, ways

DNS: Json = {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353}
HTTP: Json = {"name": "http", "port": 80, "targetPort": 8080}
ADMIN: Json = {"name": "admin", "port": 9000, "protocol": "TCP", "targetPort": "admin"}
PORTS: list[Json] = [DNS, HTTP, ADMIN]


def pod(*containers: Json, **spec: Any) -> Pod:
    """Return a pod with these containers."""
    (one,) = SetBuilder(replicas=1).pod_objects()
    return replace(one, raw=one.raw | {"spec": {"containers": list(containers)} | spec})


def container(*ports: Json) -> Json:
    """Return a container with these ports."""
    return {"name": "web", "ports": list(ports)}


class TestThePortOfAService:
    def test_by_default_it_is_the_first_that_speaks_tcp(self) -> None:
        assert address_of(service(ports=PORTS)) == "http://127.0.1.1:80"

    @pytest.mark.parametrize("port", [9000, "admin"])
    def test_it_is_named_by_number_or_by_name(self, port: int | str) -> None:
        assert address_of(service(ports=PORTS), port, scheme="https") == "https://127.0.1.1:9000"

    @pytest.mark.parametrize("port", [53, "dns", 8080, "grpc"])
    def test_one_that_is_missing_or_speaks_udp_is_refused_with_those_that_there_are(self, port: int | str) -> None:
        with pytest.raises(InputError, match=r"has the ports dns:53/UDP, http:80, admin:9000") as caught:
            port_of(service(ports=PORTS), port)

        assert caught.value.code == "port_unknown"
        assert repr(port) in caught.value.message

    def test_a_service_of_udp_alone_has_none(self) -> None:
        with pytest.raises(InputError, match="a TCP port: Service web has the ports dns:53/UDP"):
            address_of(service(ports=[DNS]))

    def test_a_name_may_stand_for_both_protocols(self) -> None:
        both = [DNS, {"name": "dns-tcp", "port": 53, "targetPort": 5353}]

        assert port_of(service(ports=both), 53)["name"] == "dns-tcp"

    @pytest.mark.parametrize("address", ["None", ""])
    def test_a_service_without_an_address_says_which_way_is_left(self, address: str) -> None:
        with pytest.raises(InputError, match="via: api_server"):
            address_of(service(ports=PORTS, clusterIP=address))

    def test_an_address_of_version_6_is_written_in_brackets(self) -> None:
        assert address_of(service(clusterIP="fd00::1")) == "http://[fd00::1]:80"


class TestThePortOfAPod:
    def test_it_is_what_the_services_port_leads_to(self) -> None:
        assert pod_port(service(ports=PORTS), pod()) == 8080

    def test_without_a_target_it_is_the_same_number(self) -> None:
        assert pod_port(service(ports=[{"port": 80}]), pod()) == 80

    @pytest.mark.parametrize("where", ["containers", "initContainers"])
    def test_a_name_is_looked_up_in_the_pod_itself(self, where: str) -> None:
        named = container({"name": "admin", "containerPort": 9901})

        assert pod_port(service(ports=PORTS), pod(**{where: [named]}), "admin") == 9901

    @pytest.mark.parametrize("ports", [(), ({"name": "admin", "containerPort": 9901, "protocol": "UDP"},)])
    def test_a_name_that_no_container_has_is_refused(self, ports: tuple[Json, ...]) -> None:
        with pytest.raises(InputError, match="no container of pod web-0 has a TCP port of this name"):
            pod_port(service(ports=PORTS), pod(container(*ports)), "admin")


class TestByWayOfTheApiServer:
    def test_a_pod_is_asked_at_its_own_port_with_all_that_the_check_says(self) -> None:
        proxy = WrittenProxy(Answer(status=204, body="", headers={}))
        check = HttpCheck(path="/a?b=c", scheme="https", headers=(RequestHeader(name="Host", value="shop.example"),))
        destination = ways(proxy=proxy).to_pod(check, service(ports=PORTS), pod())

        assert destination.get().status == 204
        (request,) = proxy.requests
        assert destination.address == request.address
        assert request.address == "/api/v1/namespaces/shop/pods/https:web-0:8080/proxy/a?b=c"
        assert (request.headers, request.timeout_seconds) == ({"Host": "shop.example"}, 2)

    def test_a_service_is_asked_at_the_services_port(self) -> None:
        check = HttpCheck(path="/", port="admin", via="api_server")
        destination = ways().to_service(check, service(ports=PORTS))

        assert destination.address == "/api/v1/namespaces/shop/services/http:web:9000/proxy/"
