"""The contenders are asked for the same, and what the table says of their settings is what is in their files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from benchmarks.peers.contenders import CONTENDERS, MANIFESTS, ByArgoRollouts, BySpringtide

from springtide.policy.scaling.model import ScalingPolicy

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def documents(name: str) -> dict[str, Any]:
    """Read a manifest, by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((MANIFESTS / name).read_text())}


@pytest.fixture(params=sorted({each.manifest for each in CONTENDERS}))
def workload(request: pytest.FixtureRequest) -> dict[str, Any]:
    (found,) = (each for kind, each in documents(request.param).items() if kind != "Service")
    return dict(found)


def test_everybody_begins_with_three_pods_of_the_same_kind(workload: dict[str, Any]) -> None:
    ordinary = documents("springtide.yaml")["Deployment"]["spec"]["template"]["spec"]

    assert workload["spec"]["replicas"] == 3
    assert workload["spec"]["template"]["spec"] == ordinary


def test_each_contender_has_a_row_of_its_own() -> None:
    rows = [(each.who, each.settings) for each in CONTENDERS]

    assert len(set(rows)) == len(rows) == 7


def test_defaults_are_left_out_of_the_files() -> None:
    policy = BySpringtide("defaults").policy("shop")

    assert policy["spec"]["strategy"] == {"type": "blue_green"}
    assert documents("argo-defaults.yaml")["Rollout"]["spec"]["strategy"]["blueGreen"] == {"activeService": "web"}


def test_tuned_ones_keep_the_old_pods_equally_long() -> None:
    strategy = ScalingPolicy.model_validate(BySpringtide("tuned").policy("peers-1")).spec.strategy
    rollout = documents("argo-tuned.yaml")["Rollout"]["spec"]["strategy"]["blueGreen"]

    assert (str(strategy.propagation), str(strategy.drain)) == ("2s", "1s")
    assert rollout["scaleDownDelaySeconds"] == 3
    assert [each.settings for each in CONTENDERS if each.who == "kubectl script"] == ["30 s", "tuned, 3 s"]


@pytest.mark.parametrize("settings", ["defaults", "tuned"])
def test_a_policy_is_of_the_namespace_that_it_is_used_in(settings: str) -> None:
    policy = ScalingPolicy.model_validate(BySpringtide(settings).policy("peers-1"))

    assert policy.spec.target.namespace == "peers-1"


def test_a_rollout_gets_another_template_with_its_replicas() -> None:
    change = ByArgoRollouts("tuned", "argo-tuned.yaml").change(6, NOW)

    assert change["replicas"] == 6
    assert change["template"] == {"metadata": {"annotations": {"scaled-at": "2026-11-27T09:30:00+00:00"}}}


def test_or_its_replicas_alone() -> None:
    assert ByArgoRollouts("alone", "argo-defaults.yaml", fresh=False).change(6, NOW) == {"replicas": 6}
