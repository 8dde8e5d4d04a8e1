"""Autoscalers that springtide applies: as the API server keeps them nothing is left to do; others' fields stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.manifests import NAME, tuned_policy

if TYPE_CHECKING:
    from e2e.command import Finished
    from e2e.manifests import Json
    from e2e.scenario import Scenario
    from e2e.stages import Given

RULE = f"springtide-{NAME}"


def applied(scenario: Scenario, *options: str, low: int = 3, high: int = 20) -> Finished:
    """Apply under a policy with these bounds."""
    scenario.springtide.write_policy(tuned_policy(scenario.see.namespace, low, high))
    return scenario.springtide.autoscaler(NAME, *options)


def outcome(run: Finished) -> tuple[int, str | None, list[str]]:
    return run.exit_code, run.record.get("outcome"), [written["action"] for written in run.record.get("objects") or ()]


def hpa(scenario: Scenario) -> Json:
    return dict(scenario.see.get("horizontalpodautoscalers", NAME)["spec"])


@pytest.mark.parametrize("by", ["hpa", "keda"])
def test_it_is_applied_once_and_changed_where_the_policy_changes(given: Given, by: str) -> None:
    scenario = given.web(replicas=3).an_operator_of_prometheus().scenario
    if by == "keda":
        given.the_resource_of_keda()

    assert outcome(applied(scenario, "--by", by)) == (0, "applied", ["create", "create"])
    assert outcome(applied(scenario, "--by", by)) == (0, "nothing_to_do", ["keep", "keep"])
    assert outcome(applied(scenario, "--by", by, high=30)) == (0, "applied", ["keep", "change"])
    assert outcome(applied(scenario, "--by", by, high=30)) == (0, "nothing_to_do", ["keep", "keep"])

    rules = scenario.see.get("prometheusrules", RULE)["spec"]["groups"][0]["rules"]
    assert rules[1]["record"] == "springtide_autoscaler_pods"
    if by == "hpa":
        assert (hpa(scenario)["minReplicas"], hpa(scenario)["maxReplicas"]) == (3, 30)
        assert hpa(scenario)["metrics"][0]["external"]["target"]["averageValue"] == "1"


def test_a_dry_run_and_what_cannot_all_be_done_write_nothing(given: Given) -> None:
    scenario = given.web(replicas=3).an_operator_of_prometheus().scenario
    before = scenario.see.inventory()

    assert outcome(applied(scenario, "--dry-run")) == (0, "dry_run", ["create", "create"])
    given.an_autoscaler(3, 9)
    refused = applied(scenario)

    assert refused.exit_code == 1
    assert '"code": "not_ours"' in refused.errors
    assert scenario.see.objects("prometheusrules") == []
    assert scenario.see.inventory() - before == {("horizontalpodautoscalers", NAME)}


def test_what_somebody_set_by_hand_is_theirs(given: Given) -> None:
    scenario = given.web(replicas=3).an_operator_of_prometheus().scenario
    applied(scenario)
    scenario.see.patch("horizontalpodautoscalers", NAME, {"spec": {"maxReplicas": 7}})

    refused = applied(scenario)

    assert refused.exit_code == 1
    assert '"code": "field_owned"' in refused.errors
    assert "spec.maxReplicas was set by" in refused.errors
    assert hpa(scenario)["maxReplicas"] == 7
