"""From an image to a running container: pulls, their backoff, and the environment that the container gets."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from springtide.sandbox.app import App
from springtide.sandbox.containers import Container, PodRuntime
from springtide.sandbox.environment import ConfigError, resolve
from springtide.sandbox.images import PullError, pull_error
from springtide.sandbox.reporting import PodReporter
from springtide.sandbox.runtime import Process

FIRST_BACKOFF = 10.0  # seconds, doubled each time
LAST_BACKOFF = 300.0


class Started(Protocol):
    """Called once for each run of a container, with its new process."""

    def __call__(self, runtime: PodRuntime, container: Container, process: Process) -> None:
        """Follow the process."""
        ...


class ContainerStarter:
    """Makes processes of containers; what keeps one from starting is reported and tried again."""

    def __init__(self, reporter: PodReporter, started: Started) -> None:
        self._reporter = reporter
        self._core = reporter.core
        self._started = started

    def pull(self, runtime: PodRuntime, container: Container) -> None:
        """Run a container if its image is there; else say why not and try again later."""
        spec = container.spec
        error = pull_error(spec["image"], spec.get("imagePullPolicy", ""), self._core.images)
        if error is None:
            self.run(runtime, container)
            return
        wait = self._core.settings.pull if error.needs_pull else 0.0
        self._reporter.after(runtime, wait, partial(self._pull_failed, runtime, container, error))

    def _pull_failed(self, runtime: PodRuntime, container: Container, error: PullError) -> None:
        if runtime.terminating:
            return
        container.state = {"waiting": {"reason": error.reason, "message": error.message}}
        self._reporter.warn(runtime, "Failed", f'Failed to pull image "{container.spec["image"]}": {error.message}')
        self._reporter.report(runtime)
        backoff = min(FIRST_BACKOFF * 2.0**container.pulls, LAST_BACKOFF)
        container.pulls += 1
        if error.needs_pull:
            # the pull's own error shows for a second only: what people see is the backoff that follows it
            self._reporter.after(runtime, min(1.0, backoff), partial(self._back_off, runtime, container))
        self._reporter.after(runtime, backoff, partial(self._pull_again, runtime, container))

    def _back_off(self, runtime: PodRuntime, container: Container) -> None:
        if not runtime.terminating and "waiting" in container.state:
            why = container.state["waiting"]
            message = f'Back-off pulling image "{container.spec["image"]}": {why["reason"]}: {why["message"]}'
            container.state = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
            self._reporter.report(runtime)

    def _pull_again(self, runtime: PodRuntime, container: Container) -> None:
        if not runtime.terminating:
            self.pull(runtime, container)
            self._reporter.report(runtime)

    def run(self, runtime: PodRuntime, container: Container) -> None:
        """Make the process of a container whose image is there."""
        pod = self._core.store.get(runtime.ref)
        if pod is None:
            return
        try:
            environment = resolve(container.spec, pod, self._core.store)
        except ConfigError as error:
            self._config_failed(runtime, container, str(error))
            return
        app = App(runtime.ref.name, environment, self._core.timeline.elapsed, self._core.rng)
        process = Process(app=app, address=runtime.address, ports=container.ports)
        container.process = process
        container.state = {"running": {"startedAt": self._core.stamp()}}
        self._started(runtime, container, process)

    def _config_failed(self, runtime: PodRuntime, container: Container, message: str) -> None:
        container.state = {"waiting": {"reason": "CreateContainerConfigError", "message": message}}
        self._reporter.warn(runtime, "Failed", f"Error: {message}")
        self._reporter.after(runtime, FIRST_BACKOFF, partial(self._pull_again, runtime, container))
