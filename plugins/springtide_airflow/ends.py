"""How a task ends in words: what it found or why it fails, for its log and for the note of its DAG run.

One way for every DAG: `ends_in_words` around what a task does, and `leave_note` where the whole is known. The note of
`scale_service` is the record's own words (`runs.py`); the others' come through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from springtide.errors import PermanentError, SpringtideError
from springtide_airflow.errors import told
from springtide_airflow.run_notes import NOTE_KEY

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

T = TypeVar("T")
Task = TypeVar("Task", bound="BaseOperator")


def ends_in_words(act: Callable[[Task, Context], T]) -> Callable[[Task, Context], T]:
    """Return `act`, the `execute` or `poke` of a task, so that a failure that is no defect ends it by its words.

    They stand in the log without a traceback, and in the note of the DAG run where no later attempt succeeds. The retry
    policy is asked about the error as before.
    """

    @wraps(act)
    def acting(task: Task, context: Context) -> T:
        try:
            return act(task, context)
        except SpringtideError as error:
            leave_note(context, f"{task.dag_id}: {task.task_id} failed", [f"why: {error.message} ({error.code})"])
            raise told(error) from error

    return acting


def leave_note(context: Context, head: str, lines: Iterable[str]) -> None:
    """Leave the note of this DAG run: a line that stands by itself, and more of it, which may be foreign text.

    Airflow forgets it when the task is tried again, as whatever a task leaves.
    """
    from springtide.run.ended_words import noted

    context["ti"].xcom_push(key=NOTE_KEY, value=noted(head, tuple(lines), context["dag_run"].run_id))


def require(context: Context, check: Callable[[], T], head: str, lines: Iterable[str]) -> T:
    """Leave a note, and return what `check` does; what it refuses for good, the note has said already.

    Raises:
        TemporaryError: as `check` does.
        ToldFailure: the check did not pass.
    """
    leave_note(context, head, lines)
    try:
        return check()
    except PermanentError as error:
        raise told(error) from error
