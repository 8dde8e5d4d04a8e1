"""The kubelet: a pod's life from its place on the node to its end, on the timeline.

Pending → ContainerCreating → Running → Ready by the readiness probe → terminating: preStop, SIGTERM, the app drains,
SIGKILL at the end of the grace period → gone. Left out: init containers, liveness and startup probes, volumes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from springtide.sandbox.app import App
from springtide.sandbox.controllers.scheduling import NODE
from springtide.sandbox.core import Core
from springtide.sandbox.environment import ConfigError, resolve
from springtide.sandbox.images import Trouble, pull_trouble
from springtide.sandbox.objects import Json, Ref, is_terminating, with_metadata
from springtide.sandbox.podstatus import pod_status
from springtide.sandbox.runtime import Process, Runtime
from springtide.sandbox.store import Change
from springtide.sandbox.timeline import Timer

_FIRST_BACKOFF, _LAST_BACKOFF = 10.0, 300.0
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")


@dataclass(eq=False)
class Box:
    """One container of a pod on the node."""

    spec: Json
    state: Json = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Json = field(default_factory=dict)
    process: Process | None = None
    ready: bool = False
    restarts: int = 0
    crashes: int = 0
    passed: int = 0  # probes in a row
    failed: int = 0
    probing: Timer | None = None
    pulls: int = 0

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that the container listens on."""
        return tuple(port["containerPort"] for port in self.spec.get("ports", ()))


@dataclass(eq=False)
class Worker:
    """A pod on the node."""

    ref: Ref
    uid: str
    spec: Json
    boxes: list[Box]
    address: str = ""
    started: str = ""
    terminating: bool = False
    kill_timer: Timer | None = None
    gone: bool = False
    ready_since: dict[str, tuple[bool, str]] = field(default_factory=dict)  # condition → (status, since)


class Kubelet:
    """Runs the pods of the node."""

    def __init__(self, core: Core, runtime: Runtime) -> None:
        self.core = core
        self.runtime = runtime
        self.workers: dict[Ref, Worker] = {}

    def saw(self, change: Change) -> None:
        """Follow the pods that are placed here."""
        if change.ref.resource != "pods":
            return
        pod, worker = change.object, self.workers.get(change.ref)
        if worker is not None and worker.uid != pod["metadata"]["uid"]:
            return
        if change.type == "DELETED":
            if worker is not None:
                self._forget(worker)
        elif worker is None:
            if pod["spec"].get("nodeName") == NODE and pod["status"].get("phase") not in {"Succeeded", "Failed"}:
                self._accept(change.ref, pod)
        elif is_terminating(pod):
            self._terminate(worker, pod["metadata"]["deletionGracePeriodSeconds"])

    def find(self, address: str, port: int) -> Process | None:
        """Return the process that listens on an address and port."""
        for worker in self.workers.values():
            if worker.address == address:
                for box in worker.boxes:
                    process = box.process
                    if process is not None and process.listening and port in process.ports:
                        return process
        return None

    def _accept(self, ref: Ref, pod: Json) -> None:
        boxes = [Box(spec) for spec in pod["spec"]["containers"]]
        worker = Worker(ref, pod["metadata"]["uid"], pod["spec"], boxes, started=self.core.stamp())
        self.workers[ref] = worker
        if is_terminating(pod):
            self._terminate(worker, 0)
            return
        self._after(worker, self.core.about(self.core.settings.start), partial(self._start, worker))

    def _after(self, worker: Worker, seconds: float, action: Callable[[], None]) -> Timer:
        def run() -> None:
            if not worker.gone:
                action()

        return self.core.timeline.after(seconds, run)

    def _start(self, worker: Worker) -> None:
        if worker.terminating:
            return
        worker.address = self.core.network.pod_address()
        for box in worker.boxes:
            self._pull(worker, box)
        self._report(worker)

    def _pull(self, worker: Worker, box: Box) -> None:
        """Start a container if its image is there; else say why not and try again later."""
        trouble = pull_trouble(box.spec["image"], box.spec.get("imagePullPolicy", ""), self.core.images)
        if trouble is None:
            self._run(worker, box)
            return
        wait = self.core.settings.pull if trouble.needs_pull else 0.0
        self._after(worker, wait, partial(self._pull_failed, worker, box, trouble))

    def _pull_failed(self, worker: Worker, box: Box, trouble: Trouble) -> None:
        if worker.terminating:
            return
        box.state = {"waiting": {"reason": trouble.reason, "message": trouble.message}}
        self._tell(worker, "Failed", f'Failed to pull image "{box.spec["image"]}": {trouble.message}')
        self._report(worker)
        backoff = min(_FIRST_BACKOFF * 2.0**box.pulls, _LAST_BACKOFF)
        box.pulls += 1
        if trouble.needs_pull:
            self._after(worker, min(1.0, backoff), partial(self._pull_backs_off, worker, box))
        self._after(worker, backoff, partial(self._pull_again, worker, box))

    def _pull_backs_off(self, worker: Worker, box: Box) -> None:
        if not worker.terminating and "waiting" in box.state:
            why = box.state["waiting"]
            message = f'Back-off pulling image "{box.spec["image"]}": {why["reason"]}: {why["message"]}'
            box.state = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
            self._report(worker)

    def _pull_again(self, worker: Worker, box: Box) -> None:
        if not worker.terminating:
            self._pull(worker, box)
            self._report(worker)

    def _run(self, worker: Worker, box: Box) -> None:
        pod = self.core.store.get(worker.ref)
        if pod is None:
            return
        try:
            env = resolve(box.spec, pod, self.core.store)
        except ConfigError as error:
            self._config_failed(worker, box, str(error))
            return
        app = App(worker.ref.name, env, self.core.timeline.elapsed, self.core.luck)
        box.process = Process(app, worker.address, box.ports)
        box.state = {"running": {"startedAt": self.core.stamp()}}
        box.passed = box.failed = 0
        box.ready = "readinessProbe" not in box.spec
        self.runtime.start(box.process)
        if app.behaviour.crash:
            self._after(worker, app.behaviour.crash, partial(self._crash, worker, box, box.process))
        probe = box.spec.get("readinessProbe")
        if probe:
            seen = self.core.about(self.core.settings.notice)
            self._plan_probe(worker, box, max(seen, float(probe.get("initialDelaySeconds", 0))))

    def _config_failed(self, worker: Worker, box: Box, message: str) -> None:
        box.state = {"waiting": {"reason": "CreateContainerConfigError", "message": message}}
        self._tell(worker, "Failed", f"Error: {message}")
        self._after(worker, _FIRST_BACKOFF, partial(self._pull_again, worker, box))

    def _plan_probe(self, worker: Worker, box: Box, seconds: float) -> None:
        if box.probing is not None:
            box.probing.cancel()
        box.probing = self._after(worker, seconds, partial(self._probe, worker, box))

    def _probe(self, worker: Worker, box: Box) -> None:
        process = box.process
        if process is None:
            return
        probe: Json = box.spec["readinessProbe"]
        self.runtime.probe(process, probe, partial(self._probed, worker, box, process))

    def _probed(self, worker: Worker, box: Box, process: Process, passed: bool) -> None:  # noqa: FBT001  a callback
        if worker.gone or box.process is not process:
            return
        probe: Json = box.spec["readinessProbe"]
        box.passed, box.failed = (box.passed + 1, 0) if passed else (0, box.failed + 1)
        settled = box.passed >= probe["successThreshold"] if passed else box.failed >= probe["failureThreshold"]
        if settled and not passed:
            self._tell(worker, "Unhealthy", f"Readiness probe failed: {_probe_words(process, probe, self.core)}")
        if settled and box.ready is not passed:
            box.ready = passed
            self._report(worker)
        period = float(probe["periodSeconds"])
        if not settled:
            self._plan_probe(worker, box, period)
            return
        # nothing changes before then: leave out the probes that can only say the same again
        change = self.runtime.steady_until(process)
        if change is not None:
            periods = max(1, -int(-(change - self.core.timeline.elapsed) // period))
            self._plan_probe(worker, box, periods * period)

    def disturb(self, ref: Ref, *, broken: bool) -> None:
        """Make a pod's app unready, or well again; its readiness probe will find out.

        Raises:
            KeyError: no such pod runs.
        """
        worker = self.workers[ref]
        for box in worker.boxes:
            if box.process is not None:
                box.process.app.broken = broken
                if box.spec.get("readinessProbe"):
                    phase = self.core.luck.random() * float(box.spec["readinessProbe"]["periodSeconds"])
                    self._plan_probe(worker, box, phase)

    def crash(self, ref: Ref) -> None:
        """End a pod's processes with exit code 1, now.

        Raises:
            KeyError: no such pod runs.
        """
        worker = self.workers[ref]
        for box in worker.boxes:
            if box.process is not None:
                self._crash(worker, box, box.process)

    def _crash(self, worker: Worker, box: Box, process: Process) -> None:
        if box.process is not process or process.killed:
            return
        self.runtime.kill(process)
        box.process, box.ready = None, False
        ended = {"exitCode": 1, "reason": "Error", "finishedAt": self.core.stamp()}
        box.last_state = {"terminated": {"startedAt": box.state.get("running", {}).get("startedAt"), **ended}}
        box.state = {"terminated": box.last_state["terminated"]}
        if worker.terminating:
            self._exited(worker)
            return
        self._restart_later(worker, box)
        self._report(worker)

    def _restart_later(self, worker: Worker, box: Box) -> None:
        """Restart at once the first time, then after 10 s, doubled each time up to 5 min."""
        box.crashes += 1
        if box.crashes == 1:
            self._after(worker, self.core.about(1.0), partial(self._restart, worker, box))
            return
        backoff = min(_FIRST_BACKOFF * 2.0 ** (box.crashes - 2), _LAST_BACKOFF)
        pod = f"{worker.ref.name}_{worker.ref.namespace}({worker.uid})"
        message = f"back-off {_go_duration(backoff)} restarting failed container={box.spec['name']} pod={pod}"
        box.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self._tell(worker, "BackOff", f"Back-off restarting failed container {box.spec['name']} in pod {pod}")
        self._after(worker, backoff, partial(self._restart, worker, box))

    def _restart(self, worker: Worker, box: Box) -> None:
        if worker.terminating or box.process is not None:
            return
        box.restarts += 1
        self._run(worker, box)
        self._report(worker)

    def _terminate(self, worker: Worker, grace: float) -> None:
        """Begin the end of a pod, or bring it nearer."""
        if worker.kill_timer is not None:
            worker.kill_timer.cancel()
        worker.kill_timer = self._after(worker, grace, partial(self._kill, worker))
        if worker.terminating:
            return
        worker.terminating = True
        if not any(box.process for box in worker.boxes):
            self._exited(worker)
            return
        for box in worker.boxes:
            if box.process is not None:
                term = partial(self._sigterm, worker, box, box.process)
                self._after(worker, min(_pre_stop(box.spec), grace), term)

    def _sigterm(self, worker: Worker, box: Box, process: Process) -> None:
        if not process.killed:
            self.runtime.terminate(process, partial(self._ended, worker, box, process))

    def _ended(self, worker: Worker, box: Box, process: Process) -> None:
        if box.process is process:
            box.process = None
            self._exited(worker)

    def _kill(self, worker: Worker) -> None:
        for box in worker.boxes:
            if box.process is not None:
                self.runtime.kill(box.process)
                box.process = None
        self._exited(worker)

    def _exited(self, worker: Worker) -> None:
        """Take the pod's object away once its last container has ended."""
        if not any(box.process for box in worker.boxes):
            self._after(worker, self.core.about(self.core.settings.gone), partial(self._remove, worker))

    def _remove(self, worker: Worker) -> None:
        pod = self.core.store.get(worker.ref)
        if pod is not None and pod["metadata"]["uid"] == worker.uid:
            ended = self.core.store.put(worker.ref, with_metadata(pod, deletionGracePeriodSeconds=0))
            self.core.writes.finish(worker.ref, ended)

    def _forget(self, worker: Worker) -> None:
        """Clean up after a pod whose object is gone."""
        worker.gone = True
        for box in worker.boxes:
            if box.process is not None:
                self.runtime.kill(box.process)
                box.process = None
        del self.workers[worker.ref]
        if worker.address:
            self.core.network.release(worker.address)

    def _report(self, worker: Worker) -> None:
        pod = self.core.store.get(worker.ref)
        if pod is not None and pod["metadata"]["uid"] == worker.uid:
            status = pod_status(worker, pod, self.core.stamp(), self.core.network.node)
            self.core.store.put(worker.ref, {**pod, "status": status})

    def _tell(self, worker: Worker, reason: str, message: str) -> None:
        pod = self.core.store.get(worker.ref)
        if pod is not None:
            self.core.event(pod, "Warning", reason, message)


def _pre_stop(container: Json) -> float:
    """Return the seconds that a container's preStop hook takes: a sleep action, or a command that sleeps."""
    hook = container.get("lifecycle", {}).get("preStop", {})
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds", 0))
    found = _SLEEP.search(" ".join(hook.get("exec", {}).get("command", ())))
    return float(found[1]) if found else 0.0


def _probe_words(process: Process, probe: Json, core: Core) -> str:
    get = probe.get("httpGet")
    if get is None or not process.listening:
        return "dial tcp: connect: connection refused"
    status = process.app.answer(get.get("path", "/"), core.timeline.elapsed).status
    return f"HTTP probe failed with statuscode: {status}"


def _go_duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
