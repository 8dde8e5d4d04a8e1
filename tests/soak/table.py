"""What a soak came to: the figures, the table, and the files that are kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.command import Finished
    from e2e.live_load import Report
    from e2e.manifests import Json
    from soak.course import Asked


_BY_STRETCHES = (
    "The same by pairs of generators. *Sent late* is the generator's own delay, not the service's: where it is long,\n"
    "the machine was busy with other work, and the gaps beside it are the machine's, too."
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what was asked of it, and how it ended."""

    run_id: str
    current: int
    target: int
    fails: bool
    outcome: str
    error: str
    seconds: float

    @classmethod
    def of(cls, finished: Finished, current: int, target: int, *, seconds: float, fails: bool) -> Self:
        """Return what the command came to."""
        record = finished.record
        outcome = str(record.get("outcome", "unknown"))
        code = str(finished.error.get("code", ""))
        return cls(str(record.get("run_id", "")), current, target, fails, outcome, code, round(seconds, 2))

    @property
    def is_as_meant(self) -> bool:
        """Whether it ended as it should: switched over, or switched over and back again."""
        meant = ("rolled_back", "smoke_failed") if self.fails else ("succeeded", "")
        return (self.outcome, self.error) == meant

    @property
    def has_lost_its_way(self) -> bool:
        """Whether it left a state that the next run cannot begin from."""
        return self.outcome not in {"succeeded", "rolled_back"}

    def __str__(self) -> str:
        message = f"{self.current} to {self.target}: {self.outcome} {self.error}".strip()
        return f"{message}, {self.seconds:.1f} s" + ("" if self.is_as_meant else "  <-- not as meant")


@dataclass(frozen=True, slots=True)
class Soak:
    """All runs, and every generator's report."""

    runs: tuple[Run, ...]
    reports: tuple[Report, ...]
    seconds: float

    def is_good(self, asked: Asked) -> bool:
        """Tell whether nothing failed, and as much was done as was asked for."""
        enough = len(self.runs) >= asked.switchovers and self.count("requests") >= asked.requests
        return enough and self.count("failed") == 0 and all(run.is_as_meant for run in self.runs)

    def count(self, what: str, kind: str = "") -> int:
        """Return a sum over the generators, or over those of one kind of connection."""
        return sum(int(report.raw[what]) for report in self.reports if kind in report.kind)

    def longest_gap(self, kind: str) -> float:
        """Return the longest time in which no request of this kind was answered, in seconds."""
        return max(float(report.raw["longest_gap"]) for report in self.reports if kind in report.kind)

    def slowest(self, kind: str) -> float:
        """Return the slowest answer, in milliseconds."""
        return max(float(report.raw["latency_ms"]["max"] or 0) for report in self.reports if kind in report.kind)


def table(soak: Soak) -> str:
    """Return the table, as Markdown."""
    lengths = sorted(run.seconds for run in soak.runs) or [0.0]
    rows = [
        ("switchovers", len(soak.runs)),
        ("of these rolled back, after a smoke test that was made to fail", sum(run.fails for run in soak.runs)),
        ("runs that ended otherwise than meant", sum(not run.is_as_meant for run in soak.runs)),
        ("a run: median, longest", f"{median(lengths):.1f} s, {lengths[-1]:.1f} s"),
        ("time under load", f"{soak.seconds / 60:.1f} min"),
        ("requests", f"{soak.count('requests'):,}"),
        ("**failed**", f"**{soak.count('failed')}**"),
    ]
    for kind in ("fresh", "kept"):
        rows += [
            (
                f"requests on {kind} connections, failed",
                f"{soak.count('requests', kind):,}, {soak.count('failed', kind)}",
            ),
            (f"longest gap between answers on {kind} connections", f"{1000 * soak.longest_gap(kind):.0f} ms"),
            (f"slowest answer on {kind} connections", f"{soak.slowest(kind):.0f} ms"),
        ]
    rows.append(("sent once more, because a kept connection had been closed while idle", soak.count("resent")))
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def stretches(soak: Soak) -> str:
    """Return the load by stretches of ten minutes, with what the machine itself was late by, as Markdown."""
    head = "| from | connections | requests | failed | longest gap | slowest answer | sent late: p50, p99 |"
    rows = [
        f"| {report.raw['started_at'][11:16]} | {report.kind.split()[0]} | {report.requests:,} | {report.failed} "
        f"| {1000 * report.raw['longest_gap']:.0f} ms | {report.raw['latency_ms']['max'] or 0:.0f} ms "
        f"| {report.raw['lateness_ms']['p50'] or 0:.0f} ms, {report.raw['lateness_ms']['p99'] or 0:.0f} ms |"
        for report in soak.reports
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def write_results(soak: Soak, folder: Path) -> None:
    """Keep the table, and all that it was drawn up from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soak.md").write_text(f"# `make soak`\n\n{table(soak)}\n\n{_BY_STRETCHES}\n\n{stretches(soak)}\n")
    whole = {
        "seconds": round(soak.seconds, 1),
        "runs": [asdict(run) for run in soak.runs],
        "load": [_figures(report) for report in soak.reports],
    }
    (folder / "soak.json").write_text(json.dumps(whole, indent=1) + "\n")


def _figures(report: Report) -> Json:
    """Return a report without its addresses and the thousand pods that answered."""
    return (
        {"kind": report.kind}
        | {name: value for name, value in report.raw.items() if name not in {"url", "answers", "answered"}}
        | {"pods": len(report.pods)}
    )
