"""The owner does something at every write of every blue-green run: deploys, restarts, scales, deletes a pod.

Nobody loses a request, whatever the run makes of it; and where the run is over, one version serves and nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from invariants import broken
from invariants.objects import Objects, wanted
from invariants.setting_aside import template_of
from springtide.record.model import RunOutcome
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.sandbox.kinds import KINDS
from springtide.sandbox.objects import Json, Ref
from support.courses import FAILING, SUCCEEDING, Course, End, play, unfaulted
from support.simulation import NAMESPACE, Simulation
from support.task_driver import AfterCrash

pytestmark = pytest.mark.at_each_write

WHOLE = tuple(
    each for each in SUCCEEDING + FAILING if each.name in {"blue_green up", "blue_green down", "blue_green, smoke"}
)
IN_BATCHES = tuple(each for each in SUCCEEDING + FAILING if each.name.startswith("batched"))
SCALED = 5
"""More than any of the runs asks for, or finds."""
Act = Callable[[Simulation], None]


def points(courses: tuple[Course, ...]) -> list[Any]:
    return [
        pytest.param(course, number, id=f"{course.name}-at{number}")
        for course in courses
        for number in range(unfaulted(course).before + 1, unfaulted(course).before + unfaulted(course).attempts + 1)
    ]


def edited(simulation: Simulation, **spec: Any) -> None:
    """Change the Deployment as its owner would."""
    deployment = simulation.deployment("web")
    assert deployment is not None
    simulation.world.apply({**deployment, "spec": {**deployment["spec"], **spec}}, manager="kubectl")


def template(simulation: Simulation) -> Json:
    deployment = simulation.deployment("web")
    assert deployment is not None
    return dict(deployment["spec"]["template"])


def deploy(simulation: Simulation) -> None:
    """Roll the next version out, as `kubectl apply` or Helm do."""
    now = template(simulation)
    (container,) = now["spec"]["containers"]
    changed = {**container, "env": [*container["env"], {"name": "VERSION", "value": "2"}]}
    edited(simulation, template={**now, "spec": {**now["spec"], "containers": [changed]}})


def restart(simulation: Simulation) -> None:
    """Replace every pod, as `kubectl rollout restart` does."""
    now = template(simulation)
    noted = {"kubectl.kubernetes.io/restartedAt": "2026-01-05T08:00:00Z"}
    edited(simulation, template={**now, "metadata": {**now["metadata"], "annotations": noted}})


def scale(simulation: Simulation) -> None:
    """Ask for another number of pods, as `kubectl scale` does."""
    edited(simulation, replicas=SCALED)


def delete_a_pod(simulation: Simulation) -> None:
    """Delete a pod that serves."""
    serving = [each.ready for each in simulation.world.history.written if each.service == "web"][-1]
    simulation.world.core.writes.delete(KINDS["pods"], Ref("pods", NAMESPACE, serving[0]))


def played(course: Course, number: int, act: Act) -> End:
    """Do the run; its owner acts while write `number` is on its way."""

    def faults(simulation: Simulation) -> FaultPlan:
        return FaultPlan().at(Match(write=number), Fault(FaultKind.PAUSE, meanwhile=lambda: act(simulation)))

    return play(course, faults, AfterCrash.RETRY)


def versions(objects: Objects) -> list[Json]:
    """Return the template of each set that has pods."""
    return [template_of(each) for each in objects.replica_sets.values() if wanted(each)]


@pytest.mark.parametrize(("course", "number"), points(WHOLE + IN_BATCHES))
@pytest.mark.parametrize("act", [deploy, restart])
def test_another_template_rolls_out_and_nobody_is_without_pods(course: Course, number: int, act: Act) -> None:
    """I-12 and I-23 are broken from outside: what was there is not what the owner wants now, and a rollout surges."""
    end = played(course, number, act)
    after = end.evidence.after

    assert broken(end.evidence, but=["I-12", "I-23"]) == []
    assert end.outcome in {RunOutcome.SUCCEEDED, RunOutcome.ROLLED_BACK}, end.failures
    assert after.deployment is not None
    assert versions(after) == [template_of(after.deployment)]
    assert template_of(after.deployment) != template_of(end.evidence.before.owned[0])


@pytest.mark.parametrize(("course", "number"), points(WHOLE))
def test_what_the_owner_scales_to_is_left_or_a_person_is_called(course: Course, number: int) -> None:
    """More than the run has planned is nothing that it undoes by itself; it stops, and both sets stay."""
    end = played(course, number, scale)
    after = end.evidence.after

    assert broken(end.evidence, but=["I-12", "I-23", "I-29"]) == []
    assert after.deployment is not None
    assert wanted(after.deployment) == SCALED
    assert end.outcome is RunOutcome.NEEDS_ATTENTION or versions(after) == [template_of(after.deployment)]


@pytest.mark.parametrize(("course", "number"), points(WHOLE))
def test_a_pod_that_is_deleted_is_replaced_and_the_run_goes_on(course: Course, number: int) -> None:
    end = played(course, number, delete_a_pod)

    assert broken(end.evidence, but=["I-5", "I-6"]) == []
    assert end.evidence.losses == ()
    assert min(len(each.ready) for each in end.evidence.slices) >= 1
    assert end.outcome is unfaulted(course).outcome
