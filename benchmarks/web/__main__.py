"""1,000 posts by 50 clients: `python -m benchmarks.web benchmarks/results/web.md`, on the path that the page names."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.web.server import SERVICES

CLIENTS = 50
POSTS = 1000


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one thousand posts came to."""

    name: str
    seconds: list[float]
    statuses: Counter[int]
    runs: int
    rss_before: int
    rss_after: int

    def line(self) -> str:
        """Return the row of the table."""
        ordered = sorted(self.seconds)
        at = [ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99)]
        told = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        memory = f"{self.rss_before / 1024:.0f} → {self.rss_after / 1024:.0f}"
        return f"| {self.name} | {at[0]:.0f} | {at[1]:.0f} | {told} | {self.runs} | {memory} |"


def rss(pid: int) -> int:
    """Return the resident memory of a process in KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


async def play(url: str, name: str, paths: list[str], keys: list[str], pid: int) -> Round:
    """Send one post for each path, by fifty clients side by side."""
    work = list(zip(paths, keys, strict=True))
    seconds: list[float] = []
    statuses: Counter[int] = Counter()
    runs: set[str] = set()
    before = rss(pid)

    async def client() -> None:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer ann"}, timeout=30) as session:
            while work:
                path, key = work.pop()
                began = time.monotonic()
                answer = await session.post(path, headers={"Idempotency-Key": key} if key else {})
                seconds.append(time.monotonic() - began)
                statuses[answer.status_code] += 1
                if answer.status_code in {200, 202}:
                    runs.add(answer.json()["run_id"])

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    after = rss(pid)
    return Round(name=name, seconds=seconds, statuses=statuses, runs=len(runs), rss_before=before, rss_after=after)


async def rounds(url: str, pid: int) -> list[Round]:
    """Play every round: the first warms the server up and is not told."""
    each = [f"/scale/?name=service-{number % SERVICES}&pods=3" for number in range(POSTS)]
    one = ["/scale/?name=web&pods=3"] * POSTS
    none = [""] * POSTS
    await play(url, "warm", [f"{path}&dry=1" for path in one], none, pid)
    return [
        await play(url, "one key, one service", one, ["order-1"] * POSTS, pid),
        await play(url, "one service, no key", one, none, pid),
        await play(url, "1,000 services", each, none, pid),
        await play(url, "1,000 services again", each, none, pid),
    ]


def main(page: Path) -> None:
    """Serve in a process of its own, play, and write the page."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        server = subprocess.Popen([sys.executable, "-m", "benchmarks.web.server", place])
        while not folder.joinpath("url").exists():
            time.sleep(0.2)
        load = os.getloadavg()[0]
        played = asyncio.run(rounds(folder.joinpath("url").read_text(), server.pid))
        folder.joinpath("end").touch()
        server.wait(30)
        started = folder.joinpath("runs").read_text().splitlines()
    lines = [
        "# REST under load",
        "",
        f"1,000 posts of `/scale/` by {CLIENTS} clients over loopback; both share {os.cpu_count()} cores.",
        "The store is SQLite; the cluster is simulated, and DAG runs are only counted.",
        f"The load of the machine was {load:.1f} before it began.",
        "",
        "| posts | p50 ms | p99 ms | answers | runs | memory of the server, MiB |",
        "|---|---|---|---|---|---|",
        *(each.line() for each in played),
        "",
        f"{len(started)} runs were started in all, {len(set(started))} of them different.",
        "",
        "`PYTHONPATH=include:plugins:tests:. python -m benchmarks.web benchmarks/results/web.md` makes this page.",
    ]
    page.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
