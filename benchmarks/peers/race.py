"""`python -m benchmarks peers`: every contender, round after round, on one cluster and under the same load.

    PYTHONPATH=tests tests/cluster/cluster exec .venv/bin/python -m benchmarks peers [--rounds 3]

A round takes about 12 minutes: each contender gets a namespace of its own with three pods of the same kind, is asked
for six and then for three again, and every request of the load counts. The next round begins with the next contender.
"""

from __future__ import annotations

import csv
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peers.contenders import CONTENDERS, MANIFESTS, Contender, Stage
from benchmarks.peers.controller import argo_rollouts, kubectl
from benchmarks.peers.measured import RAW_COLUMNS, Answered, Measured, failure, measured
from benchmarks.peers.samples import Move
from benchmarks.peers.told import PeersTable, told, versions
from benchmarks.peers.watch import Watch
from benchmarks.table import RESULTS
from cluster.build import say
from e2e.live_load import LiveLoad, answers
from e2e.manifests import PORT
from e2e.observer import Observer
from e2e.real_cluster import is_ours
from springtide.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOW: Final = 3
HIGH: Final = 6
RATE: Final = 150
"""Requests per second and kind of connection: 300 together."""
LEAD_SECONDS: Final = 5
"""How long the load goes on before a move."""
TRAIL_SECONDS: Final = 4
"""How long it goes on after one: longer than the last pod drains."""
SETTLE_SECONDS: Final = 120
LOAD_SECONDS: Final = 600
MINUTES_A_ROUND: Final = 25
"""No contender is begun any more after so many minutes a round; what is missing is seen in the table."""

Results = dict[tuple[Contender, Move], list[Measured]]


def measure(rounds: int) -> PeersTable:
    """Return the table, and keep every single measurement as benchmarks/results/peers.csv.

    Raises:
        InputError: this is not run inside a cluster of tests/cluster (another one may be somebody's), or Argo Rollouts
            cannot be had here.
    """
    if "KUBECONFIG" not in os.environ or not is_ours():
        wanted = "`tests/cluster/cluster exec .venv/bin/python -m benchmarks peers`"
        raise InputError(f"the peers are compared on a cluster of tests/cluster only: {wanted}", code="no_cluster")
    kubeconfig = Path(os.environ["KUBECONFIG"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was made in the cluster is taken away then, too
    results: Results = {}
    with tempfile.TemporaryDirectory(prefix="springtide-peers-") as folder:
        try:
            run_rounds(rounds, kubeconfig, Path(folder) / "argo-rollouts.log", results)
        finally:
            write_raw(results)
    return told(results, rounds=rounds, rate=2 * RATE, machine=versions())


def run_rounds(rounds: int, kubeconfig: Path, log: Path, results: Results) -> None:
    """Let everybody have all turns, while Argo Rollouts' controller runs."""
    deadline = time.monotonic() + rounds * MINUTES_A_ROUND * 60
    with argo_rollouts(log):
        for number in range(rounds):
            run_round(number, kubeconfig, deadline, results)


def run_round(number: int, kubeconfig: Path, deadline: float, results: Results) -> None:
    """Let each contender have its turn."""
    first = number % len(CONTENDERS)
    for contender in (*CONTENDERS[first:], *CONTENDERS[:first]):
        if time.monotonic() > deadline:
            say(f"round {number + 1}: no time left for {contender.who}, {contender.settings}")
            continue
        with stage(kubeconfig, contender) as (place, see):
            for move in (Move(LOW, HIGH, contender.fresh), Move(HIGH, LOW, contender.fresh)):
                came_to = run_move(contender, move, place, see)
                results.setdefault((contender, move), []).append(came_to)
                say(f"round {number + 1}: {contender.who}, {contender.settings}: {' '.join(came_to.cells())}")
                if came_to.problem:
                    break


@contextmanager
def stage(kubeconfig: Path, contender: Contender) -> Iterator[tuple[Stage, Observer]]:
    """Give a contender its workload, ready to answer, and take all of it away in the end."""
    see = Observer(kubeconfig, f"peers-{secrets.token_hex(4)}")
    see.create_namespace()
    try:
        kubectl("--namespace", see.namespace, "apply", f"--filename={MANIFESTS / contender.manifest}")
        see.until(f"{LOW} ready endpoints", lambda: len(see.ready_endpoints()) == LOW)
        see.until("the Service answers", partial(answers, url_of(see)))
        with tempfile.TemporaryDirectory(prefix="springtide-peers-") as folder:
            yield Stage(kubeconfig, see.namespace, Path(folder)), see
    finally:
        see.delete_namespace()
        see.close()


def url_of(see: Observer) -> str:
    """Return where the load goes."""
    return f"http://{see.get('services', 'web')['spec']['clusterIP']}:{PORT}/"


def run_move(contender: Contender, move: Move, place: Stage, see: Observer) -> Measured:
    """Change the replicas once under load."""
    load = LiveLoad(url_of(see), fresh=RATE, kept=RATE, longest=LOAD_SECONDS)
    try:
        time.sleep(LEAD_SECONDS)
        old = frozenset(see.ready_endpoints())
        with Watch(place.kubeconfig, place.namespace) as watch:
            problem = scale(contender, move, place)
            done = watch.now
            if not problem:
                until_settled(watch, move, old)
            load.watch_on(TRAIL_SECONDS)
        reports = load.stop()
    finally:
        load.kill()
    answered = Answered(
        requests=sum(each.requests for each in reports),
        failed=sum(each.failed for each in reports),
        rate=sum(each.raw["rate_achieved"] for each in reports),
        errors=tuple(error for each in reports for error in each.raw["errors"].items()),
    )
    if problem:
        return failure(move, problem, answered)
    return measured(watch.samples, move, old=old, done=done, load=answered)


def scale(contender: Contender, move: Move, place: Stage) -> str:
    """Return what went wrong, or nothing."""
    try:
        contender.scale(place, move.after)
    except InputError as error:
        return error.message
    except subprocess.TimeoutExpired as error:
        return f"not done after {error.timeout:g} s"
    return ""


def until_settled(watch: Watch, move: Move, old: frozenset[str]) -> None:
    """Wait until nothing is left to change, or for as long as that may take: the samples tell which of the two."""
    deadline = watch.now + SETTLE_SECONDS
    while not move.has_settled(watch.samples[-1], old) and watch.now < deadline:
        watch.require_alive()
        time.sleep(0.1)


def write_raw(results: Results) -> None:
    """Keep every single measurement."""
    rows: list[Sequence[str]] = [("who", "settings", *RAW_COLUMNS)]
    for (contender, _), rounds in results.items():
        rows += [(contender.who, contender.settings, *each.cells()) for each in rounds]
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "peers.csv").open("w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)
