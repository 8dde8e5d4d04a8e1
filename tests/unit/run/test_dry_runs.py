"""What admission would say to a run's writes is known before the first of them, by a dry run of each kind."""

from __future__ import annotations

import pytest

from springtide.errors import InputError
from springtide.plan.findings import FindingStatus
from springtide.record.model import RunOutcome
from springtide.run.admission import plan_capacity
from springtide.sandbox.history import Call
from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from springtide.sandbox.status import bad_request, denied
from springtide.sandbox.writes import Webhook
from springtide.workload import WorkloadKind
from support.courses import autoscaler
from support.other_kinds import OTHERS, simulation_of
from support.simulation import Simulation

HOOK = "replicas.limits.example.com"


def at_least(count: int, kind: str = "Deployment") -> Webhook:
    """Return the webhook that wants so many replicas of everything of this kind."""

    def webhook(what: Kind, _old: Json | None, obj: Json) -> Json:
        if what.kind == kind and obj["spec"].get("replicas", 1) < count:
            raise denied(HOOK, f"[few] at least {count} replicas")
        return obj

    return webhook


def refusing(plural: str) -> Webhook:
    """Return the webhook that lets nobody change an object of this kind."""

    def webhook(what: Kind, old: Json | None, obj: Json) -> Json:
        if what.plural == plural and old is not None:
            raise denied(HOOK, f"{plural} are frozen")
        return obj

    return webhook


def signing(_what: Kind, old: Json | None, obj: Json) -> Json:
    """Sign the template of a Deployment with each write, as some do for what is deployed."""
    if _what.plural != "deployments" or old is None:
        return obj
    template = obj["spec"]["template"]
    metadata = {**template["metadata"], "annotations": {"signed": obj["metadata"]["resourceVersion"]}}
    return {**obj, "spec": {**obj["spec"], "template": {**template, "metadata": metadata}}}


def hooked(simulation: Simulation, webhook: Webhook) -> Simulation:
    simulation.world.core.writes.webhooks.append(webhook)
    return simulation


def with_floor(replicas: int) -> Simulation:
    simulation = Simulation.of(replicas, strategy="floor")
    simulation.world.apply(autoscaler(replicas))
    simulation.world.settle()
    return simulation


@pytest.mark.parametrize(
    ("strategy", "plural"),
    [
        ("blue_green", "services"),
        ("blue_green", "deployments"),
        ("blue_green", "replicasets"),
        ("in_place", "deployments"),
    ],
)
def test_a_webhook_that_lets_nobody_write_is_met_before_the_first_write(strategy: str, plural: str) -> None:
    simulation = hooked(Simulation.of(2, strategy=strategy), refusing(plural))
    before = simulation.world.store.revision

    with pytest.raises(InputError, match=f"would be denied: .*{plural} are frozen") as caught:
        simulation.run(4)

    assert (caught.value.code, caught.value.field) == ("admission_denied", "preflight.admission")
    assert simulation.world.store.revision == before


def test_so_is_one_that_keeps_the_minimum_of_an_autoscaler() -> None:
    simulation = hooked(with_floor(2), refusing("horizontalpodautoscalers"))

    with pytest.raises(InputError, match="set the minimum 4 on horizontal pod autoscaler web would be denied"):
        simulation.run(4)


@pytest.mark.parametrize("strategy", ["in_place", "blue_green"])
def test_the_number_that_a_run_ends_with_is_tried_as_well(strategy: str) -> None:
    simulation = hooked(Simulation.of(4, strategy=strategy), at_least(3))

    with pytest.raises(InputError, match=r"scale Deployment web to 2 would be denied.*\[few\] at least 3 replicas"):
        simulation.run(2)
    assert simulation.run(3, "run-2") is RunOutcome.SUCCEEDED


@pytest.mark.parametrize("kind", OTHERS)
def test_the_writes_of_other_kinds_are_tried(kind: WorkloadKind) -> None:
    simulation = hooked(simulation_of(kind, 4), at_least(3, kind.noun))

    with pytest.raises(InputError, match=f"scale {kind.noun} web to 2 would be denied"):
        simulation.run(2)


@pytest.mark.parametrize("strategy", ["in_place", "blue_green"])
def test_a_webhook_that_changes_the_template_with_every_write_is_refused_with_what_it_changes(strategy: str) -> None:
    simulation = hooked(Simulation.of(2, strategy=strategy), signing)

    with pytest.raises(InputError, match=r"with each write \(metadata.annotations differ\)") as caught:
        simulation.run(4)

    assert caught.value.code == "template_mutated"


def test_a_webhook_that_takes_no_dry_run_is_told_and_keeps_nobody() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    calls: list[str] = []

    def only_dry(what: Kind, old: Json | None, obj: Json) -> Json:
        if what.plural == "deployments" and old is not None and len(calls) < 2:
            calls.append(what.plural)
            raise bad_request(f'admission webhook "{HOOK}" does not support dry run')
        return obj

    hooked(simulation, only_dry)
    plan = plan_capacity(simulation.ports(), simulation.request(4))

    unsure = [finding for finding in plan.findings if finding.check == "admission"]
    assert {finding.status for finding in unsure} == {FindingStatus.NOT_CHECKED}
    assert all("a webhook cannot be tried" in finding.message for finding in unsure)


def test_only_warn_lets_a_run_try_all_the_same() -> None:
    simulation = hooked(Simulation.of(4, strategy="in_place", only_warn=["admission"]), at_least(3))
    plan = plan_capacity(simulation.ports(), simulation.request(2))

    (warning,) = [finding for finding in plan.findings if finding.check == "admission"]
    assert warning.status is FindingStatus.WARNING


def test_an_object_that_moves_while_it_is_looked_at_is_tried_as_it_is_then() -> None:
    simulation = Simulation.of(2, strategy="in_place")
    moved: list[int] = []

    def move(call: Call) -> None:
        if call.query.get("dryRun") == "All" and not moved:
            moved.append(call.number)
            deployment = simulation.deployment("web")
            assert deployment is not None
            simulation.world.apply({**deployment, "metadata": deployment["metadata"] | {"labels": {"team": "web"}}})

    simulation.world.faults = move
    plan = plan_capacity(simulation.ports(), simulation.request(4))

    assert moved
    (finding,) = [finding for finding in plan.findings if finding.check == "admission"]
    assert finding.status is FindingStatus.PASSED


def test_a_dry_run_leaves_no_trace() -> None:
    simulation = with_floor(2)
    before = simulation.world.store.revision
    plan_capacity(simulation.ports(), simulation.request(4))

    assert simulation.world.store.revision == before
    dry = [call for call in simulation.world.history.calls if call.query.get("dryRun") == "All"]
    assert [call.method for call in dry] == ["PATCH", "PATCH"]
    assert {call.write for call in dry} == {0}
