"""What a year of services comes to, calculated from what one sweep, one run and one day add, with what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.fleet.table_sizes import TableSize
from benchmarks.table import Table
from springtide.record.retention import DAYS_KEPT, Ages
from springtide.record.tables import PREFIX
from springtide.settings import Settings

SERVICES: Final = 1000
SWEEPS_A_DAY: Final = 96
RUNS_A_DAY: Final = 4
"""Of each service: up and down again, twice."""

YEAR: Final = 365
AIRFLOW_DAYS: Final = 30
"""What deploy/airflow/clean leaves unless it is told otherwise."""

_GB: Final = 1e9
COLUMNS: Final = ("what", "in", "a day", "bytes each", "kept, days", "after a year, GB", "at most, GB")


@dataclass(frozen=True, slots=True)
class Each:
    """What one of something adds, in bytes by place; and how many runs it started."""

    runs: int
    bytes: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One line of the year: so many a day, of so many bytes each, kept for so many days."""

    what: str
    place: str
    daily: float
    size: float
    days: int

    def after(self, days: int) -> float:
        """Return the bytes that there are after so many days."""
        return self.daily * self.size * min(days, self.days)

    def line(self) -> list[str]:
        """Return the line of the table."""
        at_most = f"{self.after(self.days) / _GB:.1f}"
        return [
            self.what,
            self.place,
            f"{self.daily:g}",
            f"{self.size:.0f}",
            str(self.days),
            f"{self.after(YEAR) / _GB:.1f}",
            at_most,
        ]


def year(each: Mapping[str, Each], rows: Mapping[str, TableSize], *, services: int) -> list[Table]:
    """Return the table of a year of `SERVICES`, from a fleet of `services` and the rows of a filled store."""
    return [_table([*_store(rows), *_airflow(each, services)])]


def year_of_store(rows: Mapping[str, TableSize]) -> Table:
    """Return the table of what the store alone comes to, from the rows of a filled one."""
    return _table(list(_store(rows)))


def _table(shares: Sequence[Share]) -> Table:
    after_year = sum(share.after(YEAR) for share in shares) / _GB
    at_most = sum(share.after(share.days) for share in shares) / _GB
    total = ["all of it", "", "", "", "", f"{after_year:.1f}", f"{at_most:.1f}"]
    title = (
        f"A year of {SERVICES} services: {SWEEPS_A_DAY} sweeps a day, {RUNS_A_DAY} runs of each service a day, "
        "each day learned"
    )
    return Table(title, COLUMNS, [*(share.line() for share in shares), total])


def _store(rows: Mapping[str, TableSize]) -> Iterator[Share]:
    """Return the shares of the store: what is kept with a run, its moments, decisions and days."""
    held = {name.removeprefix(PREFIX): size for name, size in rows.items()}
    ages = Ages.of(Settings.from_environment({}))
    runs = SERVICES * RUNS_A_DAY
    for what, tables, of, daily, age in (
        ("runs with their phases", ("runs", "phases"), "runs", runs, ages.runs),
        ("moments of a run", ("moments",), "runs", runs, ages.moments),
        ("decisions", ("decisions",), "decisions", SERVICES * SWEEPS_A_DAY, ages.decisions),
        ("days", ("days",), "days", SERVICES, DAYS_KEPT),
    ):
        size = sum(held[name].bytes for name in tables) / held[of].rows
        yield Share(what=what, place="the store", daily=daily, size=size, days=age.days)


def _airflow(each: Mapping[str, Each], services: int) -> Iterator[Share]:
    sweep = each["a sweep, nothing to do"]
    changed = each["a sweep, one in ten changes"]
    for place in ("Airflow's database", "log files"):
        in_sweep = sweep.bytes[place] * SERVICES / services
        in_run = (changed.bytes[place] - sweep.bytes[place]) / max(1, changed.runs)
        yield Share(what="sweeps", place=place, daily=SWEEPS_A_DAY, size=in_sweep, days=AIRFLOW_DAYS)
        yield Share(what="runs", place=place, daily=SERVICES * RUNS_A_DAY, size=in_run, days=AIRFLOW_DAYS)
