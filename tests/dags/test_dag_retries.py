"""Two error words decide about another attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import ParamValidationError

from springtide.errors import ClusterUnavailable, Fenced, InputError, TemporaryError, UnknownOutcome, WorkloadFailed
from springtide_airflow.errors import ErrorWordPolicy


@pytest.mark.parametrize(
    "error",
    [
        InputError("no", code="name_invalid"),
        Fenced("taken", code="service_busy"),
        WorkloadFailed("never ready", code="image_pull"),
        ParamValidationError("form"),
    ],
)
def test_permanent_errors_fail_now(error: Exception) -> None:
    assert ErrorWordPolicy().evaluate(error, 1, 4).action is RetryAction.FAIL


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (9, 60)])
def test_temporary_errors_are_tried_again_after_their_own_delay(attempt: int, seconds: int) -> None:
    decision = ErrorWordPolicy().evaluate(ClusterUnavailable("away", code="cluster_unreachable"), attempt, 9)

    assert decision.action is RetryAction.RETRY
    assert decision.retry_delay == timedelta(seconds=seconds)


def test_an_error_that_asks_for_another_delay_gets_it() -> None:
    error = TemporaryError("busy", code="cluster_busy", retry_after=timedelta(seconds=1))

    assert ErrorWordPolicy().evaluate(error, 1, 4).retry_delay == timedelta(seconds=1)
    assert ErrorWordPolicy().evaluate(UnknownOutcome("lost", code="outcome_unknown"), 1, 4).action is RetryAction.RETRY


def test_what_is_no_error_of_springtide_is_left_to_the_task() -> None:
    assert ErrorWordPolicy().evaluate(ConnectionError("airflow"), 1, 4).action is RetryAction.DEFAULT
