"""Scales the demonstration's service once, and prints where Airflow shows the run: `first_run.py AIRFLOW SHOWN_AS`.

`AIRFLOW` is the address of the API server from here, `SHOWN_AS` the one that a browser takes. The run's id is always
the same, so that another start of the containers shows the run that there is. It ends with 0 when the run succeeded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

PASSWORDS: Final = Path("/run/secrets/airflow_passwords")
USER: Final = "admin"
DAG: Final = "/api/v2/dags/scale_service"
RUN_ID: Final = "demonstration__first"
CONF: Final = {"service": "checkout", "strategy": "blue_green", "reason": "kick-off: demand has doubled"}
ENDED: Final = frozenset({"success", "failed"})
START_SECONDS: Final = 180
RUN_SECONDS: Final = 300
PAUSE_SECONDS: Final = 2


def main(url: str, shown_as: str) -> int:
    """Return the exit code: 0 when the run succeeded, 1 when it failed or did not end in time."""
    password = json.loads(PASSWORDS.read_text())[USER]
    with httpx.Client(base_url=url, timeout=15, trust_env=False) as client:
        login = client.post("/auth/token", json={"username": USER, "password": password})
        login.raise_for_status()
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        if not _within(START_SECONDS, lambda: client.get(DAG).is_success):
            return _tell(
                f"Airflow did not read scale_service within {START_SECONDS} s: look at the dag-processor's log"
            )
        begun = client.post(f"{DAG}/dagRuns", json={"dag_run_id": RUN_ID, "logical_date": None, "conf": CONF})
        if begun.is_error and begun.status_code != httpx.codes.CONFLICT:
            return _tell(f"Airflow refused the run ({begun.status_code}): {begun.text}")
        page = f"{shown_as}/dags/scale_service/runs/{RUN_ID}"
        _tell(f"The run begins: {page} (user {USER}, the password is in secrets/airflow_passwords)")
        if not _within(RUN_SECONDS, lambda: _run(client)["state"] in ENDED):
            return _tell(f"The run has not ended within {RUN_SECONDS} s: {page}")
        state = _run(client)["state"]
    _tell(f"The run ended, {state}: {page}")
    return 0 if state == "success" else 1


def _run(client: httpx.Client) -> dict[str, Any]:
    answer = client.get(f"{DAG}/dagRuns/{RUN_ID}")
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def _within(seconds: float, is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def _tell(line: str) -> int:
    """Print the line at once, and return the exit code of what cannot go on."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
