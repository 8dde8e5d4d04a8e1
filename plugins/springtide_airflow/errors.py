"""springtide's two error words in Airflow's terms: temporary is tried again after its delay, permanent fails now.

A task that fails by one of them has no defect, and what it says is all that there is to read: the log has the words,
and no traceback above them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryDecision, RetryRule
from airflow.sdk.exceptions import ParamValidationError

from springtide.errors import PermanentError, TemporaryError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.errors import SpringtideError

log = logging.getLogger(__name__)


class ToldFailure(SystemExit):
    """Ends a task by `error`, whose words stand in its log already.

    Airflow 3.3.2 writes a traceback of whatever a task raises, but for a skip and for a program's exit: of that it says
    "Task exited", and asks the retry policy as for any other.
    """

    def __init__(self, error: SpringtideError) -> None:
        super().__init__(1)
        self.error = error


def told(error: SpringtideError) -> ToldFailure:
    """Write the words of `error` into the task's log; return what ends the task by it."""
    log.error("%s: %s", error.code, error.message)
    return ToldFailure(error)


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
        if isinstance(exception, ToldFailure):
            exception = exception.error
        if isinstance(exception, TemporaryError):
            from springtide.run.retry import delay_after

            delay = delay_after(exception, try_number)
            return RetryDecision.retry(delay, reason=f"{exception.code}: try again in {delay.total_seconds():g} s")
        return super().evaluate(exception, try_number, max_tries, context)
