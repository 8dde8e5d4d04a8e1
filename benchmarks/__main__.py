"""`make bench`: the tables of this folder that are not capacity's. `python -m benchmarks overhead` for one of them."""

from __future__ import annotations

import argparse
import sys

from benchmarks import overhead, pace, start
from benchmarks.saleday.table import measure as sale_day
from benchmarks.table import Table
from springtide.errors import InputError

BENCHMARKS = {"start": start.measure, "overhead": overhead.measure, "pace": pace.measure, "saleday": sale_day}


def main() -> int:
    """Measure what was asked for, print it, and keep it under benchmarks/results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[], metavar="NAME")
    asked = parser.parse_args().names
    for name in asked or BENCHMARKS:
        try:
            table: Table = BENCHMARKS[name]()
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
