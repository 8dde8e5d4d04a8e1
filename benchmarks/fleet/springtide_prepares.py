"""`springtide prepare` as a process beside a fleet on a real cluster, as a CronJob or a person would start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from examples.demo.airflow_server import ROOT

from benchmarks.fleet.postgres import databases
from benchmarks.fleet.real_services import EVENT, Json

LONGEST: Final = 5400.0


@dataclass(slots=True)
class Preparing:
    """One preparation, begun. `pid` is its process, `database` that of the store's PostgreSQL."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    log: Path
    database: int
    began: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def has_ended(self) -> bool:
        """Say whether it is over."""
        return self.process.poll() is not None

    def report(self) -> Json:
        """Wait for its end, and return what it says of each service.

        Raises:
            SystemExit: it said nothing.
        """
        self.process.wait(LONGEST)
        self.out.seek(0)
        text = self.out.read().decode()
        if not text.strip():
            raise SystemExit(f"springtide prepare ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        document = dict(json.loads(text))
        if "error" in document:
            raise SystemExit(f"springtide prepare refused: {document['error']['message']}")
        return document

    def problems(self) -> dict[str, str]:
        """Wait for its end, and return which services are not as they should be, and why."""
        return dict(self.report().get("problems") or {})


@contextmanager
def preparing(folder: Path, kubeconfig: Path, *, event: str = EVENT, **environment: str) -> Iterator[Preparing]:
    """Begin to prepare `event`, of the fleet whose files are in `folder`; one that goes on in the end is ended."""
    with databases(folder) as kept, (folder / "out").open("w+b") as out, (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            _command(event, folder, kubeconfig, kept.store),
            cwd=folder,
            env={**_without_settings(), "PYTHONPATH": str(ROOT / "include"), **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
        )
        try:
            yield Preparing(process, out, folder / "log", kept.pid)
        finally:
            process.terminate()
            process.wait(600)


def _command(event: str, folder: Path, kubeconfig: Path, store: str) -> list[str]:
    program = str(Path(sys.executable).with_name("springtide"))
    places = ["--policies", str(folder / "policies"), "--calendars", str(folder / "calendars")]
    return [program, "prepare", event, *places, "--kubeconfig", str(kubeconfig), "--store", store, "--output", "json"]


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "KUBECONFIG" and "SPRINGTIDE" not in name}
