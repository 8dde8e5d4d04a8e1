"""What the store of runs comes to in a year of a thousand services: `python -m benchmarks.fleet.store_growth`.

By the library alone, with no Airflow: a switch from two pods to three is run in virtual time, a decision is one that
finds nothing to do, a day is learned as `capacity_history` does. All of them are copied into a real PostgreSQL so often
that a table's first page does not count. benchmarks.fleet.growth measures Airflow's part, and sweeps as they are.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.fleet.postgres import databases
from benchmarks.fleet.services import Fleet
from benchmarks.fleet.stored_year import Samples, rows_filled
from benchmarks.fleet.year import year_of_store
from springtide.plan.recent import SweepDecision
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from support.simulation import Simulation

REASON: Final = (
    "2 replicas are needed (auto: demand stays below 144.2 for 17 min, 95.0% sure (yesterday x 15 min); tuned on "
    "2026-11-29 over 7 days: 0.10 % of minutes violated at 0.67 of the autoscaler's cost); 2 are desired already"
)


def samples(policy: ScalingPolicy, now: datetime) -> Samples:
    """Return a run with its moments, and a decision."""
    simulation = Simulation.of(2)
    simulation.run(3)
    store = simulation.ports().store
    (run,) = store.latest(limit=1)
    decision = SweepDecision(
        policy=policy.name, at=now, before=2, planned=2, answer=2, observed=2, ready=2, reason=REASON, gate="pass"
    )
    return Samples(run=run, moments=store.moments(run.run_id), decisions=(decision,), policy=policy)


def main() -> None:
    """Measure, and write the table."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="springtide-store-") as place, databases(Path(place)) as stores:
        fleet = Fleet(services=1)
        fleet.write_policies(Path(place) / "policies")
        policy = PolicyFolder(Path(place) / "policies").get(fleet.names[0])
        table = year_of_store(rows_filled(stores.store, samples(policy, now), now))
    table.write("fleet-store")
    sys.stdout.write(table.to_markdown())


if __name__ == "__main__":
    main()
