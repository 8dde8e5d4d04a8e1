"""A small Airflow for commands: its REST API, as far as they ask it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Final

RUNS: Final = "/api/v2/dags/prepare_events/dagRuns"
DAGS: Final = ("prepare_events", "adjust_capacity", "scale_service", "release_floors")


class SmallAirflow(BaseHTTPRequestHandler):
    """The calls that queue a run, take it back and list what there is, as Airflow answers them."""

    runs: ClassVar[dict[str, Any]] = {}
    dags: ClassVar[dict[str, bool]] = {}
    """Whether each DAG is paused."""

    @classmethod
    def forget(cls) -> None:
        """Begin anew: no run, and every DAG on."""
        cls.runs.clear()
        cls.dags.clear()
        cls.dags.update(dict.fromkeys(DAGS, False))

    def do_POST(self) -> None:
        """Log in, or queue a run."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/auth/token":
            good = body == {"username": "ada", "password": "secret"}
            self._answer(201 if good else 401, {"access_token": "token-1"})
        elif self.headers["authorization"] != "Bearer token-1":
            self._answer(403, {"detail": "no"})
        elif body["dag_run_id"] in self.runs:
            self._answer(409, {"detail": "exists"})
        else:
            self.runs[body["dag_run_id"]] = body | {"state": "queued"}
            self._answer(200, body)

    def do_GET(self) -> None:
        """List DAGs and runs, or return one run."""
        path = self.path.partition("?")[0]
        if path == "/api/v2/dags":
            listed = [{"dag_id": name, "is_paused": paused} for name, paused in self.dags.items()]
            return self._answer(200, {"dags": listed, "total_entries": len(listed)})
        if path == RUNS:
            open_runs = [run for run in self.runs.values() if run["state"] in ("queued", "running")]
            return self._answer(200, {"dag_runs": open_runs, "total_entries": len(open_runs)})
        run = self.runs.get(self.path.removeprefix(f"{RUNS}/"))
        return self._answer(404 if run is None else 200, run or {})

    def do_DELETE(self) -> None:
        """Take a run back."""
        del self.runs[self.path.removeprefix(f"{RUNS}/")]
        self._answer(204, None)

    def _answer(self, status: int, document: Any) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
