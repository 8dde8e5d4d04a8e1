"""`make bench`: the tables of this folder that are not capacity's. `python -m benchmarks overhead` for one of them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import api_requests, feeds, overhead, pace, pages, start, timezones
from benchmarks.saleday.table import measure as sale_day
from benchmarks.table import Table
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]


def beside_peers(rounds: int) -> Table:
    """Compare springtide with others on a real cluster; what it is made of is shared with the end-to-end suite."""
    sys.path.insert(0, str(ROOT / "tests"))
    from benchmarks.peers.race import measure

    return measure(rounds)


BENCHMARKS: dict[str, Callable[[], Table]] = {
    "start": start.measure,
    "overhead": overhead.measure,
    "api_requests": api_requests.measure,
    "pace": pace.measure,
    "saleday": sale_day,
    "timezones": timezones.measure,
    "feeds": feeds.measure,
    "pages": pages.measure,
    "peers": partial(beside_peers, 3),
}


def main() -> int:
    """Measure what was asked for, print it, and keep it under benchmarks/results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3, help="how often each of the peers is measured (default: 3)")
    options = parser.parse_args()
    asked = options.names
    measured = BENCHMARKS | {"peers": partial(beside_peers, options.rounds)}
    for name in asked or measured:
        try:
            table: Table = measured[name]()
        except InputError as error:
            print(f"{name} is left out: {error.message}")
            if asked:
                return 1
            continue
        print(table.to_markdown())
        table.write(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
