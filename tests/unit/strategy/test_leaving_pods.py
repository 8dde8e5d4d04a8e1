"""Which pods on their way out a run waits for: those that it sent, as long as they can still go by themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from springtide.kube.observation import Observation
from springtide.policy.scaling.strategy import InPlace
from springtide.strategy.batched import BatchedStrategy
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.in_place import InPlaceStrategy
from springtide.strategy.leaving import OVERDUE_AFTER
from springtide.strategy.model import Decision, Delete, Done, RunOrder, Scale, Wait
from support.builders import NOW, SetBuilder, observation, order, pinned, policy, service

LONG_AGO = timedelta(hours=1)
STABLE = SetBuilder(aside=True, noted=3)
NEW = SetBuilder("new", 6, hash="hash-new", paused=True)
AT_NEW = service(pinned("hash-new"), switched=LONG_AGO)
IN_PLACE = InPlace()
SHRINK = order(3, start=6, settings=IN_PLACE)
GROWTH = order(6, settings=IN_PLACE)


def leaving(look: Observation, name: str, *, due: timedelta = timedelta(seconds=30)) -> Observation:
    """Return the look with one pod on its way out, to be gone so long from now."""
    pod = next(pod for pod in look.pods if pod.name == name)
    pod.raw["metadata"]["deletionTimestamp"] = (NOW + due).isoformat()
    return look


def known(run: RunOrder, *names: str) -> RunOrder:
    """Return the order of a run before which these pods were going already."""
    return replace(run, snapshot=replace(run.snapshot, leaving=tuple(f"pod-{name}" for name in names)))


def late(run: RunOrder) -> RunOrder:
    """Return the order of a phase that has had all its time."""
    return replace(run, is_late=True)


def in_place(replicas: int, pods: int) -> Observation:
    """Return a look at a Deployment of so many replicas, with more pods than that."""
    return observation(service(), SetBuilder(replicas=replicas, pods=pods, ready=pods, noted=replicas))


def removed(run: RunOrder, *, due: timedelta = timedelta(seconds=30)) -> Decision:
    look = leaving(in_place(run.replicas, run.replicas + 1), f"web-{run.replicas}", due=due)
    return InPlaceStrategy().removed(look, run)


class TestExactlySoManyServe:
    def test_while_a_pod_that_the_run_sent_drains_it_waits(self) -> None:
        assert removed(SHRINK) == Wait("exactly 3 pods serve; 1 are draining")

    @pytest.mark.parametrize(
        ("run", "due"),
        [
            (GROWTH, timedelta(seconds=30)),
            (known(SHRINK, "web-3"), timedelta(hours=1)),
            (SHRINK, -OVERDUE_AFTER),
            (late(SHRINK), timedelta(seconds=30)),
        ],
        ids=["it sent none", "going before the run", "overdue", "late"],
    )
    def test_any_other_is_told(self, run: RunOrder, due: timedelta) -> None:
        told = f"; 1 pod is still on the way out and not waited for: web-{run.replicas}"

        assert removed(run, due=due) == Done(f"exactly {run.replicas} pods serve{told}")

    def test_a_pod_that_stays_and_nobody_ordered_is_waited_for(self) -> None:
        assert isinstance(InPlaceStrategy().removed(in_place(6, 7), late(GROWTH)), Wait)

    def test_many_are_told_in_short(self) -> None:
        look = in_place(6, 12)
        for number in range(6, 12):
            leaving(look, f"web-{number}")
        decision = InPlaceStrategy().removed(look, GROWTH)

        assert isinstance(decision, Done)
        assert decision.message.endswith(
            "6 pods are still on the way out and not waited for: web-6, web-7, web-8 and 3 more"
        )


class TestTheNextStep:
    DRAINING = STABLE.with_(replicas=2, pods=3, ready=3)

    def at(self, name: str = "web-2", *, due: timedelta = timedelta(seconds=30)) -> Observation:
        return leaving(observation(AT_NEW, self.DRAINING, NEW, serving=["new"]), name, due=due)

    def test_waits_for_the_pods_of_the_one_before(self) -> None:
        assert isinstance(BlueGreenStrategy().remove(self.at(), order(6)), Wait)

    @pytest.mark.parametrize(
        ("run", "due"),
        [(known(order(6), "web-2"), LONG_AGO), (order(6), -OVERDUE_AFTER), (late(order(6)), LONG_AGO)],
        ids=["going before the run", "overdue", "late"],
    )
    def test_not_for_those_that_do_not_go(self, run: RunOrder, due: timedelta) -> None:
        assert isinstance(BlueGreenStrategy().remove(self.at(due=due), run), Scale)

    def test_waits_for_the_controller_however_late_it_is(self) -> None:
        look = observation(AT_NEW, self.DRAINING, NEW, serving=["new"])

        assert BlueGreenStrategy().remove(look, late(order(6))) == Wait("ReplicaSet web-rs: 1 pods are draining")

    def test_never_goes_under_the_floor_however_late_it_is(self) -> None:
        look = observation(AT_NEW, self.DRAINING, NEW.with_(ready=2), serving=["new"])
        decision = BlueGreenStrategy().remove(leaving(look, "web-2"), late(order(6)))

        assert isinstance(decision, Wait)
        assert "removal is halted" in decision.message

    def test_deletes_a_set_of_which_only_such_pods_are_left(self) -> None:
        look = observation(AT_NEW, STABLE.with_(replicas=0, pods=1, ready=1), NEW, serving=["new"])

        assert isinstance(BlueGreenStrategy().remove(leaving(look, "web-0"), late(order(6))), Delete)

    def test_in_batches_they_take_no_room(self) -> None:
        batched = {"type": "blue_green", "overlap": "batched", "batch": 2}
        run = order(6, settings=policy(strategy=batched).spec.strategy)
        both = service(switched=LONG_AGO)
        look = observation(both, STABLE.with_(pods=4, ready=4), NEW.with_(replicas=4))

        waits = BatchedStrategy().remove(leaving(look, "web-3"), run)
        grows = BatchedStrategy().remove(look, known(run, "web-3"))

        assert isinstance(waits, Wait)
        assert isinstance(grows, Scale)
        assert (grows.name, grows.replicas) == ("web", 5)


Undo = Callable[[RunOrder], RunOrder]


@pytest.mark.parametrize(("undo", "is_awaited"), [(lambda run: run, True), (late, False)], ids=["in time", "late"])
def test_the_way_back_waits_no_longer_than_its_time_for_new_pods(undo: Undo, *, is_awaited: bool) -> None:
    double = SetBuilder("new", 0, hash="hash-new", pods=1, ready=1, noted=3)
    look = observation(service(), SetBuilder(), double, deployment=SetBuilder())
    decision = BlueGreenStrategy().roll_back(leaving(look, "new-0"), undo(order(6)))

    assert isinstance(decision, Wait if is_awaited else Delete)
