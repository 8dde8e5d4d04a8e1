"""What a fleet costs, part by part: `python -m benchmarks.fleet [PART…]`; all parts, in turn, unless some are named.

Each part is a process of its own, and takes minutes. One that fails takes no other with it: the exit code says whether
any did. The results are files in benchmarks/results.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.table import RESULTS

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPart:
    """One measurement: the module that takes it, its arguments, the file that it leaves, and what it is about."""

    name: str
    module: str
    arguments: tuple[str, ...]
    result: str
    about: str

    @property
    def file(self) -> Path:
        """Where its result is kept."""
        return RESULTS / self.result

    def line(self) -> str:
        """Return what the list of parts says of it."""
        return f"{self.name:10} {self.about}: {self.file.relative_to(ROOT)}"


COUNTS: Final = ("10", "100", "1000")
PARTS: Final = (
    FleetPart(
        name="sweep",
        module="benchmarks.fleet.sweep",
        arguments=COUNTS,
        result="fleet-sweep.md",
        about="sweeps of a real Airflow over 10, 100 and 1,000 services",
    ),
    FleetPart(
        name="wave-10",
        module="benchmarks.fleet.wave",
        arguments=("--services", "10", "--parallelism", "6", "--write", "fleet-wave-10"),
        result="fleet-wave-10.md",
        about="ten services in one event, through a real Airflow",
    ),
    FleetPart(
        name="wave-100",
        module="benchmarks.fleet.wave",
        arguments=("--services", "100", "--parallelism", "6", "--write", "fleet-wave-100"),
        result="fleet-wave-100.md",
        about="a hundred of them",
    ),
    FleetPart(
        name="wave-slow",
        module="benchmarks.fleet.wave",
        arguments=("--services", "100", "--parallelism", "16", "--startup", "20", "--write", "fleet-wave-slow"),
        result="fleet-wave-slow.md",
        about="a hundred of them whose pods take 20 s to be ready",
    ),
    FleetPart(
        name="wave-1p",
        module="benchmarks.fleet.wave_in_one_process",
        arguments=("1", *COUNTS),
        result="fleet-wave-one-process.md",
        about="a wave by `springtide prepare`, one process and no Airflow",
    ),
    FleetPart(
        name="learning",
        module="benchmarks.fleet.learning",
        arguments=COUNTS,
        result="fleet-learning.md",
        about="a day of each service, learned",
    ),
    FleetPart(
        name="growth",
        module="benchmarks.fleet.growth",
        arguments=COUNTS,
        result="fleet-growth.md",
        about="what databases and logs grow by, and a year of it",
    ),
    FleetPart(
        name="store",
        module="benchmarks.fleet.store_growth",
        arguments=(),
        result="fleet-store.md",
        about="a year of the store of runs, by the library alone",
    ),
    FleetPart(
        name="files",
        module="benchmarks.fleet.files",
        arguments=(),
        result="fleet-files.md",
        about="what a service has on Airflow's disk",
    ),
    FleetPart(
        name="plans",
        module="benchmarks.fleet.plans",
        arguments=COUNTS,
        result="fleet-plans.md",
        about="a plan of now, with everything in the store",
    ),
    FleetPart(
        name="triggers",
        module="benchmarks.fleet.triggers",
        arguments=("1000",),
        result="triggers.md",
        about="a thousand waiting runs in one triggerer",
    ),
)
BY_NAME: Final = {part.name: part for part in PARTS}


def take(parts: Sequence[FleetPart]) -> list[FleetPart]:
    """Take each of the parts in turn; return those that failed."""
    failed = []
    for part in parts:
        print(f"{part.name}: {part.about}", flush=True)
        done = subprocess.run([sys.executable, "-m", part.module, *part.arguments], cwd=ROOT, check=False)
        print(f"{part.name}: {_told(part, done.returncode)}", flush=True)
        if done.returncode:
            failed.append(part)
    return failed


def _told(part: FleetPart, code: int) -> str:
    return f"failed with code {code}" if code else f"written to {part.file.relative_to(ROOT)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Take what was asked for; return 0 when nothing of it failed."""
    listed = "\n".join(f"  {part.line()}" for part in PARTS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fleet",
        description=__doc__,
        epilog=f"parts:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", choices=[[], *BY_NAME], default=[], metavar="PART")
    parser.add_argument("--list", action="store_true", help="list the parts, and take none")
    asked = parser.parse_args(arguments)
    if asked.list:
        print(listed)
        return 0
    failed = take([BY_NAME[name] for name in asked.parts] or PARTS)
    if failed:
        print(f"failed: {', '.join(part.name for part in failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
