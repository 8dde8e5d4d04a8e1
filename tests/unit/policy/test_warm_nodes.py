"""Placeholders of a policy: its own, of no other policy, and never the workload itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.errors import PolicyError
from springtide.policy.language.units import Duration
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.warm_nodes import WarmNodes
from support.builders import policy_text


def written(folder: Path, name: str, deployment: str, warms: str | None, **warm: Any) -> PolicyFolder:
    """Write a policy of `deployment` with the placeholders `warms`."""
    strategy: dict[str, Any] = {"type": "in_place"}
    strategy |= {"warm_nodes": {"deployment": warms} | warm} if warms else {}
    target = {"namespace": "shop", "deployment": deployment, "service": deployment}
    (folder / f"{name}.yaml").write_text(policy_text(name, target=target, strategy=strategy))
    return PolicyFolder(folder)


def told(folder: PolicyFolder) -> list[tuple[str, str]]:
    with pytest.raises(PolicyError) as caught:
        folder.all()
    return [(violation.code, violation.field) for violation in caught.value.violations]


FIELD = "spec.strategy.warm_nodes.deployment"


def test_a_deadline_of_minutes_and_going_on_are_the_defaults(tmp_path: Path) -> None:
    found = written(tmp_path, "one", "web", "headroom").get("one").spec.strategy.warm_nodes

    assert found == WarmNodes(deployment="headroom", deadline=Duration("10m"), on_failure="go_on")


def test_what_is_scaled_is_no_placeholder(tmp_path: Path) -> None:
    assert told(written(tmp_path, "one", "web", "web")) == [("policy_inconsistent", FIELD)]


def test_two_policies_share_none(tmp_path: Path) -> None:
    written(tmp_path, "one", "web", "headroom")

    assert told(written(tmp_path, "two", "api", "headroom")) == [("shared_workload", FIELD)]


def test_what_another_policy_scales_is_no_placeholder(tmp_path: Path) -> None:
    written(tmp_path, "one", "web", None)

    assert told(written(tmp_path, "two", "api", "web")) == [("shared_workload", FIELD)]


def test_each_may_have_its_own(tmp_path: Path) -> None:
    written(tmp_path, "one", "web", "headroom-web")

    assert set(written(tmp_path, "two", "api", "headroom-api").all()) == {"one", "two"}


@pytest.mark.parametrize(
    ("warm", "field"),
    [({"deadline": "0s"}, "deadline"), ({"on_failure": "wait"}, "on_failure"), ({"replicas": 3}, "replicas")],
)
def test_what_it_does_not_know_is_refused(tmp_path: Path, warm: dict[str, Any], field: str) -> None:
    codes = told(written(tmp_path, "one", "web", "headroom", **warm))

    assert [name for _, name in codes] == [f"spec.strategy.warm_nodes.{field}"]
