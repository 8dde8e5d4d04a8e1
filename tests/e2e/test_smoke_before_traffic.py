"""Smoke checks before any traffic moves: nobody meets new pods that do not pass, or a run that cannot end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2e.stages import Given


def test_new_pods_that_do_not_pass_are_met_by_nobody(given: Given) -> None:
    """They are ready, for their readiness probe asks something else."""
    given.web(replicas=3).new_pods_start_with("STATUS", "500")

    then = given.under_load().is_scaled(to=6, by="blue_green")

    then.it_failed("smoke_failed", because="before the switch, GET /api/v1/namespaces/")
    then.the_stable_set_untouched().the_service_as_before().nothing_left_behind().no_request_failed()


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_a_check_that_the_stable_set_does_not_pass_either_is_refused(given: Given, strategy: str) -> None:
    given.a_policy(smoke_path="/not-there").web(replicas=3)

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_was_refused("smoke_cannot_pass", because="404").nothing_written()
    then.the_stable_set_untouched().no_request_failed()
