"""Runs whose process is killed or frozen in a chosen phase, and what `springtide reconcile` makes of all of them."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from e2e.live_load import RATE
from e2e.manifests import NAME
from springtide import labels
from springtide.run.state import Phase
from springtide.workload import Workload

if TYPE_CHECKING:
    import subprocess

    from e2e.manifests import Json
    from e2e.observer import Observer
    from e2e.scenario import Scenario
    from e2e.stages import When

SECONDS_TO_THE_PHASE = 120
LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Journal:
    """What the Lease says of a run."""

    run_id: str
    holder: str
    started: tuple[str, ...]
    done: tuple[str, ...]
    outcome: str
    written_at: datetime

    @classmethod
    def read(cls, see: Observer) -> Self | None:
        """Return what the Lease says now; None when there is no Lease yet."""
        name = Workload(namespace="", deployment=NAME, service=NAME).lease_name
        leases = [each for each in see.objects("leases") if each["metadata"]["name"] == name]
        text = leases[0]["metadata"].get("annotations", {}).get(labels.STATE) if leases else None
        if text is None:
            return None
        state: Json = json.loads(text)
        holder = leases[0]["spec"].get("holderIdentity") or ""
        at = datetime.fromisoformat(leases[0]["spec"]["renewTime"])
        with_status = [(entry["phase"], entry["status"]) for entry in state["journal"]]
        started, done = (
            tuple(phase for phase, status in with_status if status == wanted) for wanted in ("started", "done")
        )
        return cls(state["run_id"], holder, started, done, state["outcome"] or "", at)

    @property
    def phase(self) -> str:
        """The phase that began last."""
        return self.started[-1] if self.started else Phase.CALCULATE_CAPACITY.value

    @property
    def is_proven(self) -> bool:
        """Whether the smoke test has passed, so that the run is finished and not undone."""
        return Phase.SMOKE_TEST.value in self.done


@dataclass(slots=True)
class Struck:
    """A run whose process was struck in a phase, under load."""

    when: When
    process: subprocess.Popen[str]
    journal: Journal

    @property
    def scenario(self) -> Scenario:
        """What the stages share."""
        return self.when.scenario


def strike(when: When, phase: Phase, *, to: int, with_signal: signal.Signals = signal.SIGKILL) -> Struck:
    """Begin a run and send its process a signal as soon as the Lease says that `phase` has begun."""
    process = begin_up_to(when, phase, to=to)
    process.send_signal(with_signal)
    if with_signal is signal.SIGKILL:
        process.communicate(timeout=10)
    time.sleep(0.2)  # what was on its way to the API server arrives
    last = Journal.read(when.scenario.see)
    assert last is not None
    return Struck(when, process, last)


def begin_up_to(
    when: When, phase: Phase, *, to: int, within: float = SECONDS_TO_THE_PHASE, look: float = LOOK_SECONDS
) -> subprocess.Popen[str]:
    """Begin a run, and return its process as soon as the Lease says that `phase` has begun.

    It has so many seconds to come there, and the Lease is read every `look` seconds.
    """
    process = when.begin(to=to, by="blue_green")
    deadline = time.monotonic() + within
    see = when.scenario.see
    while (journal := Journal.read(see)) is None or phase.value not in journal.started:
        assert process.poll() is None, f"it ended before {phase.value}: {process.communicate()}"
        assert time.monotonic() < deadline, f"{phase.value} did not begin\n{see.describe()}"
        time.sleep(look)
    return process


RATE_OF_EACH = RATE // 5
"""Eight workloads are under load at once."""
