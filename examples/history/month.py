"""A Prometheus of the example's own, with a month of demand in it: an outage, a sale, and a morning without metrics."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import httpx
from examples.demo.children import Child, Children, DemoError
from examples.demo.patience import wait_until
from examples.demo.ports import free_ports

DAYS: Final = 31
OUTAGE = 9
"""So many days ago demand vanished for two hours at noon."""

GAP = 6
"""So many days ago there were no metrics for two hours."""

SALE = 3
"""So many days ago there was a sale."""


def begin_prometheus(children: Children, home: Path, end: datetime) -> str:
    """Start a Prometheus whose data ends at `end`, and return its address when it is ready.

    Raises:
        DemoError: it is not installed, or not ready in time.
    """
    home.mkdir(parents=True)
    text = home / "month.om"
    data = home / "data"
    text.write_text("".join(f"{line}\n" for line in _open_metrics(end)))
    port = free_ports(1)[0]
    (home / "prometheus.yml").write_text("global: {}\n")
    try:
        make = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)]
        subprocess.run(make, check=True, capture_output=True, timeout=300)  # noqa: S603  our own command
    except (OSError, subprocess.SubprocessError) as error:
        raise DemoError(f"promtool made no data ({error}). On Debian: apt-get install prometheus") from error
    command = ["prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={data}"]
    command += ["--storage.tsdb.retention.time=1y", f"--web.listen-address=127.0.0.1:{port}"]
    child = children.start("prometheus", command)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: _is_ready(url, child), "Prometheus is ready", child.require_alive, 60)
    return url


def demand(moment: datetime, end: datetime, random: Random) -> float | None:
    """Return the demand of a minute; None where nothing was measured."""
    midday = math.cos(2 * math.pi * (moment.hour * 60 + moment.minute - 780) / 1440)
    weekend = 0.6 if moment.weekday() > 4 else 1.0  # noqa: PLR2004  # Friday
    value = weekend * (420 + 260 * midday) * random.gauss(1, 0.03)
    ago = (end.date() - moment.date()).days
    if ago == OUTAGE and moment.hour in {12, 13}:
        return 0.0
    if ago == GAP and moment.hour in {8, 9}:
        return None
    return max(0.0, value * (3 if ago == SALE and moment.hour in {20, 21} else 1))


def _open_metrics(end: datetime) -> Iterator[str]:
    random = Random(1)  # noqa: S311  # an example's noise
    minutes = [end - timedelta(minutes=back) for back in range(DAYS * 1440, -1, -1)]
    yield "# TYPE requests_per_second gauge"
    for moment in minutes:
        value = demand(moment, end, random)
        if value is not None:
            yield f'requests_per_second{{service="checkout"}} {value:.3f} {moment.timestamp():.0f}'
    yield "# TYPE kube_deployment_status_replicas_available gauge"
    labels = 'namespace="shop",deployment="checkout"'
    for moment in minutes[::5]:
        yield f"kube_deployment_status_replicas_available{{{labels}}} 18 {moment.timestamp():.0f}"
    yield "# EOF"


def _is_ready(url: str, child: Child) -> bool:
    child.require_alive()
    try:
        return httpx.get(f"{url}/-/ready", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
