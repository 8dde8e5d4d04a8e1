"""The app in the pods: a small web server whose behaviour the container's environment decides.

    GET /             200 "<pod name> <VERSION>" after WORK
    GET /healthz      200 "ok"
    GET /readiness    503 "starting" until STARTUP has passed, then 200 "ready"
    GET /metrics      http_requests_total in the text format of Prometheus
    any other path    404

    STARTUP, WORK, DRAIN, CRASH   Go durations ("1.5s", "200ms"): until ready; of each request; from SIGTERM to the end
                                  of listening; until the process exits with 1
    WORKERS                   how many requests the app works on at once; the others wait. 0 or none: all of them
    NEVER_READY               /readiness stays 503, unless the variable is empty
    FAIL_RATE, STATUS         the share of requests to / and /healthz that fail, and with what: STATUS alone makes all
                              of them fail, FAIL_RATE alone means status 500
    VERSION                   shown by /

A variable that cannot be read ends the process with exit code 1, as any app with a broken configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_LOWEST_STATUS = 200
_HIGHEST_STATUS = 599
_AT_ONCE = 0.01  # seconds that a process with a broken configuration lives


def seconds(text: str) -> float:
    """Return the seconds of a Go duration.

    Raises:
        ValueError: it is none.
    """
    parts = _PART.findall(text)
    if text != "0" and (not text or "".join(number + unit for number, unit in parts) != text):
        raise ValueError(f"{text!r}: a Go duration such as 250ms or 5s is expected")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What the environment makes of the app. Times are seconds."""

    startup: float = 0.0
    work: float = 0.0
    drain: float = 0.0
    crash: float = 0.0
    workers: int = 0
    never_ready: bool = False
    fail_rate: float = 0.0
    status: int = 500
    version: str = ""

    @classmethod
    def of(cls, env: dict[str, str]) -> Behaviour:
        """Read an environment.

        Raises:
            ValueError: a variable cannot be read.
        """
        durations = {
            name.lower(): seconds(env[name]) for name in ("STARTUP", "WORK", "DRAIN", "CRASH") if env.get(name)
        }
        status = int(env.get("STATUS") or 500)
        rate = float(env.get("FAIL_RATE") or (1.0 if env.get("STATUS") else 0.0))
        if not _LOWEST_STATUS <= status <= _HIGHEST_STATUS or not 0 <= rate <= 1:
            raise ValueError(f"STATUS={status}, FAIL_RATE={rate}: a status and a share from 0 to 1 are expected")
        return cls(
            **durations,
            workers=max(0, int(env.get("WORKERS") or 0)),
            never_ready=bool(env.get("NEVER_READY")),
            fail_rate=rate,
            status=status,
            version=env.get("VERSION", ""),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets, and how long the app works on it."""

    status: int
    body: str
    work: float = 0.0


class App:
    """One process of the app; times are seconds of the sandbox's timeline."""

    def __init__(self, pod: str, env: dict[str, str], started: float, rng: Random) -> None:
        self.pod = pod
        self.started = started
        self.requests = 0
        self.broken = False  # made unready from outside
        self.draining = False
        self._rng = rng
        try:
            self.behaviour = Behaviour.of(env)
        except ValueError:  # an app learns of its broken configuration when it starts, and ends
            self.behaviour = Behaviour(crash=_AT_ONCE)

    @property
    def ready_at(self) -> float | None:
        """When the app is ready, None for never."""
        ready = not self.broken and not self.behaviour.never_ready
        return self.started + self.behaviour.startup if ready else None

    def is_ready(self, now: float) -> bool:
        """Return whether /readiness answers 200."""
        return self.ready_at is not None and now >= self.ready_at

    def changes_at(self, now: float) -> float | None:
        """Return when the answer to a readiness probe will next change by itself."""
        return self.ready_at if self.ready_at is not None and now < self.ready_at else None

    def answer(self, path: str, now: float) -> Answer:
        """Answer a GET."""
        path = path.partition("?")[0]
        if path == "/readiness":
            return Answer(200, "ready\n") if self.is_ready(now) else Answer(503, "starting\n")
        if path == "/metrics":
            return Answer(200, f"# TYPE http_requests_total counter\nhttp_requests_total {self.requests}\n")
        if path not in {"/", "/healthz"}:
            return Answer(404, "404 page not found\n")
        if self._rng.random() < self.behaviour.fail_rate:
            return Answer(self.behaviour.status, "failing, as told\n")
        if path == "/healthz":
            return Answer(200, "ok\n")
        self.requests += 1
        return Answer(200, f"{self.pod} {self.behaviour.version}\n", self.behaviour.work)
