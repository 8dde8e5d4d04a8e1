"""The course of a soak: run after run, and a load that never pauses."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from e2e.live_load import LiveLoad, answers
from e2e.manifests import NAME, PORT, policy
from soak.table import Run, Soak

if TYPE_CHECKING:
    from e2e.command import Finished
    from e2e.live_load import Report
    from e2e.stages import Given

SMALL = 3
LARGE = 5
FRESH = 150
"""Requests a second on connections of their own. More would use up the local ports: a closed one keeps its for 60 s."""

KEPT = 250
"""Requests a second on connections that are kept."""

ROLL_BACK_EVERY = 5
"""Every fifth run has a smoke test that fails, so that it switches over and back again."""

RELAY_SECONDS = 600.0
"""How long one pair of generators sends; the next pair begins before it ends."""

LONGEST_SECONDS = 1200
READY_WITHIN = "120s"
TRAIL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """How long the course is: so many switchovers and requests, and no longer than so many seconds."""

    switchovers: int
    requests: int
    seconds: float


@dataclass
class Course:
    """One soak under way."""

    given: Given
    asked: Asked
    url: str
    load: LiveLoad
    started: float = field(default_factory=time.monotonic)
    relayed: float = field(default_factory=time.monotonic)
    replicas: int = SMALL
    runs: list[Run] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    @classmethod
    def under_load(cls, given: Given, asked: Asked) -> Self:
        """Make the workload, and let the load begin."""
        see = given.web(replicas=SMALL).scenario.see
        url = f"http://{see.get('services', NAME)['spec']['clusterIP']}:{PORT}/"
        see.until("the Service answers", lambda: answers(url))
        return cls(given, asked, url, _load(url))

    def go(self) -> None:
        """Scale to and fro until as much was done as was asked for, the time is over, or a run has lost its way."""
        while not self._is_over():
            run = self._switch_over()
            self.runs.append(run)
            say(f"{len(self.runs):4d} {run}")
            if run.has_lost_its_way:
                say(self.given.scenario.see.describe())
                return
            self._relay()

    def finish(self) -> Soak:
        """Let the load outlast the last run, stop it, and return what was counted."""
        self.load.watch_on(TRAIL_SECONDS)
        seconds = time.monotonic() - self.started
        self.reports += self.load.stop()
        return Soak(tuple(self.runs), tuple(self.reports), seconds)

    def kill(self) -> None:
        """Leave nothing running."""
        self.load.kill()

    def _is_over(self) -> bool:
        spent = time.monotonic() - self.started
        enough = len(self.runs) >= self.asked.switchovers and spent * (FRESH + KEPT) >= self.asked.requests
        return enough or spent >= self.asked.seconds

    def _switch_over(self) -> Run:
        """Scale once; where the run is undone, the replicas stay what they were."""
        scenario = self.given.scenario
        fails = len(self.runs) % ROLL_BACK_EVERY == ROLL_BACK_EVERY - 1
        path = "/not-there" if fails else "/healthz"
        late = ("smoke",) if fails else ()  # after the switch, as where the service breaks behind the preflight
        scenario.springtide.write_policy(
            policy(scenario.see.namespace, smoke_path=path, ready_within=READY_WITHIN, only_warn=late)
        )
        target = LARGE if self.replicas == SMALL else SMALL
        began = time.monotonic()
        finished = scenario.springtide.run(NAME, replicas=target, strategy="blue_green")
        run = Run.of(finished, self.replicas, target, seconds=time.monotonic() - began, fails=fails)
        if not run.is_as_meant:
            say(str(finished))
        self.replicas = target if run.outcome == "succeeded" else self.replicas
        self._require_whole(finished)
        return run

    def _require_whole(self, finished: Finished) -> None:
        ready = self.given.scenario.see.ready_endpoints()
        assert len(ready) == self.replicas, f"{finished}\n{ready}"

    def _relay(self) -> None:
        """Let fresh generators take over, without a pause, so that none sends for longer than it may."""
        self.load.require_alive()
        if time.monotonic() - self.relayed < RELAY_SECONDS:
            return
        before = self.load
        self.load = _load(self.url)
        self.relayed = time.monotonic()
        try:
            self.load.watch_on(2)
        finally:
            self.reports += before.stop()
        say(
            f"     {sum(report.requests for report in self.reports)} requests so far, "
            f"{sum(report.failed for report in self.reports)} failed"
        )


def say(line: str) -> None:
    """Show how far it is; at once, for somebody who reads along."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _load(url: str) -> LiveLoad:
    return LiveLoad(url, fresh=FRESH, kept=KEPT, longest=LONGEST_SECONDS)
