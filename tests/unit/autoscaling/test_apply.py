"""`springtide autoscaler --apply`: all of it or nothing, only what differs, and nothing that somebody else set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from springtide import labels
from springtide.autoscaling.apply import apply_writes, judge_autoscaler
from springtide.autoscaling.differences import Action, Write
from springtide.autoscaling.manifests import horizontal_pod_autoscaler, recording_rule, scaled_object
from springtide.capacity.setting import Setting
from springtide.errors import ClusterRefused, Conflict, Fenced, InputError, NotFound, SpringtideError
from springtide.kube.client import KubeClient
from springtide.kube.live import LiveKube
from springtide.kube.objects import Json, Kind
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run import phases
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.messages import Request
from springtide.sandbox.objects import Ref, dump
from support.builders import policy
from support.courses import autoscaler
from support.other_kinds import OTHERS, scaled_by
from support.simulation import NAMESPACE, Simulation
from unit.sandbox.scenes import kubernetes_client

QUERY = 'sum(rate(http_requests_total{service="web"}[1m]))'
DEMAND = {"source": "prometheus", "query": QUERY, "unit": "requests/s", "lookback": "21d"}
MODEL = {"model": "auto", "per_replica": 50, "autoscaler": "tuned"}
SETTING = Setting(quantile=0.95, target=0.8, headroom=2.0)
HPAS = "horizontalpodautoscalers"
SCALED = "scaledobjects"
RULES = "prometheusrules"
PATHS = {
    HPAS: f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/{HPAS}/web",
    RULES: f"/apis/monitoring.coreos.com/v1/namespaces/{NAMESPACE}/{RULES}/springtide-web",
}


def tuned(low: int = 2, high: int = 20, **spec: Any) -> ScalingPolicy:
    return policy(
        **spec,
        demand=DEMAND,
        capacity={"models": [MODEL]},
        replicas={"min": low, "max": high},
        strategy={"type": "floor", "propagation": "2s", "drain": "1s"},
        guards={"step_up": "10x"},
    )


def judged(kube: KubeClient, chosen: ScalingPolicy, setting: Setting = SETTING, by: str = "hpa") -> tuple[Write, ...]:
    follower = scaled_object(chosen, "http://prometheus:9090") if by == "keda" else horizontal_pod_autoscaler(chosen)
    return judge_autoscaler(kube, chosen, recording_rule(chosen, setting), follower)


def applied(
    simulation: Simulation, chosen: ScalingPolicy | None = None, setting: Setting = SETTING, by: str = "hpa"
) -> list[Action]:
    """Apply, and return what became of the rule and of the autoscaler."""
    kube = simulation.ports().kube
    writes = judged(kube, chosen or tuned(), setting, by)
    apply_writes(kube, writes)
    return [write.action for write in writes]


def stored(simulation: Simulation, collection: str, name: str = "web") -> Json:
    document = simulation.world.get(collection, NAMESPACE, name)
    assert document is not None
    return document


def edited(simulation: Simulation, collection: str, change: Json) -> None:
    """Change an object as somebody does with kubectl."""
    headers = {"content-type": "application/merge-patch+json"}
    query = {"fieldManager": "kubectl-edit"}
    answer = simulation.world.call(Request("PATCH", PATHS[collection], query=query, headers=headers, body=dump(change)))
    assert answer.status == 200, answer.body


def writes_of(simulation: Simulation) -> int:
    return len([call for call in simulation.world.history.calls if call.write])


def refused(simulation: Simulation, kind: type[SpringtideError], message: str, by: str = "hpa") -> None:
    """Expect that judging raises, and that nothing was written."""
    before = writes_of(simulation)
    with pytest.raises(kind, match=message):
        judged(simulation.ports().kube, tuned(3, 30), Setting(quantile=0.9, target=0.6), by)
    assert writes_of(simulation) == before


@pytest.mark.parametrize(
    ("by", "collection", "least"), [("hpa", HPAS, "minReplicas"), ("keda", SCALED, "minReplicaCount")]
)
def test_both_are_made_and_then_there_is_nothing_to_do(by: str, collection: str, least: str) -> None:
    simulation = Simulation.of(2)

    assert applied(simulation, by=by) == [Action.CREATE, Action.CREATE]
    simulation.world.settle()
    before = writes_of(simulation)
    assert applied(simulation, by=by) == [Action.KEEP, Action.KEEP]

    assert writes_of(simulation) == before
    assert stored(simulation, collection)["spec"][least] == 2
    assert "+ 2 * sqrt(" in str(stored(simulation, RULES, "springtide-web"))


def test_new_numbers_change_the_rule_and_only_the_rule() -> None:
    simulation = Simulation.of(2)
    applied(simulation)

    rule, hpa = judged(simulation.ports().kube, tuned(), Setting(quantile=0.9, target=0.65))

    assert (rule.action, hpa.action) == (Action.CHANGE, Action.KEEP)
    assert [difference.field for difference in rule.differences] == ["spec.groups[0].rules[1].expr"]
    apply_writes(simulation.ports().kube, (rule, hpa))
    groups = stored(simulation, RULES, "springtide-web")["spec"]["groups"]
    assert groups[0]["rules"][1]["expr"].endswith(" / 0.65")


def test_new_bounds_change_the_autoscaler_and_leave_what_others_added() -> None:
    simulation = Simulation.of(2)
    applied(simulation)
    edited(simulation, HPAS, {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}})

    assert applied(simulation, tuned(3, 30)) == [Action.KEEP, Action.CHANGE]

    spec = stored(simulation, HPAS)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 30)
    assert spec["behavior"] == {"scaleDown": {"stabilizationWindowSeconds": 60}}


@pytest.mark.parametrize(
    ("collection", "change", "message"),
    [
        (HPAS, {"spec": {"maxReplicas": 7}}, r"spec\.maxReplicas was set by kubectl-edit to 7, and 30 is wanted"),
        (RULES, {"spec": {"groups": []}}, r"spec\.groups was set by kubectl-edit"),
    ],
    ids=["autoscaler", "rule"],
)
def test_what_somebody_else_set_is_theirs(collection: str, change: Json, message: str) -> None:
    simulation = Simulation.of(2)
    applied(simulation)
    edited(simulation, collection, change)

    refused(simulation, Conflict, message)


def test_an_autoscaler_that_is_not_ours_is_left_alone() -> None:
    simulation = Simulation.of(2)
    simulation.world.apply(autoscaler(2))

    refused(simulation, InputError, "web is there already and is not springtide's")
    refused(
        simulation,
        InputError,
        "HorizontalPodAutoscaler web in shop owns the replicas of Deployment web already",
        by="keda",
    )


def test_a_scaled_object_owns_the_replicas_before_keda_has_made_its_autoscaler() -> None:
    simulation = Simulation.of(2)
    applied(simulation, by="keda")

    refused(simulation, InputError, "ScaledObject web in shop owns the replicas")


def test_nothing_is_written_while_a_run_owns_the_workload() -> None:
    simulation = Simulation.of(2)
    plan = phases.calculate_capacity(simulation.ports(), simulation.request(4))
    phases.create_instances(simulation.ports(), simulation.request(4), plan)

    refused(simulation, Fenced, "run 'run-1' owns the workload")


def test_runs_before_it_leave_nothing_that_it_has_to_know() -> None:
    simulation = Simulation.of(2)
    simulation.run(3)

    applied(simulation)

    assert stored(simulation, HPAS)["spec"]["scaleTargetRef"]["name"] == "web"
    assert applied(simulation) == [Action.KEEP, Action.KEEP]


def test_a_deployment_that_is_not_there_gets_no_autoscaler() -> None:
    simulation = Simulation.of(2)
    simulation.world.core.writes.delete(KINDS["deployments"], Ref("deployments", NAMESPACE, "web"))

    refused(simulation, InputError, "there is no Deployment shop/web")


def test_a_floor_that_a_run_holds_stays() -> None:
    simulation = replace(Simulation.of(2), policy=tuned())
    applied(simulation)
    simulation.run(4)
    assert labels.FLOOR in stored(simulation, HPAS)["metadata"]["annotations"]

    assert applied(simulation, tuned(3, 30)) == [Action.KEEP, Action.KEEP]
    assert stored(simulation, HPAS)["spec"]["minReplicas"] == 4


class Without(LiveKube):
    """A cluster that does not serve one kind."""

    missing = Kind.PROMETHEUS_RULE

    def list(self, kind: Kind, namespace: str, *, selector: str = "", fields: str = "") -> list[Json]:
        if kind is self.missing:
            raise NotFound(f"list {kind.value}: the server could not find the requested resource", code="not_found")
        return super().list(kind, namespace, selector=selector, fields=fields)


@pytest.mark.parametrize(
    ("missing", "message"),
    [(Kind.PROMETHEUS_RULE, "rule files by hand; with --no-rule"), (Kind.SCALED_OBJECT, "serves no ScaledObject")],
)
def test_a_resource_that_is_not_served_is_said_and_nothing_is_written(missing: Kind, message: str) -> None:
    simulation = Simulation.of(2)
    kube = Without(kubernetes_client(simulation.world), clock=simulation.world.clock)
    kube.missing = missing

    with pytest.raises(InputError, match=message):
        judged(kube, tuned(), by="keda")
    assert writes_of(simulation) == 0


def test_where_the_policy_advises_it_is_judged_without_a_dry_run() -> None:
    simulation = Simulation.of(2)

    writes = judged(simulation.ports().kube, tuned(mode="advise"))

    assert [write.action for write in writes] == [Action.CREATE, Action.CREATE]
    assert {call.method for call in simulation.world.history.calls} == {"GET"}


def test_without_the_rule_the_autoscaler_alone_is_applied() -> None:
    simulation = Simulation.of(2)
    kube = Without(kubernetes_client(simulation.world), clock=simulation.world.clock)

    apply_writes(kube, judge_autoscaler(kube, tuned(), None, horizontal_pod_autoscaler(tuned())))

    assert stored(simulation, HPAS)["spec"]["maxReplicas"] == 20


def test_where_the_cluster_refuses_the_second_the_first_is_not_written() -> None:
    simulation = Simulation.of(2)
    chosen = tuned()
    follower = horizontal_pod_autoscaler(chosen)
    follower["spec"]["maxReplicas"] = 1  # below its minimum: the API server's own validation

    with pytest.raises(ClusterRefused, match="maxReplicas"):
        judge_autoscaler(simulation.ports().kube, chosen, recording_rule(chosen, SETTING), follower)
    assert simulation.world.get(RULES, NAMESPACE, "springtide-web") is None


def test_what_somebody_changed_after_it_was_judged_is_not_overwritten() -> None:
    simulation = Simulation.of(2)
    applied(simulation)
    kube = simulation.ports().kube
    writes = judged(kube, tuned(3, 30))
    edited(simulation, HPAS, {"spec": {"maxReplicas": 7}})

    with pytest.raises(Conflict, match="kubectl-edit"):
        apply_writes(kube, writes)
    assert stored(simulation, HPAS)["spec"]["maxReplicas"] == 7


def test_a_minimum_that_a_run_raised_after_it_was_judged_is_not_overwritten() -> None:
    """Both are springtide's own writes, so the managers of the fields do not tell them apart."""
    simulation = replace(Simulation.of(2), policy=tuned())
    applied(simulation)
    kube = simulation.ports().kube
    writes = judged(kube, tuned(2, 30))
    simulation.run(4)

    with pytest.raises(Conflict):
        apply_writes(kube, writes)
    assert stored(simulation, HPAS)["spec"]["minReplicas"] == 4


def test_a_swap_that_is_lost_to_something_else_is_made_again() -> None:
    simulation = Simulation.of(2)
    applied(simulation)
    kube = simulation.ports().kube
    writes = judged(kube, tuned(3, 30))
    edited(simulation, HPAS, {"metadata": {"labels": {"team": "web"}}})

    apply_writes(kube, writes)

    assert stored(simulation, HPAS)["spec"]["maxReplicas"] == 30
    assert stored(simulation, HPAS)["metadata"]["labels"]["team"] == "web"


ROLE = Path(__file__).parents[3] / "deploy" / "kubernetes" / "rbac-autoscaler.yaml"


def shipped_to(simulation: Simulation, without: tuple[str, str] | None = None) -> LiveKube:
    """Return the client of the shipped account, with one verb of one resource taken away."""
    documents: list[Any] = list(YAML(typ="safe", pure=True).load_all(ROLE))
    for document in documents:
        document["metadata"]["namespace"] = NAMESPACE
        for rule in document.get("rules", ()):
            if without is not None and rule["resources"] == [without[0]]:
                rule["verbs"].remove(without[1])
        for subject in document.get("subjects", ()):
            subject["namespace"] = NAMESPACE
    simulation.world.apply(*json.loads(json.dumps(documents)))
    for kind in OTHERS:
        (_, manifest, _) = scaled_by(kind, 0)
        simulation.world.apply({**manifest, "metadata": manifest["metadata"] | {"name": "db"}})
    token = simulation.world.access.service_account_token(NAMESPACE, "springtide-autoscaler")
    return LiveKube(kubernetes_client(simulation.world, token), clock=simulation.world.clock)


def rights() -> list[tuple[str, str]]:
    (role,) = [document for document in YAML(typ="safe", pure=True).load_all(ROLE) if document["kind"] == "Role"]
    return [(rule["resources"][0], verb) for rule in role["rules"] for verb in rule["verbs"]]


def everything(kube: LiveKube, simulation: Simulation) -> None:
    """Create and change all three kinds, and look at what else can be scaled."""
    for chosen, setting in ((tuned(), SETTING), (tuned(3, 30), Setting(quantile=0.9, target=0.6))):
        apply_writes(kube, judged(kube, chosen, setting))
    gone = simulation.world.call(Request("DELETE", PATHS[HPAS]))
    assert gone.status == 200
    for chosen in (tuned(), tuned(4, 40)):
        apply_writes(kube, judged(kube, chosen, by="keda"))
        simulation.world.settle()  # KEDA keeps an HPA, behind which the ScaledObject is looked for
    for kind in OTHERS:
        target = {"namespace": NAMESPACE, kind.value: "db", "service": "web"}
        assert [write.action for write in judged(kube, tuned(target=target))]


def test_the_shipped_role_is_enough() -> None:
    simulation = Simulation.of(2)

    everything(shipped_to(simulation), simulation)


@pytest.mark.parametrize("right", rights(), ids=" ".join)
def test_the_shipped_role_holds_nothing_that_is_not_needed(right: tuple[str, str]) -> None:
    simulation = Simulation.of(2)

    with pytest.raises(ClusterRefused, match="forbidden"):
        everything(shipped_to(simulation, right), simulation)
