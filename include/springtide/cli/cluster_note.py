"""Which cluster a command talks to, told before it does: a write in the wrong one cannot be taken back."""

from __future__ import annotations

from typing import Any

from springtide.cli.display import tell
from springtide.cli.options import Output
from springtide.errors import SpringtideError
from springtide.kube.kubeconfig import ClusterAddress
from springtide.run.ports import Ports


class ClusterNote:
    """Tells people once on stderr, however often a command opens the cluster; for programs it is in the answer."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._address: ClusterAddress | None = None
        self._halted: list[str] = []

    def say(self, ports: Ports, *namespaces: str) -> None:
        """Tell which cluster `ports` lead to, and who has halted the writes in `namespaces`, if anybody can say."""
        is_known = self._address is not None
        self._address = ports.cluster_address
        if self._address is not None and not is_known and self._output is Output.TABLE:
            tell(f"cluster: {self._address}")
        for namespace in namespaces:
            self._say_halt(ports, namespace)

    @property
    def record(self) -> dict[str, Any]:
        """The part of an answer for programs: `api_server` with context and server, `halted`; empty before `say`."""
        halted = {"halted": list(self._halted)} if self._halted else {}
        return halted if self._address is None else {"api_server": self._address.to_record()} | halted

    def _say_halt(self, ports: Ports, namespace: str) -> None:
        try:
            halt = ports.halt.pulled(ports.kube, ports.clock, namespace)
        except SpringtideError as error:  # the command goes on: it is its writes that ask, and are not done then
            self._say_once(f"whether writes in {namespace} are halted is not known: {error.message}")
            return
        if halt is not None:
            self._say_once(halt.banner)

    def _say_once(self, line: str) -> None:
        if line in self._halted:
            return
        self._halted.append(line)
        if self._output is Output.TABLE:
            tell(line)
