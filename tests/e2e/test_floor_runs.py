"""A floor under an autoscaler: exactly so many serve, nobody notices, and its owner's minimum comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.stages import Given


def test_a_floor_is_raised_to_exactly_so_many_and_given_back(given: Given) -> None:
    when = given.web(replicas=3).an_autoscaler(3, 20).under_load()

    raised = when.scaled(to=11, by="floor").with_the_autoscaler_at(11, 20, held=True).with_exactly(11)
    then = raised.is_released()

    then.it_ended("succeeded").the_autoscaler_at(3, 20).the_service_as_before().no_request_failed()


def test_a_maximum_that_is_too_low_is_raised_and_given_back_with_it(given: Given) -> None:
    when = given.a_policy(raise_max=True).web(replicas=3).an_autoscaler(3, 5).under_load()

    then = when.scaled(to=6, by="floor").with_the_autoscaler_at(6, 6, held=True).with_exactly(6).is_released()

    then.it_ended("succeeded").the_autoscaler_at(3, 5).no_request_failed()


def test_a_maximum_that_is_too_low_refuses_the_run(given: Given) -> None:
    then = given.web(replicas=3).an_autoscaler(3, 5).under_load().is_scaled(to=6, by="floor")

    then.it_was_refused("hpa_max_below_target", because="maximum 5").nothing_written()
    then.the_autoscaler_at(3, 5).no_request_failed()


def test_a_run_that_is_killed_in_the_middle_is_undone_and_the_next_one_raises_it(given: Given) -> None:
    when = given.web(replicas=3).an_autoscaler(3, 20).under_load()

    undone = when.killed_once_the_minimum_is(11).reconciled().with_the_autoscaler_at(3, 20, held=False)
    raised = undone.scaled(to=11, by="floor").with_exactly(11)
    then = raised.is_released()

    then.it_ended("succeeded").the_autoscaler_at(3, 20).no_request_failed()


def test_of_keda_the_scaled_object_is_raised_and_never_its_autoscaler(given: Given) -> None:
    when = given.web(replicas=3).keda(3, 20).under_load()

    raised = when.scaled(to=7, by="floor").with_exactly(7).with_the_scaled_object_at(7, 20)
    then = raised.is_released()

    then.it_ended("succeeded").the_scaled_object_at(3, 20).no_request_failed()
