"""A floor under autoscalers that are the real ones: an HPA on the CPU that its pods burn, and KEDA. There and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e import keda
from e2e.manifests import NAME

if TYPE_CHECKING:
    from e2e.manifests import Json
    from e2e.observer import Observer
    from e2e.stages import Given

PATIENCE = 240
"""Seconds; an HPA looks every 15 s, and at pods that are new only once there are metrics of them."""

ASKED_MILLICORES = 80
CPU = {"type": "AverageValue", "averageValue": f"{ASKED_MILLICORES}m"}


def replicas(see: Observer) -> int:
    """Return what the Deployment is asked for, by whomever."""
    return int(see.get("deployments", NAME)["spec"]["replicas"])


def hpa_on_cpu(low: int, high: int) -> Json:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": CPU}}
    bounds = {"minReplicas": low, "maxReplicas": high}
    return bounds | {"scaleTargetRef": reference, "metrics": [metric], "behavior": keda.AT_ONCE}


@pytest.mark.neighbours("metrics-server")
def test_an_hpa_on_real_cpu_keeps_the_floor_and_goes_back_to_what_its_pods_burn(given: Given) -> None:
    """200 requests/s burn 1 ms each: more than two pods may, by 80 millicores each, and less than eight."""
    scenario = given.scenario
    see = scenario.see
    scenario.web = replace(scenario.web, environment={"BURN": "1ms"})
    given.web(replicas=2)
    see.create("horizontalpodautoscalers", scenario.web.autoscaler(hpa_on_cpu(2, 12)))
    when = given.under_load()
    see.until("real CPU has the HPA ask for more", lambda: replicas(see) > 2, seconds=PATIENCE)

    raised = when.scaled(to=8, by="floor").with_the_autoscaler_at(8, 12, held=True).with_exactly(8)
    released = scenario.springtide.release(NAME)
    see.until("real CPU has the HPA ask for fewer", lambda: replicas(see) < 8, seconds=PATIENCE)

    then = raised.then(released)
    then.it_ended("succeeded").the_autoscaler_at(2, 12).no_request_failed()
    assert replicas(see) > 2


@pytest.mark.neighbours("keda")
def test_keda_keeps_the_floor_and_goes_back_to_what_its_trigger_asks_for(given: Given) -> None:
    see = given.web(replicas=2).scenario.see
    see.create("scaledobjects", keda.scaled_object(see.namespace, 2, 12, trigger=keda.cron(4)))
    see.until("its trigger has KEDA ask for 4", lambda: len(see.ready_endpoints()) == 4, seconds=PATIENCE)

    raised = given.under_load().scaled(to=7, by="floor").with_exactly(7).with_the_scaled_object_at(7, 12)
    released = given.scenario.springtide.release(NAME)
    see.until("its trigger has KEDA ask for 4 again", lambda: len(see.pods()) == 4, seconds=PATIENCE)

    then = raised.then(released)
    then.it_ended("succeeded").the_scaled_object_at(2, 12).exactly(4).no_request_failed()
    assert see.get("horizontalpodautoscalers", f"keda-hpa-{NAME}")["spec"]["minReplicas"] == 2


@pytest.mark.neighbours("metrics-server", "keda")
def test_keda_on_real_cpu_keeps_the_floor_and_goes_back_to_what_its_pods_burn(given: Given) -> None:
    scenario = given.scenario
    see = scenario.see
    scenario.web = replace(scenario.web, environment={"BURN": "1ms"})
    given.web(replicas=2)
    trigger = {"type": "cpu", "metricType": "AverageValue", "metadata": {"value": f"{ASKED_MILLICORES}m"}}
    see.create("scaledobjects", keda.scaled_object(see.namespace, 2, 12, trigger=trigger))
    when = given.under_load()
    see.until("real CPU has KEDA's HPA ask for more", lambda: replicas(see) > 2, seconds=PATIENCE)

    raised = when.scaled(to=8, by="floor").with_the_scaled_object_at(8, 12).with_exactly(8)
    released = scenario.springtide.release(NAME)
    see.until("real CPU has KEDA's HPA ask for fewer", lambda: replicas(see) < 8, seconds=PATIENCE)

    then = raised.then(released)
    then.it_ended("succeeded").the_scaled_object_at(2, 12).no_request_failed()
    assert replicas(see) > 2


@pytest.mark.neighbours("keda")
def test_what_keda_took_to_0_is_woken_by_a_floor_and_taken_to_0_again(given: Given) -> None:
    see = given.web(replicas=1).scenario.see
    asleep = keda.cron(5, span=keda.A_MINUTE_IN_FOUR_YEARS)
    see.create("scaledobjects", keda.scaled_object(see.namespace, 0, 12, trigger=asleep))
    see.until("KEDA took it to 0", lambda: replicas(see) == 0 and not see.objects("pods"), seconds=PATIENCE)

    given.scenario.springtide.write_policy(given.policy())
    raised = given.scenario.springtide.run(NAME, replicas=3, strategy="floor")
    assert (raised.exit_code, raised.record.get("outcome")) == (0, "succeeded"), f"{raised}\n{see.describe()}"
    assert len(see.ready_endpoints()) == 3, see.describe()
    released = given.scenario.springtide.release(NAME)
    assert released.exit_code == 0, str(released)

    see.until("KEDA took it to 0 again", lambda: replicas(see) == 0 and not see.objects("pods"), seconds=PATIENCE)
    assert see.get("scaledobjects", NAME)["spec"]["minReplicaCount"] == 0
