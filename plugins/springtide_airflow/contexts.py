"""What Airflow's context tells a task, and what one task leaves for the next: small records only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from springtide.errors import PermanentError

if TYPE_CHECKING:
    from airflow.sdk import Context

T = TypeVar("T")
Record = dict[str, Any]


def run_type_of(dag_run: Any) -> str:
    """Return what started a DAG run: Airflow's enumeration gives its name where its value is meant."""
    return str(getattr(dag_run.run_type, "value", dag_run.run_type))


def is_backfill(dag_run: Any) -> bool:
    """Say whether a DAG run is over the past because somebody asked for the past."""
    return run_type_of(dag_run) == "backfill"


def try_chain(context: Context) -> str:
    """Return a name for the attempts that belong together: those since the task was scheduled, or cleared, last."""
    # Airflow keeps a task's state through a clear. A clear that leaves the DAG run as it is counts no `clear_number`.
    return f"{context['dag_run'].clear_number or 0}/{context['ti'].max_tries}"


def left_by(context: Context, task_id: str, read: Callable[[Record], T], key: str = "return_value") -> T | None:
    """Return what a task left; None where it left nothing."""
    record: Record | None = context["ti"].xcom_pull(task_ids=task_id, key=key)
    return None if record is None else read(record)


def required_of(
    context: Context, task_id: str, read: Callable[[Record], T], key: str = "return_value", *, code: str
) -> T:
    """Return what a task left, or raise `PermanentError` where it left nothing."""
    left = left_by(context, task_id, read, key)
    if left is None:
        raise left_nothing(task_id, code=code)
    return left


def left_nothing(task_id: str, *, code: str) -> PermanentError:
    """Return the error of a task that needs what another one did not leave."""
    return PermanentError(f"{task_id} left nothing: its log says why; clear the run from there on.", code=code)


def left_by_each(context: Context, task_id: str, read: Callable[[Record], T]) -> list[T]:
    """Return what each of a mapped task's instances left."""
    # a list of names: with one name alone, Airflow gives a single mapped task's record instead of a list of one
    records = context["ti"].xcom_pull(task_ids=[task_id]) or []
    return [read(record) for record in records if record is not None]
