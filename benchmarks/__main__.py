"""`make bench`: the tables of this folder that are not capacity's. `python -m benchmarks overhead` for one of them."""

from __future__ import annotations

import argparse
import sys

from benchmarks import overhead, start
from benchmarks.table import Table

BENCHMARKS = {"start": start.measure, "overhead": overhead.measure}


def main() -> int:
    """Measure what was asked for, print it, and keep it under benchmarks/results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], default=[], metavar="NAME")
    for name in parser.parse_args().names or BENCHMARKS:
        table: Table = BENCHMARKS[name]()
        print(table.to_markdown())
        table.write(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
