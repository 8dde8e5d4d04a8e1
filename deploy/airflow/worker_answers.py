"""Whether a Celery worker answers, by the broker alone: `worker_answers.py WORKER`, exit code 0 when it does.

Celery's own `inspect ping` imports Airflow first to learn the broker's address: seconds of a core, once a minute and
worker. Here the address comes from the file that Airflow reads it from.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from celery import Celery

BROKER: Final = Path("/run/secrets/celery_broker_url")
ANSWER_SECONDS: Final = 10


def answers(broker: str, worker: str, *, within: float = ANSWER_SECONDS) -> bool:
    """Say whether `worker` answers within so many seconds; a broker that is away means that it does not."""
    with Celery(broker=broker, set_as_current=False) as app:
        app.conf.broker_connection_timeout = within
        try:
            told = app.control.inspect(destination=[worker], timeout=within, limit=1).ping()
        except app.connection().connection_errors:
            return False
    return worker in (told or {})


if __name__ == "__main__":
    sys.exit(0 if answers(BROKER.read_text().strip(), sys.argv[1]) else 1)
