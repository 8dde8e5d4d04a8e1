"""The nodes that only KWOK reports for, what it reports, and how fast controllers may be beside them."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
import yaml

from cluster.fake_nodes import MARK, MOST, PLACEMENT, fake_node
from cluster.neighbours import NEIGHBOURS
from cluster.settings import NODES, SERVICE_RANGE, SOURCES, ClusterError, controllers_pace


def stages() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SOURCES / "kwok" / "stages.yaml").read_text()))


def test_no_two_have_an_address_or_a_name_in_common() -> None:
    nodes = [fake_node(number) for number in range(MOST)]

    names = {node["metadata"]["name"] for node in nodes}
    ranges = {node["spec"]["podCIDR"] for node in nodes}
    addresses = {node["status"]["addresses"][0]["address"] for node in nodes}
    assert len(names) == len(ranges) == len(addresses) == MOST


@pytest.mark.parametrize("number", [0, 1, 999, MOST - 1])
def test_their_pods_have_addresses_that_nobody_else_has(number: int) -> None:
    pods = IPv4Network(fake_node(number)["spec"]["podCIDR"])

    others = [IPv4Network(SERVICE_RANGE), *(IPv4Network(node.pod_range) for node in NODES)]
    assert not any(pods.overlaps(other) for other in others)
    assert pods.subnet_of(IPv4Network("100.64.0.0/10"))
    assert pods.num_addresses > int(fake_node(number)["status"]["allocatable"]["pods"])


def test_only_what_asks_for_them_comes_to_them() -> None:
    node = fake_node(7)

    (taint,) = node["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == (MARK, "NoSchedule")
    assert PLACEMENT["nodeSelector"].items() <= node["metadata"]["labels"].items()
    assert [each["key"] for each in PLACEMENT["tolerations"]] == [taint["key"]]


def test_it_is_reported_for_nodes_and_pods_and_for_them_alone() -> None:
    kinds = [stage["spec"]["resourceRef"]["kind"] for stage in stages()]
    kwok = NEIGHBOURS["kwok"]
    config, deployment = kwok.objects(kwok, SOURCES)

    command = deployment["spec"]["template"]["spec"]["containers"][0]["command"]
    assert kinds == ["Node", "Pod", "Pod", "Pod"]
    assert f"--manage-nodes-with-label-selector={MARK}=true" in command
    assert list(yaml.safe_load_all(config["data"]["stages.yaml"])) == stages()


@pytest.mark.parametrize(
    ("text", "flags"), [("", []), ("200", ["--kube-api-qps=200", "--kube-api-burst=200"])], ids=["unset", "200"]
)
def test_controllers_are_as_fast_as_somebody_says(text: str, flags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_CONTROLLERS", text)

    assert controllers_pace() == flags


@pytest.mark.parametrize("text", ["9", "5001", "fast", "-20"])
def test_a_pace_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPRINGTIDE_CONTROLLERS", text)

    with pytest.raises(ClusterError, match=r"SPRINGTIDE_CONTROLLERS='.*': a number from 10 to 5000 is needed"):
        controllers_pace()
