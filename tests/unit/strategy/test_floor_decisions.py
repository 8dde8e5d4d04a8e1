"""Floor, decision by decision: the minimum is raised first and given back last, over nobody else's will."""

from __future__ import annotations

import json
from typing import Any

import pytest

from springtide import labels
from springtide.errors import Conflict, WorkloadFailed
from springtide.kube.autoscaler import Autoscaler, AutoscalerBounds
from springtide.kube.observation import Observation
from springtide.strategy.floor import FloorStrategy
from springtide.strategy.hold import FloorHold, owner_bounds
from springtide.strategy.model import Decision, Done, Patch, RunOrder, Wait
from support.builders import NOW, SetBuilder, hpa, observation, order, policy, scaled_object, service

STRATEGY = FloorStrategy()
SETTINGS = policy(strategy={"type": "floor"}).spec.strategy


def going(through: Autoscaler, target: int, *, start: int = 3) -> RunOrder:
    return order(target, start=start, settings=SETTINGS, through=through)


def look(autoscaler: Autoscaler | None, replicas: int = 3, **changes: Any) -> Observation:
    return observation(service(), SetBuilder(replicas=replicas, **changes), autoscaler=autoscaler)


def note_of(through: Autoscaler, target: int) -> str:
    """Return the note that raising to `target` leaves."""
    return str(patched(STRATEGY.create(look(through), going(through, target)))["metadata"]["annotations"][labels.FLOOR])


def patched(decision: Decision) -> dict[str, Any]:
    assert isinstance(decision, Patch)
    return decision.change


def raised(through: Autoscaler, target: int) -> Autoscaler:
    """Return the HPA after a run has raised it from `through`."""
    high = max(through.maximum, target)
    return hpa(target, high, note=note_of(through, target))


def test_a_raise_is_one_write_of_the_minimum_and_the_note() -> None:
    change = patched(STRATEGY.create(look(hpa(3)), going(hpa(3), 11)))
    hold = FloorHold.from_text(change["metadata"]["annotations"][labels.FLOOR])

    assert change["spec"] == {"minReplicas": 11, "maxReplicas": 20}
    assert (hold.run, hold.owner, hold.reason) == ("run-1", "ada", "a sale")
    assert (hold.raised, hold.original) == (AutoscalerBounds(11, 20), AutoscalerBounds(3, 20))
    assert hold.until > NOW


def test_a_maximum_below_the_floor_is_raised_with_it() -> None:
    assert patched(STRATEGY.create(look(hpa(3, 8)), going(hpa(3, 8), 11)))["spec"] == {
        "minReplicas": 11,
        "maxReplicas": 11,
    }


def test_of_keda_the_scaled_object_is_written() -> None:
    decision = STRATEGY.create(look(scaled_object(2, 9)), going(scaled_object(2, 9), 6))

    assert isinstance(decision, Patch)
    assert (decision.kind.value, patched(decision)["spec"]) == (
        "scaled_object",
        {"minReplicaCount": 6, "maxReplicaCount": 9},
    )


def test_bounds_that_kedas_owner_left_out_are_left_out_again() -> None:
    before = scaled_object()
    now = scaled_object(6, note=note_of(before, 6))

    assert patched(STRATEGY.remove(look(now, 6), going(now, 0, start=6)))["spec"] == {
        "minReplicaCount": None,
        "maxReplicaCount": None,
    }


def test_a_raise_that_is_written_is_not_written_again() -> None:
    assert isinstance(STRATEGY.create(look(raised(hpa(3), 11)), going(hpa(3), 11)), Done)


@pytest.mark.parametrize(
    ("pods", "is_ready"),
    [(SetBuilder(replicas=3), False), (SetBuilder(replicas=11, ready=10), False), (SetBuilder(replicas=11), True)],
    ids=["not followed yet", "one is not ready", "all ready"],
)
def test_ready_is_what_the_floor_asks_for(pods: SetBuilder, *, is_ready: bool) -> None:
    seen = observation(service(), pods, autoscaler=raised(hpa(3), 11))

    assert isinstance(STRATEGY.ready(seen, going(hpa(3), 11)), Done if is_ready else Wait)


def test_exactly_the_floor_has_to_serve() -> None:
    one_more = observation(service(), SetBuilder(replicas=11, pods=12), autoscaler=raised(hpa(3), 11))

    assert isinstance(STRATEGY.removed(look(raised(hpa(3), 11), 11), going(hpa(3), 11)), Done)
    assert isinstance(STRATEGY.removed(one_more, going(hpa(3), 11)), Wait)


def test_more_than_the_floor_is_the_autoscalers_own_business() -> None:
    decision = STRATEGY.removed(look(raised(hpa(3), 11), 14), going(hpa(3), 11))

    assert isinstance(decision, Done)
    assert "14" in decision.message


def test_endpoints_count_and_not_pods() -> None:
    nobody = observation(service(), SetBuilder(replicas=11), serving=[], autoscaler=raised(hpa(3), 11))

    assert isinstance(STRATEGY.switched(nobody, going(hpa(3), 11)), Wait)


def test_a_release_writes_last_and_gives_everything_back() -> None:
    held = raised(hpa(3, 8), 11)

    assert isinstance(STRATEGY.create(look(held, 11), going(held, 3, start=11)), Done)
    change = patched(STRATEGY.remove(look(held, 11), going(held, 3, start=11)))
    assert change["spec"] == {"minReplicas": 3, "maxReplicas": 8}
    assert change["metadata"]["annotations"] == {labels.FLOOR: None}


def test_after_a_release_the_autoscaler_takes_pods_in_its_own_time() -> None:
    held = raised(hpa(3), 11)

    assert isinstance(STRATEGY.removed(look(hpa(3), 11), going(held, 3, start=11)), Done)


def test_a_second_raise_remembers_what_was_there_first() -> None:
    held = raised(hpa(3, 8), 11)
    hold = FloorHold.from_text(note_of(held, 15))

    assert (hold.raised, hold.original) == (AutoscalerBounds(15, 15), AutoscalerBounds(3, 8))


def test_a_lower_floor_takes_the_raised_maximum_back_with_it() -> None:
    held = raised(hpa(3, 8), 11)

    assert patched(STRATEGY.remove(look(held, 11), going(held, 6, start=11)))["spec"] == {
        "minReplicas": 6,
        "maxReplicas": 8,
    }


def test_a_bound_that_its_owner_set_since_stays() -> None:
    note = raised(hpa(3, 8), 11).floor_annotation

    assert owner_bounds(AutoscalerBounds(5, 11), note) == AutoscalerBounds(5, 8)
    assert owner_bounds(AutoscalerBounds(11, 30), note) == AutoscalerBounds(3, 30)


@pytest.mark.parametrize(
    ("present", "code"),
    [
        (hpa(4, 20), "floor_changed"),
        (hpa(11, 30), "floor_changed"),
        (hpa(3, uid="another"), "autoscaler_replaced"),
        (None, "autoscaler_replaced"),
    ],
    ids=["another minimum", "another maximum", "recreated", "gone"],
)
def test_what_somebody_else_did_meanwhile_stops_the_run(present: Autoscaler | None, code: str) -> None:
    with pytest.raises(Conflict) as caught:
        STRATEGY.create(look(present), going(hpa(3), 11))

    assert caught.value.code == code


def test_a_minimum_that_is_taken_back_is_told_and_not_fought_over() -> None:
    taken_back = hpa(3, note=note_of(hpa(3), 11))
    with pytest.raises(Conflict, match="3 to 20 again"):
        STRATEGY.ready(look(taken_back), going(hpa(3), 11))


def test_pods_that_will_not_become_ready_fail_in_their_own_words() -> None:
    stuck = SetBuilder(replicas=11, ready=3, waiting="ErrImageNeverPull: gone")
    with pytest.raises(WorkloadFailed, match="ErrImageNeverPull"):
        STRATEGY.ready(observation(service(), stuck, autoscaler=raised(hpa(3), 11)), going(hpa(3), 11))


class TestRollBack:
    def test_it_restores_bounds_and_note(self) -> None:
        held = raised(hpa(3, 8), 6)
        change = patched(STRATEGY.roll_back(look(raised(held, 11), 6), going(held, 11)))

        assert change["spec"] == {"minReplicas": 6, "maxReplicas": 8}
        assert json.loads(change["metadata"]["annotations"][labels.FLOOR])["raised"] == {"minimum": 6, "maximum": 8}

    def test_it_ends_when_what_served_before_serves(self) -> None:
        assert isinstance(STRATEGY.roll_back(look(hpa(3), 11), going(hpa(3), 11)), Done)

    def test_it_waits_while_fewer_serve_than_before(self) -> None:
        assert isinstance(STRATEGY.roll_back(look(hpa(3), 3, ready=2), going(hpa(3), 11)), Wait)

    def test_it_does_not_wait_for_pods_that_the_autoscaler_took_away(self) -> None:
        assert isinstance(STRATEGY.roll_back(look(hpa(3), 3), going(hpa(3), 11, start=6)), Done)

    def test_a_note_alone_is_taken_away_too(self) -> None:
        taken_back = hpa(3, note=note_of(hpa(3), 11))

        assert patched(STRATEGY.roll_back(look(taken_back), going(hpa(3), 11)))["metadata"] == {
            "annotations": {labels.FLOOR: None}
        }

    def test_bounds_of_somebody_else_are_not_overwritten(self) -> None:
        with pytest.raises(Conflict):
            STRATEGY.roll_back(look(hpa(5)), going(hpa(3), 11))

    def test_an_autoscaler_that_is_gone_needs_nothing(self) -> None:
        decision = STRATEGY.roll_back(look(None), going(hpa(3), 11))

        assert isinstance(decision, Done)
        assert not decision.is_restored


def test_a_note_that_springtide_did_not_write_is_told() -> None:
    with pytest.raises(Conflict) as caught:
        owner_bounds(AutoscalerBounds(3, 8), "by hand")

    assert caught.value.code == "floor_unreadable"


def test_what_keda_takes_to_0_once_its_minimum_is_0_again_is_whole() -> None:
    """The real one does so the moment that the minimum is written: nobody is waited for."""
    held = scaled_object(3, 20, note=note_of(scaled_object(0, 20), 3))
    asked = going(held, 0, start=3)

    assert isinstance(STRATEGY.removed(look(scaled_object(0, 20), 0), asked), Done)
    assert isinstance(STRATEGY.removed(look(scaled_object(0, 20), 2, ready=1), asked), Done)
