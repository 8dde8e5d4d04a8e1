"""Serves REST on loopback until it is ended: SQLite for a store, a simulated cluster, runs that are only counted."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from springtide.record.sql import open_store
from springtide.web.app import app_to_serve
from support.builders import policy_text
from support.served import served
from support.simulation import Simulation
from support.web import WebScene

SERVICES = 1000


def main(folder: Path) -> None:
    """Write the policies, serve, and leave the address in `folder`."""
    policies = folder / "policies"
    policies.mkdir()
    many = {"SPRINGTIDE_REST_WRITES": "1000000", "SPRINGTIDE_REST_REQUESTS": "1000000"}
    scene = WebScene.of(Simulation.of(2), policies, **many)
    for number in range(SERVICES):
        policies.joinpath(f"service-{number}.yaml").write_text(policy_text(f"service-{number}"))
    store = open_store(f"sqlite:///{folder}/runs.db")
    app = app_to_serve(replace(scene.surroundings(), open_store=lambda: nullcontext(store)))
    with served(app) as url:
        folder.joinpath("url").write_text(url)
        while not folder.joinpath("end").exists():
            time.sleep(0.2)
        folder.joinpath("runs").write_text("\n".join(run.run_id for run in scene.starts.runs))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
