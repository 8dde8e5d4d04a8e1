"""A StatefulSet is scaled in place, by its real controller where the cluster is a real one: ordinals come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.live_load import RATE, LiveLoad, answers
from e2e.manifests import NAME, PORT, Json, Web, policy
from e2e.stages import TRAIL_SECONDS

if TYPE_CHECKING:
    from e2e.stages import Given

SIZES = [pytest.param(3, 5, id="3to5"), pytest.param(5, 3, id="5to3")]


def stateful_set(web: Web, management: str) -> Json:
    """Return the workload as a StatefulSet, whose pods come and go as `management` says."""
    deployment = web.deployment()
    spec = deployment["spec"] | {"serviceName": NAME, "podManagementPolicy": management}
    return {**deployment, "kind": "StatefulSet", "spec": spec}


def policy_of(namespace: str) -> Json:
    """Return the usual policy for it."""
    document = policy(namespace, smoke_path="/healthz", ready_within="120s")
    document["spec"]["target"] = {"namespace": namespace, "statefulset": NAME, "service": NAME}
    document["spec"]["strategy"] |= {"type": "in_place"}
    return document


@pytest.mark.parametrize("management", ["OrderedReady", "Parallel"])
@pytest.mark.parametrize(("current", "target"), SIZES)
def test_a_stateful_set_is_scaled_in_place(given: Given, management: str, current: int, target: int) -> None:
    scenario = given.scenario
    see = scenario.see
    web = replace(scenario.web, replicas=current)
    see.create("configmaps", web.config_map())
    service = see.create("services", web.service())
    see.create("statefulsets", stateful_set(web, management))
    see.until(f"{current} ready endpoints", lambda: len(see.ready_endpoints()) == current)
    scenario.springtide.write_policy(policy_of(see.namespace))
    before = {name: pod["metadata"]["uid"] for name, pod in see.pods().items()}
    url = f"http://{service['spec']['clusterIP']}:{PORT}/"
    see.until("the Service answers", lambda: answers(url))
    scenario.load = LiveLoad(url, fresh=RATE, kept=RATE)
    scenario.load.watch_on(1)

    run = scenario.springtide.run(NAME, replicas=target, strategy="in_place")

    scenario.load.watch_on(TRAIL_SECONDS)
    reports = scenario.load.stop()
    scenario.load = None
    after = {name: pod["metadata"]["uid"] for name, pod in see.pods().items()}
    kept = {f"{NAME}-{ordinal}" for ordinal in range(min(current, target))}
    assert (run.exit_code, run.record.get("outcome")) == (0, "succeeded"), f"{run}\n{see.describe()}"
    assert set(after) == see.ready_endpoints() == {f"{NAME}-{ordinal}" for ordinal in range(target)}, see.describe()
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert see.get("statefulsets", NAME)["spec"]["replicas"] == target
    assert [report.raw for report in reports if report.failed] == []
