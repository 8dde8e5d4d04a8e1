"""What every task of a scaling DAG has in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from springtide_airflow.errors import ErrorWordPolicy

RETRIES: Final = 4
"""Five attempts, as `springtide run` makes: with the errors' own delays they outlast an API server's restart. At least
2, or a task whose worker died would not be tried again."""

RETRY_DELAY: Final = timedelta(seconds=5)
"""Between attempts after a failure that is none of springtide's own, a killed worker among them."""


def scaling_defaults(*, owner: str = "springtide") -> dict[str, Any]:
    """Return the `default_args` of a DAG that scales.

    No `execution_timeout`: Airflow 3.3 does not enforce it on a deferred task. Every phase has a deadline of its own.
    """
    return {
        "owner": owner,
        "depends_on_past": False,
        "retries": RETRIES,
        "retry_delay": RETRY_DELAY,
        "retry_policy": ErrorWordPolicy(),
    }
