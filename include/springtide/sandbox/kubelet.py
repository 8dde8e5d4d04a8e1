"""The kubelet: a pod's life from its place on the node to its end, on the timeline.

Pending → ContainerCreating → Running → Ready by the readiness probe → terminating: preStop, SIGTERM, the app drains,
SIGKILL at the end of the grace period → gone. Left out: init containers, liveness and startup probes, volumes.
"""

from __future__ import annotations

import re
from functools import partial

from springtide.sandbox.containers import Container, PodRuntime
from springtide.sandbox.core import Core
from springtide.sandbox.objects import Json, Ref, is_terminating, with_metadata
from springtide.sandbox.probes import ReadinessProbes
from springtide.sandbox.reporting import PodReporter
from springtide.sandbox.runtime import Process, Runtime
from springtide.sandbox.starting import FIRST_BACKOFF, LAST_BACKOFF, ContainerStarter
from springtide.sandbox.store import Change

_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")


class Kubelet:
    """Runs the pods of every node."""

    def __init__(self, core: Core, processes: Runtime) -> None:
        self.core = core
        self.pods: dict[Ref, PodRuntime] = {}
        self._processes = processes
        self._reporter = PodReporter(core)
        self._probes = ReadinessProbes(self._reporter, processes)
        self._starter = ContainerStarter(self._reporter, self._follow)

    def saw(self, change: Change) -> None:
        """Follow the pods that are placed here."""
        if change.ref.resource != "pods":
            return
        pod = change.object
        runtime = self.pods.get(change.ref)
        if runtime is not None and runtime.uid != pod["metadata"]["uid"]:
            return
        if change.type == "DELETED":
            if runtime is not None:
                self._forget(runtime)
        elif runtime is None:
            if self._is_placed(pod) and pod["status"].get("phase") not in {"Succeeded", "Failed"}:
                self._accept(change.ref, pod)
        elif is_terminating(pod):
            self._terminate(runtime, pod["metadata"]["deletionGracePeriodSeconds"])

    def _is_placed(self, pod: Json) -> bool:
        """Say whether a pod stands on a node that there is: on another one nobody runs it."""
        name = pod["spec"].get("nodeName")
        return bool(name) and self.core.store.get(Ref("nodes", "", name)) is not None

    def find(self, address: str, port: int) -> Process | None:
        """Return the process that listens on an address and port."""
        for runtime in self.pods.values():
            if runtime.address == address:
                for container in runtime.containers:
                    process = container.process
                    if process is not None and process.listening and port in process.ports:
                        return process
        return None

    def disturb(self, ref: Ref, *, broken: bool) -> None:
        """Make a pod's app unready, or well again; its readiness probe will find out.

        Raises:
            KeyError: no such pod runs.
        """
        runtime = self.pods[ref]
        for container in runtime.containers:
            if container.process is not None:
                container.process.app.broken = broken
                self._probes.again(runtime, container)

    def crash(self, ref: Ref) -> None:
        """End a pod's processes with exit code 1, now.

        Raises:
            KeyError: no such pod runs.
        """
        runtime = self.pods[ref]
        for container in runtime.containers:
            if container.process is not None:
                self._crash(runtime, container, container.process)

    def _accept(self, ref: Ref, pod: Json) -> None:
        runtime = PodRuntime(
            ref=ref,
            uid=pod["metadata"]["uid"],
            spec=pod["spec"],
            containers=[Container(spec=spec) for spec in pod["spec"]["containers"]],
            started=self.core.stamp(),
        )
        self.pods[ref] = runtime
        if is_terminating(pod):
            self._terminate(runtime, 0)
            return
        self._reporter.after(runtime, self.core.about(self.core.settings.start), partial(self._start, runtime))

    def _start(self, runtime: PodRuntime) -> None:
        if runtime.terminating:
            return
        runtime.address = self.core.network.pod_address()
        for container in runtime.containers:
            self._starter.pull(runtime, container)
        self._reporter.report(runtime)

    def _follow(self, runtime: PodRuntime, container: Container, process: Process) -> None:
        """Start the process of a container, and plan its probes and its crash."""
        self._processes.start(process)
        crash = process.app.behaviour.crash
        if crash:
            self._reporter.after(runtime, crash, partial(self._crash, runtime, container, process))
        self._probes.begin(runtime, container)

    def _crash(self, runtime: PodRuntime, container: Container, process: Process) -> None:
        if container.process is not process or process.killed:
            return
        self._processes.kill(process)
        container.process = None
        container.ready = False
        started = container.state.get("running", {}).get("startedAt")
        ended = {"startedAt": started, "exitCode": 1, "reason": "Error", "finishedAt": self.core.stamp()}
        container.last_state = {"terminated": ended}
        container.state = {"terminated": ended}
        if runtime.terminating:
            self._exited(runtime)
            return
        self._restart_later(runtime, container)
        self._reporter.report(runtime)

    def _restart_later(self, runtime: PodRuntime, container: Container) -> None:
        """Restart at once the first time, then after 10 s, doubled each time up to 5 min."""
        container.crashes += 1
        restart = partial(self._restart, runtime, container)
        if container.crashes == 1:
            self._reporter.after(runtime, self.core.about(1.0), restart)
            return
        backoff = min(FIRST_BACKOFF * 2.0 ** (container.crashes - 2), LAST_BACKOFF)
        pod = f"{runtime.ref.name}_{runtime.ref.namespace}({runtime.uid})"
        name = container.spec["name"]
        message = f"back-off {_go_duration(backoff)} restarting failed container={name} pod={pod}"
        container.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self._reporter.warn(runtime, "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        self._reporter.after(runtime, backoff, restart)

    def _restart(self, runtime: PodRuntime, container: Container) -> None:
        if runtime.terminating or container.process is not None:
            return
        container.restarts += 1
        self._starter.run(runtime, container)
        self._reporter.report(runtime)

    def _terminate(self, runtime: PodRuntime, grace: float) -> None:
        """Begin the end of a pod, or bring it nearer."""
        if runtime.kill_timer is not None:
            runtime.kill_timer.cancel()
        runtime.kill_timer = self._reporter.after(runtime, grace, partial(self._kill, runtime))
        if runtime.terminating:
            return
        runtime.terminating = True
        if not runtime.is_running:
            self._exited(runtime)
            return
        for container in runtime.containers:
            if container.process is not None:
                # a hook has no time of its own: the grace period runs on while it does
                wait = min(_pre_stop(container.spec), grace)
                term = partial(self._sigterm, runtime, container, container.process)
                self._reporter.after(runtime, wait, term)

    def _sigterm(self, runtime: PodRuntime, container: Container, process: Process) -> None:
        if not process.killed:
            self._processes.terminate(process, partial(self._ended, runtime, container, process))

    def _ended(self, runtime: PodRuntime, container: Container, process: Process) -> None:
        if container.process is process:
            container.process = None
            self._exited(runtime)

    def _kill(self, runtime: PodRuntime) -> None:
        self._kill_all(runtime)
        self._exited(runtime)

    def _kill_all(self, runtime: PodRuntime) -> None:
        for container in runtime.containers:
            if container.process is not None:
                self._processes.kill(container.process)
                container.process = None

    def _exited(self, runtime: PodRuntime) -> None:
        """Take the pod's object away once its last container has ended."""
        if not runtime.is_running:
            self._reporter.after(runtime, self.core.about(self.core.settings.gone), partial(self._remove, runtime))

    def _remove(self, runtime: PodRuntime) -> None:
        pod = self.core.store.get(runtime.ref)
        if pod is not None and pod["metadata"]["uid"] == runtime.uid:
            # a grace period of 0 tells the API server that the node is done with the pod
            ended = self.core.store.put(runtime.ref, with_metadata(pod, deletionGracePeriodSeconds=0))
            self.core.writes.finish(runtime.ref, ended)

    def _forget(self, runtime: PodRuntime) -> None:
        """Clean up after a pod whose object is gone."""
        runtime.gone = True
        self._kill_all(runtime)
        del self.pods[runtime.ref]
        if runtime.address:
            self.core.network.release(runtime.address)


def _pre_stop(container: Json) -> float:
    """Return the seconds that a container's preStop hook takes: a sleep action, or a command that sleeps."""
    hook = container.get("lifecycle", {}).get("preStop", {})
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds", 0))
    command = _SLEEP.search(" ".join(hook.get("exec", {}).get("command", ())))
    return float(command[1]) if command else 0.0


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
