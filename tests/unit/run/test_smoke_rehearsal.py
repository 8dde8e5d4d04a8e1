"""Every smoke check is asked once of the stable set, and one that cannot pass refuses the run before any write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import ClusterRefused, DemandUnavailable, InputError
from springtide.kube.client import Right
from springtide.kube.live import LiveKube
from springtide.plan.findings import Finding, FindingStatus
from springtide.policy.scaling.strategy import BlueGreen
from springtide.record.model import RunOutcome
from springtide.run.admission import plan_capacity
from springtide.run.ports import Ports
from springtide.run.smoke_rehearsal import smoke_findings
from springtide.sandbox.objects import Json
from springtide.verify.route import Answer
from support.builders import SetBuilder, observation, policy, service
from support.simulation import NAMESPACE, WORKLOAD, Simulation
from support.written import WorldProxy, WrittenProxy, WrittenRoute

PASSED = FindingStatus.PASSED
WARNING = FindingStatus.WARNING
REFUSED = FindingStatus.REFUSED
NOT_CHECKED = FindingStatus.NOT_CHECKED
OK = Answer(status=200, body="fine", headers={})
BROKEN = Answer(status=503, body="oops", headers={})
AWAY = Answer(status=0, body="", headers={}, error="ConnectTimeout: timed out")
PLAIN = Answer(status=0, body="", headers={}, error="ConnectError: [SSL] record layer failure")


def findings(
    *checks: Json, service_says: Answer = OK, pods_say: Answer | Exception = OK, ready: int = 2, **ports: Any
) -> list[Finding]:
    """Return what comes of `checks` where the Service and the API server answer so."""
    simulation = Simulation.of(1)
    simulation.route = WrittenRoute(service_says)
    kube = simulation.ports().kube
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kube, "ask", WrittenProxy(pods_say).ask)
        seen = observation(service(**ports), SetBuilder(replicas=2, ready=ready))
        return [
            *smoke_findings(
                replace(simulation.ports(), kube=kube),
                policy(smoke=list(checks)).spec.smoke,
                BlueGreen(),
                target=WORKLOAD,
                stable=SetBuilder(replicas=2, ready=ready).build(),
                observation=seen,
            )
        ]


def http(**check: Any) -> Json:
    """Return a check that is asked after the switch alone, unless it says otherwise."""
    return {"http": {"path": "/healthz", "when": "after_switch"} | check}


class TestAnHttpCheck:
    def test_passes_where_the_stable_set_answers_as_expected(self) -> None:
        (finding,) = findings(http())

        assert finding.status is PASSED
        assert "GET http://127.0.1.1:80/healthz with 200" in finding.message

    def test_is_asked_by_each_way_that_the_run_will_use(self) -> None:
        addresses = [finding.message.split()[7] for finding in findings(http(when="both"))]

        assert addresses == ["/api/v1/namespaces/shop/pods/http:web-0:80/proxy/healthz", "http://127.0.1.1:80/healthz"]

    @pytest.mark.parametrize(
        ("check", "answer", "code", "parts"),
        [
            ({}, BROKEN, "smoke_cannot_pass", ["GET http://127.0.1.1:80/healthz", "answer 200", "status 503: 'oops'"]),
            ({"expect_text": "v2"}, OK, "smoke_cannot_pass", ["does not contain 'v2'"]),
            ({}, AWAY, "smoke_unreachable", ["ConnectTimeout", "via: api_server"]),
            ({"scheme": "https"}, PLAIN, "smoke_unreachable", ["GET https://127.0.1.1:80", "SSL", "Correct scheme"]),
            ({"port": "admin"}, OK, "port_unknown", ["port 'admin'", "has the ports http:80"]),
        ],
        ids=["status", "text", "out of reach", "tls on a plain port", "no such port"],
    )
    def test_that_cannot_pass_is_refused_with_what_came_and_what_to_do(
        self, check: Json, answer: Answer, code: str, parts: list[str]
    ) -> None:
        (finding,) = findings(http(**check), service_says=answer)

        assert (finding.status, finding.code) == (REFUSED, code)
        assert [part for part in ["http /healthz", *parts] if part not in finding.message] == []

    def test_of_a_service_without_any_tcp_port_is_refused(self) -> None:
        (finding,) = findings(http(), ports=[{"name": "dns", "port": 53, "protocol": "UDP"}])

        assert (finding.status, finding.code) == (REFUSED, "port_unknown")

    def test_by_way_of_the_api_server_needs_no_cluster_ip(self) -> None:
        (finding,) = findings(http(via="api_server"), service_says=AWAY)

        assert finding.status is PASSED

    def test_that_the_api_server_cannot_pass_on_says_which_way_is_left(self) -> None:
        (before, after) = findings(http(when="both", via="api_server"), pods_say=AWAY)

        assert "when: after_switch" in before.message
        assert "via: service" in after.message

    def test_is_not_refused_for_one_wrong_answer_of_three(self) -> None:
        simulation = Simulation.of(1)
        simulation.route = WrittenRoute(BROKEN, BROKEN, OK)
        found = smoke_findings(
            simulation.ports(),
            policy(smoke=[http()]).spec.smoke,
            BlueGreen(),
            target=WORKLOAD,
            stable=SetBuilder(replicas=2).build(),
            observation=observation(service(), SetBuilder(replicas=2)),
        )

        assert [finding.status for finding in found] == [PASSED]

    def test_is_not_checked_where_no_pod_of_the_stable_set_is_ready(self) -> None:
        (finding,) = findings(http(), http(when="both"), service_says=BROKEN, ready=0)

        assert finding.status is NOT_CHECKED
        assert "Deployment web has no ready pod" in finding.message


class TestACondition:
    @pytest.mark.parametrize(
        ("value", "status", "said"),
        [
            (0.5, PASSED, "0.5"),
            (2.0, WARNING, "2 is not below 1"),
            (None, WARNING, "the answer is empty"),
            (float("nan"), WARNING, "it is NaN"),
            (DemandUnavailable("Prometheus does not answer", code="demand_unavailable"), WARNING, "does not answer"),
        ],
        ids=["holds", "does not hold", "empty", "NaN", "away"],
    )
    def test_is_told_and_refuses_nothing(
        self, value: float | DemandUnavailable | None, status: FindingStatus, said: str
    ) -> None:
        def instant(_query: str) -> float | None:
            if isinstance(value, DemandUnavailable):
                raise value
            return value

        simulation = Simulation.of(2, smoke=[{"promql": {"query": "errors", "below": 1}}])
        simulation.instant = instant
        (finding,) = planned(simulation.ports(), simulation)

        assert finding.status is status
        assert f"promql errors: {said}" in finding.message.replace("Prometheus ", "")

    def test_is_told_where_no_prometheus_is_configured(self) -> None:
        simulation = Simulation.of(2, smoke=[{"promql": {"query": "errors", "below": 1}}])
        (finding,) = planned(simulation.ports(), simulation)

        assert (finding.status, "no Prometheus is configured" in finding.message) == (WARNING, True)


def planned(ports: Ports, simulation: Simulation) -> list[Finding]:
    """Return what a plan finds of the smoke checks."""
    plan = plan_capacity(ports, simulation.request(4))
    return [finding for finding in plan.findings if finding.check == "smoke"]


class TestARun:
    @pytest.fixture
    def passing_on(self, monkeypatch: pytest.MonkeyPatch) -> list[WorldProxy]:
        """Let the API server of each world pass requests on, and return those API servers."""
        proxies = list[WorldProxy]()
        beginning = Simulation.ports

        def ports(simulation: Simulation, *args: Any) -> Ports:
            proxies.append(WorldProxy(simulation.world))
            begun = beginning(simulation, *args)
            monkeypatch.setattr(begun.kube, "ask", proxies[-1].ask)
            return begun

        monkeypatch.setattr(Simulation, "ports", ports)
        return proxies

    def test_is_refused_before_it_writes_for_a_path_that_the_stable_set_does_not_have_either(
        self, passing_on: list[WorldProxy]
    ) -> None:
        simulation = Simulation.of(3, smoke=[{"http": {"path": "/health", "samples": 20}}])
        with pytest.raises(InputError) as caught:
            simulation.run(6)

        assert caught.value.code == "smoke_cannot_pass"
        assert caught.value.message.count("http /health: GET") == 2
        assert "status 404" in caught.value.message
        assert [call for call in simulation.world.history.calls if call.write] == []
        assert passing_on

    @pytest.mark.usefixtures("passing_on")
    def test_may_begin_all_the_same_where_the_policy_only_wants_to_be_warned(self) -> None:
        simulation = Simulation.of(2, smoke=[{"http": {"path": "/health", "samples": 2}}], only_warn=["smoke"])

        assert {finding.status for finding in planned(simulation.ports(), simulation)} == {WARNING}

    @pytest.mark.usefixtures("passing_on")
    @pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
    def test_of_a_service_whose_first_port_is_udp_asks_the_first_tcp_port(self, strategy: str) -> None:
        probe = {"path": "/", "identity": "body"}
        simulation = Simulation.of(3, strategy=strategy, probe=probe, smoke=[{"http": {"path": "/healthz"}}])
        simulation.world.apply(with_udp_first(simulation))

        assert simulation.run(6) is RunOutcome.SUCCEEDED

    def test_asks_for_the_rights_that_its_checks_need(self) -> None:
        assert rights("both", "service") == ["get pods/proxy"]
        assert rights("both", "api_server") == ["get pods/proxy", "get services/proxy"]
        assert rights("after_switch", "api_server") == ["get services/proxy"]
        assert rights("after_switch", "service") == []
        assert rights("before_switch", "api_server", strategy="in_place") == ["get services/proxy"]

    def test_without_such_a_right_is_refused_and_the_checks_are_not_checked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        simulation = Simulation.of(2, smoke=[{"http": {"path": "/healthz", "when": "before_switch"}}])
        refused = ClusterRefused("pods/proxy is forbidden", code="rbac_missing")
        monkeypatch.setattr(LiveKube, "ask", lambda _kube, _request: WrittenProxy(refused).ask(_request))
        monkeypatch.setattr(LiveKube, "may", lambda _kube, right, _namespace: right.resource != "pods/proxy")
        plan = plan_capacity(simulation.ports(), simulation.request(4))

        said = {finding.check: finding for finding in plan.findings if finding.check in {"rights", "smoke"}}
        assert said["rights"].message.count("get pods/proxy") == 1
        assert said["smoke"].status is NOT_CHECKED


def rights(when: str, via: str, *, strategy: str = "blue_green") -> list[str]:
    """Return which rights to proxies a run asks for."""
    check = {"http": {"path": "/healthz", "when": when, "via": via}}
    simulation = Simulation.of(2, strategy=strategy, smoke=[check])
    asked: list[str] = []

    def may(_kube: LiveKube, right: Right, _namespace: str) -> bool:
        asked.append(str(right))
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiveKube, "ask", lambda _kube, request: WrittenProxy(OK).ask(request))
        patch.setattr(LiveKube, "may", may)
        plan_capacity(simulation.ports(), simulation.request(4))
    return [right for right in asked if "proxy" in right]


def with_udp_first(simulation: Simulation) -> Json:
    """Return the Service with a UDP port before the one that serves."""
    found = simulation.world.get("services", NAMESPACE, "web")
    assert found is not None
    dns = {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"selector": found["spec"]["selector"], "ports": [dns, *found["spec"]["ports"]]},
    }
