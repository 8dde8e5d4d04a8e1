"""springtide's two error words in Airflow's terms: temporary is tried again after its delay, permanent fails now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule
from airflow.sdk.exceptions import ParamValidationError

from springtide.errors import PermanentError, TemporaryError

if TYPE_CHECKING:
    from airflow.sdk import Context


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
            from springtide.run.retry import delay_after

            delay = delay_after(exception, try_number)
            return RetryDecision.retry(delay, reason=f"{exception.code}: try again in {delay.total_seconds():g} s")
        return super().evaluate(exception, try_number, max_tries, context)
