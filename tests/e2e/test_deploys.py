"""The owner deploys while a run is under way: nobody notices, and the owner's version is what is there at the end.

`make deploys` tries every way of deploying in every phase, on a real Kubernetes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2e.command import finished
from e2e.kills import RATE_OF_EACH, begin_up_to
from e2e.manifests import NAME, Json
from e2e.rest import RESTARTED_AT, Rest
from springtide.run.state import Phase

if TYPE_CHECKING:
    from e2e.command import Finished
    from e2e.stages import Given, When

CURRENT = 2
TARGET = 3
SECONDS_TO_THE_PHASE = 120
LOOK_SECONDS = 0.1
"""The embedded cluster is one process, which has runs and load to answer, too."""


def test_a_version_that_is_applied_after_the_switch_rolls_out_when_the_run_has_succeeded(given: Given) -> None:
    when = given.web(replicas=CURRENT).under_load(rate=RATE_OF_EACH)
    second = replace(when.scenario.web, environment={"VERSION": "2"}).deployment()["spec"]["template"]

    run, rest = deployed(when, Phase.ENDPOINTS_SWITCHED, template=second)

    assert (run.exit_code, run.record["outcome"]) == (0, "succeeded"), run
    assert found(when, rest, replicas=TARGET, version="2") == []
    when.then(run).no_request_failed()


def test_a_restart_before_the_switch_ends_the_run_and_rolls_out(given: Given) -> None:
    when = given.web(replicas=CURRENT).under_load(rate=RATE_OF_EACH)
    restart = {"metadata": {"annotations": {RESTARTED_AT: "2026-01-01T00:00:00Z"}}}

    run, rest = deployed(when, Phase.INSTANCES_READY, template=restart)

    assert (run.exit_code, run.record["outcome"]) == (1, "rolled_back"), run
    assert run.error["code"] == "rollout_in_progress", run
    assert found(when, rest, replicas=CURRENT, version="1, restarted") == []
    when.then(run).no_request_failed()


def deployed(when: When, phase: Phase, *, template: Json) -> tuple[Finished, Rest]:
    """Begin a run, change the template as soon as the phase has begun, and wait for the end of all of it."""
    process = begin_up_to(when, phase, to=TARGET, within=SECONDS_TO_THE_PHASE, look=LOOK_SECONDS)
    see = when.scenario.see
    see.patch("deployments", NAME, {"spec": {"template": template}})
    run = finished(process)
    return run, Rest.of(see)


def found(when: When, rest: Rest, *, replicas: int, version: str) -> list[str]:
    """Return what is not as it should be."""
    uid = when.before.deployment["metadata"]["uid"]
    return rest.faults(replicas=replicas, version=version, service=when.before.service, uid=uid)
