"""What a change of clocks costs: the same customers in five zones, over both changes of a year, with a zone or without.

    python -m benchmarks timezones

Office traffic (10 requests/s at night and on weekends, 1,000 from 09:10 to 18:00), and public recordings of two weeks
and more, each laid over a change of clocks as if its customers lived in that zone. What is replayed are the seven days
from the day of the change on, with plans alone, every 15 minutes. By their own clocks the customers of all rows do the
same: beside what UTC makes of it stands what is reached where no clock is put.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.capacity.folder import FOLDERS
from benchmarks.table import Table
from springtide.backtest.policies import Workbench
from springtide.backtest.simulate import Plans, replay_plans, score
from springtide.backtest.trace import Trace, pod_capacity, read_traces
from springtide.capacity.minutes import DAY, MINUTE, WEEK
from springtide.capacity.seasonal import Seasonal
from springtide.demand.local_time import LocalClock
from springtide.demand.model import DemandSeries
from springtide.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from springtide.backtest.simulate import Score

ZONES: Final = {
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "Asia/Jerusalem": (date(2026, 3, 27), date(2026, 10, 25)),
    "Australia/Sydney": (date(2026, 4, 5), date(2026, 10, 4)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
}
"""The days on which clocks are put. The last two zones are in the south; on Lord Howe it is half an hour."""
COLUMNS: Final = ("model", "customers", "zone", "clocks put on", "nowhere put", "in UTC", "with `demand.timezone`")
INTERVAL: Final = 15
STARTUP: Final = 60
_LEAST_DAYS: Final = 14
_MOST_BEFORE: Final = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """What customers do by their own clocks: demand per minute, of which the last seven days are replayed."""

    name: str
    demand: NDArray[np.float64]

    @property
    def before(self) -> int:
        """Whole days before those that are replayed."""
        return min(_MOST_BEFORE, len(self.demand) // DAY - 8)

    def living_in(self, zone: str, changed: date) -> Trace:
        """Return their demand as it is measured where clocks are put on that day; days are those of UTC as yet."""
        clock = LocalClock(zone)
        midnight = datetime.combine(changed, datetime.min.time(), UTC).timestamp()
        # What lies around it is known by the clocks; the seconds at which they show it are looked for around it.
        near = midnight + MINUTE * np.arange(-DAY, DAY, dtype=np.float64)
        start = float(near[np.searchsorted(clock.shown(near), midnight)])
        times = start + MINUTE * np.arange(-self.before * DAY, WEEK, dtype=np.float64)
        at = ((clock.shown(times) - midnight) // MINUTE).astype(np.int64) + len(self.demand) - WEEK - DAY
        return self._trace(float(times[0]), self.demand[at])

    def nowhere(self) -> Trace:
        """Return their demand where no clock is ever put."""
        last = len(self.demand) - DAY
        return self._trace(0.0, self.demand[last - WEEK - self.before * DAY : last])

    def _trace(self, start: float, demand: NDArray[np.float64]) -> Trace:
        pod = pod_capacity(self.demand[-WEEK:])
        return Trace(name=self.name, start=start, demand=demand, scored=self.before * DAY, per_replica=pod)


def office() -> Customers:
    """Return five weeks of office traffic, from a Monday on."""
    minute = np.arange(5 * WEEK)
    of_day = minute % DAY
    is_open = (minute // DAY % 7 < 5) & (of_day >= 9 * 60 + 10) & (of_day < 18 * 60)  # noqa: PLR2004
    return Customers(name="office", demand=np.where(is_open, 1000.0, 10.0))


def recordings() -> list[Customers]:
    """Return the public recordings that are long enough.

    Raises:
        InputError: there are none here.
    """
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    traces = [] if folder is None else read_traces(folder)
    longest = [Customers(name=trace.name, demand=trace.demand) for trace in traces]
    found = [each for each in longest if len(each.demand) >= _LEAST_DAYS * DAY]
    if not found:
        raise InputError(f"traces: no recording of {_LEAST_DAYS} days is here.", code="trace_missing", field="traces")
    return found


def by_auto(trace: Trace) -> Score:
    """Return how plans of `auto`, tuned daily, do alone."""
    return Workbench.of(trace, STARTUP, interval=INTERVAL).decide("auto-alone").score


def by_last_week(trace: Trace) -> Score:
    """Return how plans of `seasonal` do alone."""
    model = Seasonal(per_replica=trace.per_replica, interval=INTERVAL, startup_seconds=STARTUP, clock=trace.clock)
    times = trace.start + MINUTE * np.arange(len(trace.demand), dtype=np.float64)
    planned = []
    for minute in range(trace.scored, len(trace.demand) + 1, INTERVAL):
        seen = DemandSeries(times=times[:minute], values=trace.demand[:minute], unit="requests/s", source=trace.name)
        now = datetime.fromtimestamp(trace.start + MINUTE * minute - 1, UTC)
        planned.append(max(trace.fewest, int(np.ceil(model.answer(seen, replicas=1, now=now).replicas))))
    scored = trace.from_scored()
    plans = Plans(np.array([planned]), INTERVAL)
    return score(scored, replay_plans(scored, plans, np.zeros(scored.day_count, np.int64), STARTUP))


MODELS: Final = {"seasonal": by_last_week, "auto": by_auto}


def measure() -> Table:
    """Return the table: violated minutes @ cost over the clairvoyant minimum; of recordings the sum and the mean."""
    rows = []
    for model, customers in (("seasonal", [office()]), ("auto", [office()]), ("auto", recordings())):
        still = _cell([MODELS[model](each.nowhere()) for each in customers])
        for zone, changed in ((zone, day) for zone, days in ZONES.items() for day in days):
            living = [each.living_in(zone, changed) for each in customers]
            local = [replace(trace, clock=LocalClock(zone)) for trace in living]
            cells = [_cell([MODELS[model](trace) for trace in traces]) for traces in (living, local)]
            rows.append([model, _named(customers), zone, changed.isoformat(), still, *cells])
    return Table("The week from a change of clocks on: violated minutes @ cost", COLUMNS, rows)


def _named(customers: list[Customers]) -> str:
    return customers[0].name if len(customers) == 1 else f"{len(customers)} recordings"


def _cell(scores: list[Score]) -> str:
    cost = np.exp(np.mean(np.log([each.cost for each in scores])))
    return f"{sum(each.violated_minutes for each in scores)} @ {cost:.2f}"
