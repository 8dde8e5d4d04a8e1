"""Load that counts every failed request, as a process of its own.

    python -m springtide.sandbox.load --url URL --rate 200 --for 30 [--keepalive]

`springtide.load.generator` says how it sends and what it counts.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys

from springtide.errors import InputError
from springtide.load.generator import CLIENTS, Load


def main(arguments: list[str] | None = None) -> int:
    """Run one load and print its report as one line of JSON. SIGTERM and SIGINT end it early, in good order."""
    parser = argparse.ArgumentParser(prog="springtide.sandbox.load", description="Constant load; every failure counts.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--for", dest="seconds", type=float, default=60.0, help="seconds, at most 3600")
    parser.add_argument("--keepalive", action="store_true", help=f"{CLIENTS} kept connections instead of fresh ones")
    asked = parser.parse_args(arguments)
    try:
        load = Load(asked.url, asked.rate, keepalive=asked.keepalive, seconds=asked.seconds)
    except InputError as error:
        parser.error(error.message)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: load.end())
    sys.stdout.write(json.dumps(load.run().to_record()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
