"""Services that keep requests on the node that they come to, switched on two nodes under load from both."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cluster.settings import FIRST, SECOND
from e2e.live_load import LiveLoad
from e2e.manifests import NAME, PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.live_load import Report
    from e2e.manifests import Json
    from e2e.observer import Observer
    from e2e.real_cluster import RealCluster
    from e2e.stages import Given

RATE = 50
SIZES = [pytest.param(4, 6, id="4to6"), pytest.param(6, 4, id="6to4")]


@pytest.fixture
def open_nodes(given: Given) -> Iterator[Observer]:
    """Both nodes take pods, afterwards too."""
    yield given.scenario.see
    cordon(given.scenario.see, is_closed=False)


def cordon(see: Observer, *, is_closed: bool) -> None:
    """Have the second node take no new pods, or take them again."""
    see.change_node(SECOND.name, {"spec": {"unschedulable": is_closed or None}})


def serving_nodes(see: Observer) -> set[str]:
    """Return where the ready pods stand."""
    pods = see.pods()
    return {pods[name]["spec"]["nodeName"] for name in see.ready_endpoints()}


def service(see: Observer, **spec: str) -> Json:
    """Change the Service, and return it."""
    changed: Json = see.patch("services", NAME, {"spec": spec})["spec"]
    return changed


def from_second(own: RealCluster) -> tuple[str, ...]:
    """Return what starts a command in the second node's network."""
    assert own.own is not None
    return "nsenter", f"--net={own.own.network_of(SECOND)}"


@contextmanager
def more_load(url: str, *, inside: tuple[str, ...] = ()) -> Iterator[list[Report]]:
    """Send requests to a URL, from the second node where `inside` says so; the reports are there at the end."""
    load = LiveLoad(url, fresh=RATE, kept=RATE, inside=inside)
    reports: list[Report] = []
    try:
        load.watch_on(1)
        yield reports
        reports.extend(load.stop())
    finally:
        load.kill()


def require_answered(reports: list[Report]) -> None:
    assert [report.raw for report in reports if report.failed] == []
    assert all(report.requests > 100 for report in reports)


@pytest.mark.neighbours("node1")
@pytest.mark.parametrize(("current", "target"), SIZES)
def test_callers_on_both_nodes_are_answered_by_their_own_nodes_pods(
    given: Given, open_nodes: Observer, own_cluster: RealCluster, current: int, target: int
) -> None:
    see = given.web(replicas=current).scenario.see
    address = service(see, internalTrafficPolicy="Local")["clusterIP"]
    assert serving_nodes(see) == {FIRST.name, SECOND.name}
    when = given.under_load(rate=RATE)

    with more_load(f"http://{address}:{PORT}/", inside=from_second(own_cluster)) as reports:
        then = when.is_scaled(to=target, by="blue_green")

    then.it_succeeded().exactly(target).only_new_pods().the_service_as_before().no_request_failed()
    require_answered(reports)
    assert serving_nodes(open_nodes) == {FIRST.name, SECOND.name}


@pytest.mark.neighbours("node1")
def test_callers_from_outside_are_answered_at_each_nodes_port(
    given: Given, open_nodes: Observer, own_cluster: RealCluster
) -> None:
    see = given.web(replicas=4).scenario.see
    (port,) = service(see, type="NodePort", externalTrafficPolicy="Local")["ports"]
    assert serving_nodes(open_nodes) == {FIRST.name, SECOND.name}
    when = given.under_load(rate=RATE)
    there, back = (f"http://{node.address}:{port['nodePort']}/" for node in (SECOND, FIRST))

    with more_load(there) as here, more_load(back, inside=from_second(own_cluster)) as second:
        then = when.is_scaled(to=6, by="blue_green")

    then.it_succeeded().exactly(6).only_new_pods().the_service_as_before().no_request_failed()
    require_answered([*here, *second])


@pytest.mark.neighbours("node1")
def test_new_pods_on_one_node_alone_are_never_switched_to(
    given: Given, open_nodes: Observer, own_cluster: RealCluster
) -> None:
    """The shipped Role reads no nodes, so that one of them is closed shows only by where the new pods are."""
    see = given.web(replicas=4).scenario.see
    address = service(see, internalTrafficPolicy="Local")["clusterIP"]
    assert serving_nodes(see) == {FIRST.name, SECOND.name}
    cordon(open_nodes, is_closed=True)
    when = given.under_load(rate=RATE)

    with more_load(f"http://{address}:{PORT}/", inside=from_second(own_cluster)) as reports:
        then = when.is_scaled(to=6, by="blue_green")

    then.it_failed("nodes_without_endpoint", because=f"would leave {SECOND.name} without an endpoint")
    then.the_stable_set_untouched().the_service_as_before().no_request_failed()
    require_answered(reports)


@pytest.mark.neighbours("node1")
def test_fewer_pods_than_nodes_that_serve_are_refused(given: Given, open_nodes: Observer) -> None:
    see = given.web(replicas=2).scenario.see
    service(see, internalTrafficPolicy="Local")
    assert serving_nodes(open_nodes) == {FIRST.name, SECOND.name}

    then = given.under_load(rate=RATE).is_scaled(to=1, by="blue_green")

    then.it_was_refused("nodes_without_endpoint", because=f"on 2 nodes now ({FIRST.name}, {SECOND.name})")
    then.nothing_written().no_request_failed()
