"""What the cluster follows between plans: the rule holds the tuned numbers, the autoscaler holds none."""

from __future__ import annotations

import math
from typing import Any

import pytest

from springtide.autoscaling.manifests import (
    LOAD,
    PODS,
    adapter_rule,
    horizontal_pod_autoscaler,
    recording_rule,
    scaled_object,
)
from springtide.capacity.setting import Setting
from springtide.errors import InputError
from springtide.policy.scaling.model import ScalingPolicy
from support.builders import policy

QUERY = 'sum(rate(http_requests_total{service="web"}[1m]))'
DEMAND = {"source": "prometheus", "query": QUERY, "unit": "requests/s", "lookback": "21d"}


def tuned(**fields: Any) -> ScalingPolicy:
    model = {"model": "auto", "per_replica": 50, "autoscaler": "tuned", **fields}
    return policy(demand=DEMAND, capacity={"models": [model]}, replicas={"min": 3, "max": 40})


def rules(setting: Setting) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = recording_rule(tuned(), setting)["spec"]["groups"][0]["rules"]
    return rules


def test_the_rule_records_the_load_and_the_pods_that_it_asks_for() -> None:
    load, pods = rules(Setting(quantile=0.95, target=0.8, headroom=1.5))

    assert load == {"record": LOAD, "expr": f"avg_over_time(({QUERY})[1m:15s])", "labels": {"service": "web"}}
    now = f'({LOAD}{{service="web"}} / 50)'
    assert pods == {"record": PODS, "expr": f"{now} / 0.8 + 1.5 * sqrt({now})", "labels": {"service": "web"}}


@pytest.mark.parametrize(
    "setting",
    [
        Setting(quantile=None, target=0.7),
        Setting(quantile=0.9, target=1.2, headroom=2.0),
        Setting(quantile=0.9, target=0.8, headroom=1.0, trend=1.0),
    ],
    ids=str,
)
@pytest.mark.parametrize(("load", "earlier"), [(500.0, 450.0), (500.0, 700.0), (0.0, 0.0)])
def test_what_the_rule_says_is_what_was_replayed(setting: Setting, load: float, earlier: float) -> None:
    expression = rules(setting)[1]["expr"]
    series = f'{LOAD}{{service="web"}}'
    plain = expression.replace(f"{series} offset 3m", str(earlier)).replace(series, str(load))
    plain = plain.replace("clamp_min", "max")

    assert eval(plain, {"sqrt": math.sqrt, "max": max}) == pytest.approx(setting.pods(load / 50, earlier / 50))


def test_retuning_changes_the_rule_alone() -> None:
    first, second = (recording_rule(tuned(), Setting(quantile=0.9, target=target)) for target in (0.6, 0.8))

    assert first != second
    assert "0.6" not in str(horizontal_pod_autoscaler(tuned()))


def test_the_autoscaler_wants_one_pod_a_recorded_pod() -> None:
    spec = horizontal_pod_autoscaler(tuned())["spec"]

    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 40)
    external = spec["metrics"][0]["external"]
    assert external["metric"] == {"name": PODS, "selector": {"matchLabels": {"service": "web"}}}
    assert external["target"] == {"type": "AverageValue", "averageValue": "1"}
    assert adapter_rule()["externalRules"][0]["name"]["as"] == PODS


def test_keda_asks_prometheus_itself() -> None:
    spec = scaled_object(tuned(), "http://prometheus:9090")["spec"]

    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, 40)
    assert spec["triggers"][0]["metadata"]["query"] == f'{PODS}{{service="web"}}'
    assert spec["triggers"][0]["metricType"] == "AverageValue"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (tuned(autoscaler="floor"), "has autoscaler floor"),
        (policy(), "has no model auto"),
        (
            policy(
                demand={"source": "file", "path": "a.csv", "unit": "requests/s", "lookback": "21d"},
                capacity={"models": [{"model": "auto", "per_replica": 50, "autoscaler": "tuned"}]},
            ),
            "reads a file",
        ),
    ],
    ids=["floor", "no auto", "file"],
)
def test_other_policies_have_no_autoscaler_of_ours(other: ScalingPolicy, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recording_rule(other, Setting(quantile=0.9, target=0.8))
