"""A pod and its containers as they are on the node: what the kubelet keeps of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.runtime import Process
from springtide.sandbox.timeline import Timer


@dataclass(eq=False, kw_only=True)
class Container:
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

    @property
    def is_ready(self) -> bool:
        """Whether it runs and its readiness probe passed."""
        return self.ready and self.process is not None


@dataclass(eq=False, kw_only=True)
class PodRuntime:
    """A pod on the node."""

    ref: Ref
    uid: str
    spec: Json
    containers: list[Container]
    address: str = ""
    started: str = ""
    terminating: bool = False
    kill_timer: Timer | None = None
    gone: bool = False
    ready_since: dict[str, tuple[bool, str]] = field(default_factory=dict)  # condition → (status, since)

    @property
    def is_running(self) -> bool:
        """Whether a process of it is left."""
        return any(container.process for container in self.containers)
