"""Says whether a part of Airflow is healthy, by the API server's word: `healthy.py PART [URL]`.

It ends with 0 when the part is, else with 1 and a line that says why. It imports nothing of Airflow, because a
container asks it four times a minute. `PART` is metadatabase, scheduler, triggerer or dag_processor.
"""

from __future__ import annotations

import json
import sys
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

URL: Final = "http://127.0.0.1:8080"
TIMEOUT_SECONDS: Final = 8


def main(part: str, url: str = URL) -> int:
    """Return the exit code: 0 when `part` is healthy."""
    opener = build_opener(ProxyHandler({}))  # a proxy of the environment is for other addresses
    try:
        with opener.open(f"{url}/api/v2/monitor/health", timeout=TIMEOUT_SECONDS) as answer:
            status = json.load(answer)[part]["status"]
    except (URLError, TimeoutError, ValueError, KeyError) as error:
        sys.stdout.write(f"{part}: not known, {url} said {error!r}\n")
        return 1
    sys.stdout.write(f"{part}: {status}\n")
    return 0 if status == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
