"""The files that a service has on Airflow's disk, and what they cost: `python -m benchmarks.fleet.files`.

The quality pages of a day as `capacity_history` makes them, and the demand that was read, with what a look takes to go
on from it: of three weeks, of twice as long (which is what is kept), and of 400 days (the most that is ever kept).
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.fleet.history import STEP, Steady
from benchmarks.fleet.services import LOOKBACK_DAYS, STEADY, Fleet
from benchmarks.fleet.stored_year import PastDemand
from benchmarks.table import Table
from springtide.demand.cached import CachedSource
from springtide.demand.days import Maxima
from springtide.demand.kept_pages import PAGES_KEPT
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.record.memory import MemoryStore
from springtide.training.days import Learning, learn_day

COLUMNS: Final = ("file of one service", "kB", "of 1,000 services, GB", "CPU-ms of a look")
LOOKS: Final = 10
QUARTER: Final = timedelta(minutes=15)
_DAYS: Final = (LOOKBACK_DAYS, 2 * LOOKBACK_DAYS, 400)


def measure() -> Table:
    """Return what each of them takes."""
    with tempfile.TemporaryDirectory() as place:
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        return Table("Files of a service", COLUMNS, [*_pages(Path(place), now), *_caches(Path(place), now)])


def _pages(place: Path, now: datetime) -> list[list[str]]:
    Fleet(services=1).write_policies(place / "policies")
    policy = PolicyFolder(place / "policies").get(Fleet(services=1).names[0])
    demand = policy.spec.demand
    assert isinstance(demand, PrometheusDemand)
    past = PastDemand(Steady(STEADY))
    pages = place / "pages"
    learning = Learning(
        policy=policy, demand=demand, store=MemoryStore(), recent=past, maxima=Maxima(past, STEP), pages=pages
    )
    sizes = []
    for back in (3, 2, 1):
        learn_day(learning, now.date() - timedelta(days=back))
        sizes.append(_bytes(pages))
    each = sizes[2] - sizes[1]
    return [
        _line("quality pages: what all share", sizes[0] - each),
        _line("quality pages: a day", each),
        _line(f"quality pages: all that is kept, {PAGES_KEPT.days} days", sizes[0] + each * (PAGES_KEPT.days - 1)),
    ]


def _caches(place: Path, now: datetime) -> list[list[str]]:
    rows = []
    for days in _DAYS:
        folder = place / f"demand-{days}"
        source = CachedSource(Steady(STEADY), folder, key="one")
        source.read(now - timedelta(days=days), now, STEP)
        began = time.process_time()
        for look in range(1, LOOKS + 1):
            end = now + look * QUARTER
            source.read(end - timedelta(days=LOOKBACK_DAYS), end, STEP)
        each = (time.process_time() - began) / LOOKS * 1000
        rows.append(_line(f"demand that was read: {days} days", _bytes(folder), f"{each:.1f}"))
    return rows


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _line(what: str, size: int, cost: str = "") -> list[str]:
    return [what, f"{size / 1e3:.0f}", f"{size / 1e6:.2f}", cost]


if __name__ == "__main__":
    table = measure()
    table.write("fleet-files")
    sys.stdout.write(table.to_markdown())
