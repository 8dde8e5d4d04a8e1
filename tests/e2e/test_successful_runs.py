"""A run that ends well: exactly what was asked for serves, and nobody has noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2e.stages import Given

SIZES = [pytest.param(3, 6, id="3to6"), pytest.param(6, 3, id="6to3")]


@pytest.mark.parametrize(("current", "target"), SIZES)
@pytest.mark.parametrize("overlap", ["full", "batched"])
def test_blue_green(given: Given, overlap: str, current: int, target: int) -> None:
    when = given.a_policy(overlap=overlap).web(replicas=current).under_load()

    then = when.is_scaled(to=target, by="blue_green")

    then.it_succeeded().exactly(target).only_new_pods().the_service_as_before()
    then.the_deployment_as_before_but_for_its_replicas().nothing_left_behind().no_request_failed()


@pytest.mark.parametrize(("current", "target"), SIZES)
def test_in_place(given: Given, current: int, target: int) -> None:
    when = given.web(replicas=current).under_load()

    then = when.is_scaled(to=target, by="in_place")

    then.it_succeeded().exactly(target).the_same_pods_and(target - current).the_service_as_before()
    then.nothing_left_behind().no_request_failed()


def test_there_and_back_again(given: Given) -> None:
    """A second run sets aside what the first one made."""
    when = given.web(replicas=3).under_load()

    then = when.scaled(to=6, by="blue_green").is_scaled(to=3, by="blue_green")

    then.it_succeeded().exactly(3).only_new_pods().the_service_as_before()
    then.the_deployment_as_before_but_for_its_replicas().nothing_left_behind().no_request_failed()
