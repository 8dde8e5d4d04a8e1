"""Readiness probes: when the kubelet probes a container, and what it makes of the results."""

from __future__ import annotations

from functools import partial

from springtide.sandbox.containers import Container, PodRuntime
from springtide.sandbox.objects import Json
from springtide.sandbox.reporting import PodReporter
from springtide.sandbox.runtime import Process, Runtime


class ReadinessProbes:
    """Probes the containers of the node that have a readiness probe."""

    def __init__(self, reporter: PodReporter, processes: Runtime) -> None:
        self._reporter = reporter
        self._core = reporter.core
        self._processes = processes

    def begin(self, runtime: PodRuntime, container: Container) -> None:
        """Start over with a container that has just begun to run; without a probe it is ready at once."""
        container.passed = 0
        container.failed = 0
        probe = container.spec.get("readinessProbe")
        container.ready = probe is None
        if probe:
            seen = self._core.about(self._core.settings.notice)
            self._plan(runtime, container, max(seen, float(probe.get("initialDelaySeconds", 0))))

    def again(self, runtime: PodRuntime, container: Container) -> None:
        """Probe at some time within the next period: something changed that only a probe can find out."""
        probe = container.spec.get("readinessProbe")
        if probe:
            self._plan(runtime, container, self._core.rng.random() * float(probe["periodSeconds"]))

    def _plan(self, runtime: PodRuntime, container: Container, seconds: float) -> None:
        if container.probing is not None:
            container.probing.cancel()
        container.probing = self._reporter.after(runtime, seconds, partial(self._probe, runtime, container))

    def _probe(self, runtime: PodRuntime, container: Container) -> None:
        process = container.process
        if process is None:
            return
        probe = on_numbered_port(container.spec["readinessProbe"], container.spec)
        self._processes.probe(process, probe, partial(self._probed, runtime, container, process))

    def _probed(self, runtime: PodRuntime, container: Container, process: Process, passed: bool) -> None:  # noqa: FBT001  a callback
        if runtime.gone or container.process is not process:
            return
        probe: Json = container.spec["readinessProbe"]
        container.passed = container.passed + 1 if passed else 0
        container.failed = 0 if passed else container.failed + 1
        is_settled = container.passed >= probe["successThreshold"] or container.failed >= probe["failureThreshold"]
        if is_settled:
            self._settle(runtime, container, process, passed=passed)
        period = float(probe["periodSeconds"])
        if not is_settled:
            self._plan(runtime, container, period)
            return
        # nothing changes before then: leave out the probes that can only say the same again
        change = self._processes.steady_until(process)
        if change is not None:
            periods = max(1, -int(-(change - self._core.timeline.elapsed) // period))
            self._plan(runtime, container, periods * period)

    def _settle(self, runtime: PodRuntime, container: Container, process: Process, *, passed: bool) -> None:
        if not passed:
            why = self._failure(process, on_numbered_port(container.spec["readinessProbe"], container.spec))
            self._reporter.warn(runtime, "Unhealthy", f"Readiness probe failed: {why}")
        if container.ready is not passed:
            container.ready = passed
            self._reporter.report(runtime)

    def _failure(self, process: Process, probe: Json) -> str:
        get = probe.get("httpGet")
        if get is None or not process.listening or get["port"] not in process.ports:
            return "dial tcp: connect: connection refused"
        status = process.app.answer(get.get("path", "/"), self._core.timeline.elapsed).status
        return f"HTTP probe failed with statuscode: {status}"


def on_numbered_port(probe: Json, container: Json) -> Json:
    """Return a probe whose port is a number: a name is that of one of the container's ports, 0 when it has none such.

    Nobody listens on port 0, so a probe of a port that is not there fails, as it never succeeds on a real node.
    """
    for handler in ("httpGet", "tcpSocket"):
        if handler in probe:
            port = _port_number(probe[handler].get("port"), container)
            return {**probe, handler: {**probe[handler], "port": port}}
    return probe


def _port_number(port: int | str | None, container: Json) -> int:
    if isinstance(port, int):
        return port
    for declared in container.get("ports", ()):
        if declared.get("name") == port:
            number: int = declared["containerPort"]
            return number
    return int(port) if port and port.isdigit() else 0
