"""How many pods each ReplicaSet of a Deployment may want, from what there is."""

from __future__ import annotations

import pytest

from springtide.sandbox.controllers.revisions import DESIRED, MAXIMUM, REVISION, OwnedSets
from springtide.sandbox.controllers.rollout import Bounds, followed, rolled
from springtide.sandbox.objects import Json

NEW = {"metadata": {"labels": {"v": "2"}}, "spec": {}}
OLD = {"metadata": {"labels": {"v": "1"}}, "spec": {}}


def rolling(surge: int | str = "25%", unavailable: int | str = "25%") -> Json:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def deployment(replicas: int, strategy: Json | None = None) -> Json:
    return {"metadata": {}, "spec": {"replicas": replicas, "strategy": strategy or rolling(), "template": NEW}}


def replica_set(name: str, replicas: int, available: int | None = None, *, template: Json = OLD, most: int = 0) -> Json:
    annotations = {DESIRED: str(most), MAXIMUM: str(most)} if most else {}
    created = f"2026-01-05T08:00:{len(name):02}Z"  # a longer name is a newer set
    return {
        "metadata": {"name": name, "creationTimestamp": created, "annotations": annotations},
        "spec": {"replicas": replicas, "template": template},
        "status": {"availableReplicas": replicas if available is None else available},
    }


def new(replicas: int, available: int | None = None, *, most: int = 0) -> Json:
    return replica_set("new-set", replicas, available, template=NEW, most=most)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "bounds"),
    [
        (10, "25%", "25%", Bounds(10, 3, 2)),  # a surge is rounded up, the unavailable down
        (3, 2, 1, Bounds(3, 2, 1)),
        (1, "0%", "25%", Bounds(1, 0, 1)),  # both nothing: one may be missing, or it would never end
        (2, "100%", 0, Bounds(2, 2, 0)),
        (2, 0, 5, Bounds(2, 0, 2)),
        (0, "25%", "25%", Bounds(0, 0, 0)),
    ],
)
def test_the_bounds_of_a_rolling_update(
    replicas: int, surge: int | str, unavailable: int | str, bounds: Bounds
) -> None:
    assert Bounds.of(deployment(replicas, rolling(surge, unavailable))) == bounds


def test_recreate_allows_no_pod_more_and_none_less() -> None:
    assert Bounds.of(deployment(4, {"type": "Recreate"})) == Bounds(4, 0, 0)


def next_sizes(desired: int, *sets: Json, strategy: Json | None = None) -> dict[str, int]:
    obj = deployment(desired, strategy)
    return rolled(OwnedSets.of(obj, list(sets)), Bounds.of(obj))


def test_new_pods_come_while_there_is_room() -> None:
    assert next_sizes(4, replica_set("old", 4), new(0)) == {"new-set": 1}


def test_old_pods_go_when_there_is_no_room_for_new_ones() -> None:
    assert next_sizes(4, replica_set("old", 4), new(1, 0)) == {"old": 3}


def test_new_pods_that_do_not_serve_spare_old_ones() -> None:
    assert next_sizes(4, replica_set("old", 3), new(2, 0)) == {}
    assert next_sizes(4, replica_set("old", 3), new(2, 1)) == {"old": 2}


def test_old_pods_that_do_not_serve_go_first_and_cost_nothing() -> None:
    sizes = next_sizes(4, replica_set("old", 2), replica_set("older", 2, 0), new(1, 1), strategy=rolling(1, 1))

    assert sizes == {"older": 0}


def test_a_set_that_is_too_large_shrinks_to_what_is_wanted() -> None:
    assert next_sizes(2, new(5)) == {"new-set": 2}


def follow(desired: int, *sets: Json, strategy: Json | None = None) -> dict[str, int]:
    obj = deployment(desired, strategy)
    return followed(OwnedSets.of(obj, list(sets)), Bounds.of(obj))


def test_one_active_set_takes_the_whole_change() -> None:
    assert follow(7, replica_set("old", 3), new(0)) == {"old": 7}


def test_without_any_active_set_the_present_one_grows() -> None:
    assert follow(3, replica_set("old", 0), new(0)) == {"new-set": 3}


def test_scaling_in_the_middle_keeps_the_proportions_and_the_largest_gets_the_rest() -> None:
    grown = follow(20, replica_set("old", 8, most=13), new(5, 0, most=13), strategy=rolling("25%", "25%"))
    shrunk = follow(5, replica_set("old", 8, most=13), new(5, 0, most=13), strategy=rolling("25%", "25%"))

    assert grown == {"old": 15, "new-set": 10}
    assert shrunk == {"old": 4, "new-set": 3}


def test_scaling_to_nothing_empties_all() -> None:
    assert follow(0, replica_set("old", 8, most=13), new(5, 0, most=13)) == {"old": 0, "new-set": 0}


def test_what_is_left_of_old_sets_goes_once_the_new_one_has_all() -> None:
    assert follow(5, replica_set("old", 2), new(5, most=5)) == {"old": 0}


def test_a_recreated_deployment_shares_nothing_out() -> None:
    assert follow(9, replica_set("old", 2), new(2, 0), strategy={"type": "Recreate"}) == {}


def test_without_any_active_set_and_without_a_present_one_the_youngest_grows_whatever_its_revision() -> None:
    older = replica_set("old", 0) | {"metadata": {**replica_set("old", 0)["metadata"], "annotations": {REVISION: "9"}}}

    assert follow(3, older, replica_set("young", 0)) == {"young": 3}


def test_of_sets_of_one_size_the_younger_grows_first_and_the_older_shrinks_first() -> None:
    old = replica_set("old", 3, most=4)
    young = replica_set("young", 3, most=4)

    assert follow(3, old, young) == {"old": 1, "young": 3}
    assert follow(9, old, young) == {"old": 3, "young": 9}


def test_old_sets_wait_while_pods_of_them_go() -> None:
    """Those still count as available: a second step by the same number would be one too many."""
    assert next_sizes(4, replica_set("old", 2, 3), new(3)) == {}
