"""What a cluster says of an event's height: quota, nodes, the autoscaler's maximum, all its services together."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from springtide.errors import ClusterUnavailable
from springtide.overview.event_words import headline
from springtide.overview.events import Check, EventState, Light, Readiness, WaveState
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.ports import Ports
from support.event_scene import START, EventScene, sale, sales
from support.fleet import Fleet, policy_document
from support.simulation import NAMESPACE


def quota(pods: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": NAMESPACE},
        "spec": {"hard": {"pods": str(pods)}},
    }


def card(fleet: Fleet, *, services: dict[str, int], **changes: Any) -> Readiness:
    """Return the card of a sale that asks for so many of each service of the fleet."""
    asks = {name: {"replicas": replicas} for name, replicas in services.items()}
    scene = EventScene(
        policies=dict(fleet.policies),
        store=fleet.store,
        ports_of=lambda _policy: nullcontext(fleet.ports()),
        calendars=(sales(sale(services=asks)),),
    )
    for name, value in changes.items():
        setattr(scene, name, value)
    return scene.card()


def check(found: Readiness, name: str, service: str = "web") -> Check:
    (named,) = [each for each in found.checks if each.name == name and each.service == service]
    return named


def with_quota(pods: int, names: tuple[str, ...] = ("web",)) -> Fleet:
    fleet = Fleet(dict.fromkeys(names, ()))
    fleet.world.apply(quota(pods))
    fleet.world.settle()
    return fleet


@pytest.mark.parametrize(("pods", "light"), [(12, Light.GREEN), (11, Light.RED)])
def test_the_quota_is_judged_by_the_height_of_the_event(pods: int, light: Light) -> None:
    found = check(card(with_quota(pods), services={"web": 12}), "quota")

    assert found.light is light
    assert "pods needs 10" in found.sentence  # from 2 that run, in place
    assert f"of {pods} free" in found.sentence


def test_other_services_of_the_event_take_their_part_of_the_quota_first() -> None:
    fleet = with_quota(22, ("web", "mail"))

    found = check(card(fleet, services={"web": 12, "mail": 12}), "quota")

    assert found.light is Light.RED
    assert "10 kept for run 'mail for sale'" in found.sentence


@pytest.mark.parametrize(("asked", "light"), [(5, Light.GREEN), (6, Light.RED)])
def test_the_autoscalers_maximum_stands_beside_what_is_asked_for(asked: int, light: Light) -> None:
    fleet = Fleet({"api": ()}, autoscaled=frozenset({"api"}))

    found = check(card(fleet, services={"api": asked}), "autoscaler maximum", "api")

    assert found.light is light
    assert f"the floor is {asked}, its maximum 5" in found.sentence


def test_what_runs_now_is_where_its_runs_begin() -> None:
    found = card(Fleet({"web": ()}), services={"web": 12})

    (service,) = found.waves[0].services
    assert (service.current, service.ready, service.steps, service.state) == (2, 2, (6, 12), WaveState.WAITS)
    assert (found.cost.pods, found.cost.beyond) == (12, 10)
    assert check(found, "nodes").light is not Light.UNKNOWN


def test_what_is_there_already_is_seen_as_standing() -> None:
    found = card(Fleet({"web": ()}), services={"web": 2}, now=START)

    assert found.waves[0].services[0].state is WaveState.STANDS
    assert found.event.state is EventState.GOING_ON


def test_a_run_that_owns_the_service_leaves_the_room_unchecked() -> None:
    fleet = Fleet({"web": ()})
    fleet.start("somebody", "web", 4)

    found = card(fleet, services={"web": 12})

    told = check(found, "workload")
    assert told.light is Light.UNKNOWN
    assert told.sentence.startswith("run somebody scales web now (since 2026-01-05 08:00")
    assert told.sentence.endswith(" UTC): looked at again when it has ended")
    assert "run somebody scales web now" in headline(found)
    assert check(found, "policy maximum").light is Light.GREEN
    assert found.waves[0].services[0].state is WaveState.GOES_ON


def test_while_a_run_owns_a_service_its_autoscalers_maximum_is_still_judged() -> None:
    fleet = Fleet({"api": ()}, autoscaled=frozenset({"api"}))
    fleet.start("somebody", "api", 4)

    found = check(card(fleet, services={"api": 6}), "autoscaler maximum", "api")

    assert found.light is Light.RED


def test_whether_an_event_stands_that_a_run_still_scales_is_not_known_and_says_who_scales_it() -> None:
    fleet = Fleet({"web": ()})
    fleet.start("somebody", "web", 4)

    found = check(card(fleet, services={"web": 12}, now=START), "standing", "")

    assert found.light is Light.UNKNOWN
    assert "whether it stands is not known: run somebody scales web now" in found.sentence


def test_a_workload_that_may_not_be_scaled_is_red_in_its_own_words() -> None:
    fleet = Fleet({"api": ()}, autoscaled=frozenset({"api"}))
    fleet.policies["api"] = ScalingPolicy.model_validate(policy_document("api", (), "in_place"))

    found = check(card(fleet, services={"api": 5}), "workload", "api")

    assert found.light is Light.RED
    assert "Use strategy floor" in found.sentence


def test_a_cluster_that_does_not_answer_is_told_and_takes_nothing_else_away() -> None:
    def silent(_policy: ScalingPolicy) -> AbstractContextManager[Ports]:
        raise ClusterUnavailable("the cluster does not answer", code="cluster_unreachable")

    found = card(Fleet({"web": ()}), services={"web": 12}, ports_of=silent)

    (told,) = [each for each in found.checks if each.name == "cluster"]
    assert (told.light, "the cluster does not answer" in told.sentence) == (Light.UNKNOWN, True)
    assert check(found, "policy maximum").light is Light.GREEN
