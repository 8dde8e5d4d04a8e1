"""1,000 posts by 50 clients: `python -m benchmarks.web benchmarks/results/web.md`, on the path that the page names."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.web.server import SERVICES

CLIENTS = 50
POSTS = 1000
AGAIN = 4
LIMIT_MS = 300
HEADERS = {"Authorization": "Bearer ann"}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one thousand posts came to."""

    name: str
    seconds: list[float]
    statuses: Counter[int]
    runs: int
    processor: float
    rss: int
    load: float

    def line(self) -> str:
        """Return the row of the table."""
        told = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        cells = [self.name, f"{self.at(0.5):.0f}", f"{self.at(0.99):.0f}", f"{self.processor * 1000 / POSTS:.1f}"]
        return f"| {' | '.join(cells)} | {told} | {self.runs} | {self.rss / 1024:.0f} | {self.load:.1f} |"

    def at(self, share: float) -> float:
        """Return within how many milliseconds that share was answered."""
        return sorted(self.seconds)[int(len(self.seconds) * share)] * 1000


def rss(pid: int) -> int:
    """Return the resident memory of a process in KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0])


def processor_seconds(pid: int) -> float:
    """Return what a process took of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


Sessions = list[httpx.AsyncClient]


async def play(sessions: Sessions, name: str, paths: list[str], keys: list[str], pid: int) -> Round:
    """Send one post for each path, by all clients side by side."""
    work = list(zip(paths, keys, strict=True))
    seconds: list[float] = []
    statuses: Counter[int] = Counter()
    runs: set[str] = set()
    before = processor_seconds(pid)

    async def client(session: httpx.AsyncClient) -> None:
        while work:
            path, key = work.pop()
            began = time.monotonic()
            answer = await session.post(path, headers={"Idempotency-Key": key} if key else {})
            seconds.append(time.monotonic() - began)
            statuses[answer.status_code] += 1
            if answer.status_code in {200, 202}:
                runs.add(answer.json()["run_id"])

    await asyncio.gather(*map(client, sessions))
    return Round(
        name=name,
        seconds=seconds,
        statuses=statuses,
        runs=len(runs),
        processor=processor_seconds(pid) - before,
        rss=rss(pid),
        load=os.getloadavg()[0],
    )


async def rounds(url: str, pid: int) -> list[Round]:
    """Play every round with the same clients: what it takes to make one is not the server's."""
    async with AsyncExitStack() as open_clients:
        made = [httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=60) for _ in range(CLIENTS)]
        return await every_round([await open_clients.enter_async_context(each) for each in made], pid)


async def every_round(sessions: Sessions, pid: int) -> list[Round]:
    """Play the rounds; the first warms the server up."""
    each = [f"/scale/?name=service-{number % SERVICES}&pods=3" for number in range(POSTS)]
    one = ["/scale/?name=web&pods=3"] * POSTS
    none = [""] * POSTS
    return [
        await play(sessions, "one key, one service, cold", one, ["order-1"] * POSTS, pid),
        await play(sessions, "one key, one service", one, ["order-1"] * POSTS, pid),
        await play(sessions, "one service, no key", one, none, pid),
        await play(sessions, "1,000 services, first", each, none, pid),
        *[await play(sessions, "1,000 services again", each, none, pid) for _ in range(AGAIN)],
    ]


def verdict(played: list[Round]) -> list[str]:
    """Return the sentences that hold the rounds against the limits."""
    over = [each for each in played if each.at(0.99) > LIMIT_MS]
    last = [each.rss for each in played[-3:]]
    return [
        f"The limit is a p99 of {LIMIT_MS} ms: {len(played) - len(over)} of {len(played)} rounds are within it.",
        f"Memory over the last three rounds: {(max(last) / min(last) - 1) * 100:.1f} % between least and most.",
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
    cores = os.cpu_count() or 1
    lines = [
        "# REST under load",
        "",
        f"1,000 posts of `/scale/` by {CLIENTS} clients over loopback; both share {cores} cores.",
        f"Measured with Python {platform.python_version()}.",
        "The store is SQLite; the cluster is simulated, and DAG runs are only counted.",
        f"The load of the machine was {load:.1f} before it began.",
        "",
        "Processor time is the server's own, and does not wait for others; load is the machine's after the round.",
        "",
        "| posts | p50 ms | p99 ms | processor ms a post | answers | runs | memory of the server, MiB | load |",
        "|---|---|---|---|---|---|---|---|",
        *(each.line() for each in played),
        "",
        *verdict(played),
        f"{len(started)} runs were started in all, {len(set(started))} of them different.",
        "",
        "`PYTHONPATH=include:plugins:tests:. python -m benchmarks.web benchmarks/results/web.md` makes this page.",
    ]
    page.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
