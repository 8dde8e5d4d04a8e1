"""A share of the pods that a run adds may be bad: what goes on without them, and what does not."""

from __future__ import annotations

import pytest

from springtide import labels
from springtide.strategy.batched import BatchedStrategy
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.exactness import require_exact
from springtide.strategy.floor import FloorStrategy
from springtide.strategy.in_place import InPlaceStrategy
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Scale, Wait
from support.builders import OWN_SELECTOR, SetBuilder, hpa, observation, order, pinned, policy, service

STABLE = SetBuilder(replicas=3, aside=True)
NEW = SetBuilder("new", replicas=6, hash="hash-new", run="run-1", paused=True)
AT_STABLE = service(pinned("hash-own"))


def bearing(replicas: int, *, start: int = 3, ready: int | None = None, share: str = "80%", **kind: object) -> RunOrder:
    """Return an order whose policy lets a share of the pods be bad."""
    settings = policy(strategy={"type": "in_place", "min_ready": share} | kind).spec.strategy
    return order(replicas, start=start, ready=ready, settings=settings, through=hpa(start))


@pytest.mark.parametrize(
    ("share", "ready", "pods", "enough"),
    [
        ("100%", 3, 6, 6),
        ("80%", 3, 6, 5),
        ("80%", 6, 6, 6),  # as many as were ready
        ("50%", 6, 3, 3),
        ("50%", 4, 6, 4),
        ("1%", 0, 6, 1),  # and one in any case
        ("0%", 0, 6, 1),
    ],
)
def test_never_fewer_than_were_ready_before(share: str, ready: int, pods: int, enough: int) -> None:
    assert bearing(6, ready=ready, share=share).enough_of(pods) == enough


def exactly(built: SetBuilder, of: RunOrder, **look: object) -> Decision:
    seen = observation(service(), built, **look)  # type: ignore[arg-type]  # one case gives one thing
    return require_exact(seen, seen.pod_set, of, 6)


class TestExactly:
    """N pods are asked for, there are no others, and enough of them serve."""

    def test_the_bad_ones_are_told(self) -> None:
        decision = exactly(SetBuilder(replicas=6, ready=5), bearing(6))

        assert decision == Done("5 of exactly 6 pods serve; 1 do not, and strategy.min_ready allows that")

    def test_where_all_serve_nothing_is(self) -> None:
        assert exactly(SetBuilder(replicas=6), bearing(6)) == Done("exactly 6 pods serve")

    def test_by_default_all_must(self) -> None:
        assert isinstance(exactly(SetBuilder(replicas=6, ready=5), bearing(6, share="100%")), Wait)

    def test_fewer_than_enough_are_waited_for(self) -> None:
        assert isinstance(exactly(SetBuilder(replicas=6, ready=4), bearing(6)), Wait)

    def test_a_pod_that_nobody_creates_is_one_of_the_bad_ones(self) -> None:
        assert isinstance(exactly(SetBuilder(replicas=6, ready=5, pods=5), bearing(6)), Done)

    def test_one_that_nobody_asks_for_is_not(self) -> None:
        assert isinstance(exactly(SetBuilder(replicas=5), bearing(6)), Wait)

    def test_one_too_many_is_no_bad_one(self) -> None:
        assert isinstance(exactly(SetBuilder(replicas=6, ready=6, pods=7), bearing(6)), Wait)

    def test_nobody_else_serves(self) -> None:
        other = SetBuilder("other", replicas=1, hash="hash-other", aside=True)
        seen = observation(service(), SetBuilder(replicas=6, ready=5), other)

        assert isinstance(require_exact(seen, seen.pod_set, bearing(6), 6), Wait)


class TestBlueGreen:
    """The new set is whole enough."""

    STRATEGY = BlueGreenStrategy()

    @pytest.mark.parametrize(("ready", "ends"), [(5, Done), (4, Wait)])
    def test_before_the_switch(self, ready: int, ends: type[Decision]) -> None:
        look = observation(AT_STABLE, STABLE, NEW.with_(ready=ready, paused=False))

        assert isinstance(self.STRATEGY.ready(look, bearing(6, type="blue_green")), ends)

    @pytest.mark.parametrize(("ready", "ends"), [(5, Patch), (4, Wait)])
    def test_at_the_switch(self, ready: int, ends: type[Decision]) -> None:
        look = observation(AT_STABLE, STABLE, NEW.with_(ready=ready))

        assert isinstance(self.STRATEGY.switch(look, bearing(6, type="blue_green")), ends)

    def test_a_switch_never_leads_to_fewer_than_serve_now(self) -> None:
        more = STABLE.with_(replicas=6)
        look = observation(AT_STABLE, more, NEW.with_(ready=5))

        assert isinstance(self.STRATEGY.switch(look, bearing(6, start=6, type="blue_green")), Wait)


class TestInPlace:
    """Growth and shrinking."""

    STRATEGY = InPlaceStrategy()

    @pytest.mark.parametrize(("ready", "ends"), [(5, Done), (4, Wait)])
    def test_growth_goes_on_with_enough(self, ready: int, ends: type[Decision]) -> None:
        look = observation(service(), SetBuilder(replicas=6, ready=ready))

        assert isinstance(self.STRATEGY.ready(look, bearing(6)), ends)
        assert isinstance(self.STRATEGY.switched(look, bearing(6)), ends)

    def test_a_shrink_keeps_what_was_ready(self) -> None:
        going = bearing(3, start=6, ready=5, share="50%")

        assert isinstance(self.STRATEGY.remove(observation(service(), SetBuilder(replicas=6, ready=5)), going), Scale)
        assert isinstance(self.STRATEGY.remove(observation(service(), SetBuilder(replicas=6, ready=2)), going), Wait)


@pytest.mark.parametrize(("replicas", "ready", "ends"), [(6, 5, Done), (6, 4, Wait), (8, 5, Done), (8, 4, Wait)])
def test_a_floor_is_held_by_enough(replicas: int, ready: int, ends: type[Decision]) -> None:
    going = bearing(6, type="floor")
    strategy = FloorStrategy()
    write = strategy.create(observation(service(), SetBuilder(), autoscaler=hpa(3)), going)
    assert isinstance(write, Patch)
    raised = hpa(6, note=write.change["metadata"]["annotations"][labels.FLOOR])
    look = observation(service(), SetBuilder(replicas=replicas, ready=ready), autoscaler=raised)

    for phase in (strategy.ready, strategy.switched, strategy.removed):
        assert isinstance(phase(look, going), ends)


@pytest.mark.parametrize(("ready", "ends"), [(8, Scale), (7, Wait)])
def test_a_batch_is_exchanged_once_its_share_is_ready(ready: int, ends: type[Decision]) -> None:
    going = bearing(15, start=10, type="blue_green", overlap="batched", batch=5)
    widened = service(OWN_SELECTOR, switched=going.settings.propagation * 2)
    look = observation(widened, STABLE.with_(replicas=10), NEW.with_(replicas=10, ready=ready))

    assert isinstance(BatchedStrategy().remove(look, going), ends)
