"""What has the traffic is judged until the stable set is gone, and what takes the stable set away is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from springtide.kube.objects import Kind
from springtide.kube.observation import Observation
from springtide.policy.scaling.strategy import BlueGreen
from springtide.strategy.aside import new_set
from springtide.strategy.model import Decision, Delete, Done, Patch, RunOrder, Scale, Wait
from springtide.strategy.serving import has_way_back, takes_away, why_point_back, why_unstable
from springtide.verify.steadiness import marks_of
from support.builders import SetBuilder, observation, order, pinned, policy, service

AN_HOUR = timedelta(hours=1)
STABLE = SetBuilder(aside=True)
NEW = SetBuilder("new", 6, hash="hash-new", age=AN_HOUR, paused=True)
AT_NEW = service(pinned("hash-new"), switched=AN_HOUR)
AT_STABLE = service(pinned("hash-own"))
BATCHED = BlueGreen(overlap="batched")


def reason(
    look: Observation, run: RunOrder | None = None, *, before: SetBuilder = NEW, is_proven: bool = True
) -> str | None:
    return why_point_back(look, run or order(6), marks_of(before.build().ready_pods), is_proven=is_proven)


class TestAfterTheSwitch:
    def test_what_serves_as_it_did_is_left(self) -> None:
        assert reason(observation(AT_NEW, STABLE, NEW)) is None

    def test_one_pod_that_faltered_is_a_reason(self) -> None:
        assert "5 of 6 pods have been ready" in str(reason(observation(AT_NEW, STABLE, NEW.with_(ready=5))))

    def test_unless_the_policy_lets_it_be_bad(self) -> None:
        lenient = order(6, settings=policy(strategy={"type": "blue_green", "min_ready": "80%"}).spec.strategy)

        assert reason(observation(AT_NEW, STABLE, NEW.with_(ready=5)), lenient) is None
        assert reason(observation(AT_NEW, STABLE, NEW.with_(ready=4)), lenient) is not None

    def test_endpoints_count_from_when_the_slices_have_shown_them(self) -> None:
        look = observation(AT_NEW, STABLE, NEW, serving=["web"])

        assert reason(look, is_proven=False) is None
        assert reason(look) == "Service web: 0 endpoints of Deployment web are ready, 3 must be"

    @pytest.mark.parametrize("ready", [5, 6])
    def test_a_run_of_before_that_kept_no_marks_is_judged_by_what_is_ready(self, ready: int) -> None:
        look = observation(AT_NEW, STABLE, NEW.with_(ready=ready, age=None))

        assert (why_point_back(look, order(6), None, is_proven=True) is None) is (ready == 6)


class TestWhereNothingCanBePointedBackAt:
    NOTHING = NEW.with_(ready=0)

    @pytest.mark.parametrize(
        "look",
        [
            observation(AT_STABLE, STABLE, NOTHING),
            observation(service(), NOTHING),
            observation(service(), SetBuilder(), deployment=NOTHING),
            observation(service(pinned("somebody")), STABLE, NOTHING),
        ],
        ids=["not switched", "the stable set is gone", "it is back", "somebody moved the Service"],
    )
    def test_nothing_is_judged(self, look: Observation) -> None:
        assert reason(look) is None

    @pytest.mark.parametrize("kind", ["in_place", "floor"])
    def test_nor_where_there_is_no_switch(self, kind: str) -> None:
        run = order(6, settings=policy(strategy={"type": kind}).spec.strategy)
        look = observation(service(), SetBuilder(replicas=6, ready=3))

        assert reason(look, run) is None
        assert why_unstable(look, run) == "Service web: 3 of 6 pods are ready endpoints"
        assert why_unstable(observation(service(), SetBuilder(replicas=6)), run) is None

    def test_the_pods_of_others_in_the_same_service_do_not_make_up_for_its_own(self) -> None:
        run = order(6, settings=policy(strategy={"type": "in_place"}).spec.strategy)
        look = observation(service(), SetBuilder(replicas=6, ready=3))
        others = observation(service(), SetBuilder("other", 6)).endpoints
        shared = replace(look, endpoints=look.endpoints + others)

        assert len(shared.ready_endpoints()) == 9
        assert why_unstable(shared, run) == "Service web: 3 of 6 pods are ready endpoints"


class TestInBatches:
    WIDENED = service(switched=AN_HOUR)
    FIRST = NEW.with_(replicas=2)

    def test_each_pod_that_was_relied_on_counts(self) -> None:
        run = order(6, settings=BATCHED)
        grown = observation(self.WIDENED, STABLE, NEW.with_(replicas=4, ready=3))
        faltering = observation(self.WIDENED, STABLE, NEW.with_(replicas=4, ready=1))

        assert reason(grown, run, before=self.FIRST) is None
        assert "1 of 2 pods have been ready" in str(reason(faltering, run, before=self.FIRST))


def step(decision: Decision, settings: dict[str, Any], *sets: SetBuilder) -> bool:
    run = order(6, settings=policy(strategy=settings).spec.strategy)
    return takes_away(decision, observation(AT_NEW, *sets), run)


VERSION = NEW.deployment.version
OF_STABLE = Scale(kind=Kind.REPLICA_SET, name="web-rs", version=VERSION, replicas=2, reason="")
OF_NEW = replace(OF_STABLE, kind=Kind.DEPLOYMENT, name="web")
LOWERED = Patch(kind=Kind.AUTOSCALER, name="web", version=VERSION, change={}, reason="")
EMPTY = Delete(kind=Kind.REPLICA_SET, name="web-rs", version=VERSION, reason="")


@pytest.mark.parametrize(
    ("kind", "decision", "takes"),
    [
        ("blue_green", OF_STABLE, True),
        ("blue_green", OF_NEW, False),
        ("blue_green", EMPTY, False),
        ("blue_green", Wait(""), False),
        ("in_place", OF_NEW, True),
        ("in_place", Done(""), False),
        ("floor", LOWERED, True),
        ("floor", Done(""), False),
    ],
)
def test_what_takes_away_what_could_serve_again_is_known(kind: str, decision: Decision, *, takes: bool) -> None:
    assert step(decision, {"type": kind}, STABLE, NEW) is takes


def test_without_a_stable_set_there_is_no_way_back() -> None:
    look = observation(AT_NEW, NEW)

    assert not has_way_back(look, order(6))
    assert not step(OF_STABLE, {"type": "blue_green"}, NEW)
    assert new_set(look, order(6)).ready_pods
