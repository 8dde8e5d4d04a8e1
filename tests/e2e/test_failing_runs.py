"""A run that cannot end well: it says why, undoes what it did, and nobody has noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2e.stages import Given

pytestmark = pytest.mark.parametrize("strategy", ["blue_green", "in_place"])


def test_new_pods_never_become_ready(given: Given, strategy: str) -> None:
    given.a_policy(ready_within="8s").web(replicas=3).new_pods_start_with("NEVER_READY", "true")

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_failed("deadline_exceeded", because="Ready")
    then.the_stable_set_untouched().the_service_as_before().nothing_left_behind().no_request_failed()


def test_new_pods_crash(given: Given, strategy: str) -> None:
    """Beside the stable set they may even say Ready first; in place that would be the Service's word, and its loss."""
    given.web(replicas=3).new_pods_start_with("CRASH", "100ms")
    if strategy == "in_place":
        given.new_pods_start_with("NEVER_READY", "true")

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_failed("crash_loop", because="CrashLoopBackOff")
    then.the_stable_set_untouched().the_service_as_before().nothing_left_behind().no_request_failed()


def test_the_image_is_gone(given: Given, strategy: str) -> None:
    given.an_image_of_its_own().web(replicas=3).that_image_is_gone()

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_failed("image_unavailable", because="ErrImageNeverPull")
    then.the_stable_set_untouched().the_service_as_before().nothing_left_behind().no_request_failed()


def test_the_quota_is_too_small(given: Given, strategy: str) -> None:
    given.web(replicas=3).a_quota_of(pods=5)

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_was_refused("quota_short", because="2 of 5 free")
    then.the_stable_set_untouched().the_service_as_before().nothing_written().no_request_failed()


def test_the_quota_is_filled_up_behind_the_preflight(given: Given, strategy: str) -> None:
    given.a_policy(only_warn=("quota",)).web(replicas=3).a_quota_of(pods=5)

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_failed("quota_short", because="exceeded quota")
    then.the_stable_set_untouched().the_service_as_before().nothing_left_behind().no_request_failed()


def test_the_smoke_test_fails(given: Given, strategy: str) -> None:
    """In place there is one set only, and a ReplicaSet chooses for itself which of its ready pods go again."""
    given.a_policy(smoke_path="/not-there", only_warn=("smoke",)).web(replicas=3)

    then = given.under_load().is_scaled(to=6, by=strategy)

    then.it_failed("smoke_failed", because="404")
    then.the_stable_set_untouched(same_pods=strategy == "blue_green")
    then.the_service_as_before().nothing_left_behind().no_request_failed()
