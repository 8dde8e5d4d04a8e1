"""New pods that are well when they get the traffic, and crash while the stable set still drains."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.stages import Given


def test_new_pods_that_crash_after_a_while_are_pointed_away_from(given: Given) -> None:
    """They passed every proof; all of them end 12 s after their start, and again after the next one."""
    given.a_policy(drain="20s").web(replicas=3).new_pods_start_with("CRASH", "12s")

    then = given.under_load().is_scaled(to=6, by="blue_green")

    then.it_failed("not_steady", because="of 6 pods have been ready all the while")
    then.the_stable_set_untouched().the_service_as_before().nothing_left_behind()
    then.no_request_failed_once_it_pointed_back()
