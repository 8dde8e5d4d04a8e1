"""springtide's two error words in Airflow's terms: temporary is tried again after its delay, permanent fails now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule
from airflow.sdk.exceptions import ParamValidationError

from springtide.errors import PermanentError, TemporaryError

if TYPE_CHECKING:
    from airflow.sdk import Context

LONGEST_DELAY: Final = timedelta(minutes=1)
"""The most that lies between two attempts: an API server is back within a minute, and a run holds its workload."""


class ErrorWordPolicy(ExceptionRetryPolicy):
    """Asks the error: `TemporaryError.retry_after`, doubled at each attempt; `PermanentError` ends the task.

    Any other exception (a lost connection to Airflow itself, a defect) is left to `retries` and `retry_delay`.
    """

    def __init__(self) -> None:
        fails_now = RetryRule(
            exception=[PermanentError, ParamValidationError],
            action=RetryAction.FAIL,
            reason="trying again cannot help",
        )
        super().__init__(rules=[fails_now])

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Return what becomes of the task after `exception`."""
        if isinstance(exception, TemporaryError):
            delay = min(exception.retry_after * 2 ** (try_number - 1), LONGEST_DELAY)
            return RetryDecision.retry(delay, reason=f"{exception.code}: try again in {delay.total_seconds():g} s")
        return super().evaluate(exception, try_number, max_tries, context)
