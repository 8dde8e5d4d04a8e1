"""How long the server takes for the wall screen, by the number of services; a store in SQLite, and 24 h of decisions.

The cluster and Airflow are not in it: lists are answered from memory. `first` is the first page of a process, which
knows no policy yet. The others come once all policies are read, each after the cluster's answers have become stale.
Counted is the processor's time of the whole process, which a busy machine does not make longer.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.table import Table

COUNTS: Final = (3, 100, 1000)
ROUNDS: Final = 7
LIMIT_MILLISECONDS: Final = 1000
"""What a page over a thousand services may take."""


def measure() -> Table:
    """Return the milliseconds of the first page and of those after it.

    Raises:
        RuntimeError: the page of the most services takes longer than it may.
    """
    rows = [_row(count) for count in COUNTS]
    slowest = float(rows[-1][2])
    if slowest > LIMIT_MILLISECONDS:
        raise RuntimeError(f"{slowest} ms for {COUNTS[-1]} services; allowed: {LIMIT_MILLISECONDS}")
    return Table(
        title=f"Processor time of the page Services; allowed for {COUNTS[-1]} services: {LIMIT_MILLISECONDS} ms",
        columns=("services", "first, ms", "median, ms", "slowest, ms", "kB of HTML"),
        rows=rows,
    )


def _row(count: int) -> tuple[str, ...]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from springtide.clock import SystemClock
    from springtide.errors import TemporaryError
    from springtide.overview.replicas import FRESH_SECONDS
    from springtide.overview.wall import WallQuery
    from springtide.record.sql import open_store
    from springtide.web.pages.frame import Frame
    from springtide.web.service_views import ServiceViews
    from support.many_services import ManyServices

    class Ahead(SystemClock):
        """A clock that can be put forward."""

        ahead = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead

    with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/runs.db") as store:
        clock = Ahead()
        views = ServiceViews.of(ManyServices(count, Path(folder) / "scene", clock, store=store).surroundings())
        taken = []
        size = 0
        for _ in range(ROUNDS + 1):
            clock.ahead += FRESH_SECONDS + 1
            began = time.process_time()
            wall = views.wall(WallQuery())
            frame = Frame(root="/springtide", section="services", now=clock.now())
            page = frame.page("services.html", wall=wall, search="", limit=50, offset=0, first=1)
            taken.append((time.process_time() - began) * 1000)
            size = len(page.body)
            while any(isinstance(each, TemporaryError) for each in views.reader.policies().values()):
                time.sleep(0.1)
        first, *warm = taken
        numbers = (first, statistics.median(warm), max(warm), size / 1000)
        return (str(count), *(f"{number:.0f}" for number in numbers))
