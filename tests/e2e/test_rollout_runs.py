"""A Rollout of Argo Rollouts is scaled by its real controller: in place, and by a floor under an HPA over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.live_load import RATE, LiveLoad, answers
from e2e.manifests import NAME, PORT, Json, Web, policy
from e2e.stages import TRAIL_SECONDS

if TYPE_CHECKING:
    from e2e.command import Finished
    from e2e.live_load import Report
    from e2e.scenario import Scenario
    from e2e.stages import Given

SIZES = [pytest.param(3, 5, id="3to5"), pytest.param(5, 3, id="5to3")]
API = "argoproj.io/v1alpha1"
pytestmark = pytest.mark.neighbours("argo-rollouts")


def rollout(web: Web) -> Json:
    """Return the workload as a Rollout, which brings a new version up step by step."""
    deployment = web.deployment()
    steps = [{"setWeight": 50}, {"pause": {"duration": "10s"}}]
    return {**deployment, "apiVersion": API, "kind": "Rollout"} | {
        "spec": deployment["spec"] | {"strategy": {"canary": {"steps": steps}}}
    }


def policy_of(namespace: str, strategy: str) -> Json:
    """Return the usual policy for it."""
    document = policy(namespace, smoke_path="/healthz", ready_within="120s")
    document["spec"]["target"] = {"namespace": namespace, "rollout": NAME, "service": NAME}
    document["spec"]["strategy"] |= {"type": strategy}
    return document


def under_load(given: Given, current: int, strategy: str) -> Scenario:
    """Make it, and let the load begin."""
    scenario = given.scenario
    see = scenario.see
    web = replace(scenario.web, replicas=current)
    see.create("configmaps", web.config_map())
    service = see.create("services", web.service())
    see.create("rollouts", rollout(web))
    see.until(f"{current} ready endpoints", lambda: len(see.ready_endpoints()) == current)
    see.until("it says so", lambda: see.get("rollouts", NAME).get("status", {}).get("phase") == "Healthy")
    scenario.springtide.write_policy(policy_of(see.namespace, strategy))
    url = f"http://{service['spec']['clusterIP']}:{PORT}/"
    see.until("the Service answers", lambda: answers(url))
    scenario.load = LiveLoad(url, fresh=RATE, kept=RATE)
    scenario.load.watch_on(1)
    return scenario


def stopped(scenario: Scenario) -> list[Report]:
    """Watch a while longer, and stop the load."""
    assert scenario.load is not None
    scenario.load.watch_on(TRAIL_SECONDS)
    reports = scenario.load.stop()
    scenario.load = None
    return reports


def require(run: Finished, scenario: Scenario) -> None:
    story = f"{run}\n{scenario.see.describe()}"
    assert (run.exit_code, run.record.get("outcome")) == (0, "succeeded"), story


@pytest.mark.parametrize(("current", "target"), SIZES)
def test_a_rollout_is_scaled_in_place(given: Given, current: int, target: int) -> None:
    scenario = under_load(given, current, "in_place")
    see = scenario.see
    before = set(see.pods())

    run = scenario.springtide.run(NAME, replicas=target, strategy="in_place")

    reports = stopped(scenario)
    require(run, scenario)
    after = set(see.pods())
    assert len(after) == target
    assert see.ready_endpoints() == after, see.describe()
    assert after > before if target > current else after < before
    assert see.get("rollouts", NAME)["spec"]["replicas"] == target
    assert see.get("rollouts", NAME)["status"]["phase"] == "Healthy"
    assert [report.raw for report in reports if report.failed] == []


def test_a_floor_is_raised_under_an_hpa_over_it_and_given_back(given: Given) -> None:
    scenario = under_load(given, 3, "floor")
    see = scenario.see
    reference = {"apiVersion": API, "kind": "Rollout", "name": NAME}
    bounds = {"minReplicas": 3, "maxReplicas": 12, "scaleTargetRef": reference}
    see.create("horizontalpodautoscalers", scenario.web.autoscaler(bounds))

    raised = scenario.springtide.run(NAME, replicas=7, strategy="floor")
    require(raised, scenario)
    serving = see.ready_endpoints()
    hpa = see.get("horizontalpodautoscalers", NAME)
    released = scenario.springtide.release(NAME)

    reports = stopped(scenario)
    require(released, scenario)
    assert (len(serving), hpa["spec"]["minReplicas"]) == (7, 7)
    assert see.get("horizontalpodautoscalers", NAME)["spec"]["minReplicas"] == 3
    assert [report.raw for report in reports if report.failed] == []
