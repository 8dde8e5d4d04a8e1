"""Which cluster a command talks to, told before it does: a write in the wrong one cannot be taken back."""

from __future__ import annotations

from typing import Any

from springtide.cli.display import tell
from springtide.cli.options import Output
from springtide.errors import SpringtideError
from springtide.kube.kubeconfig import ClusterAddress
from springtide.run.ports import Ports


class ClusterNote:
    """Tells people once on stderr, however often a command opens a cluster; for programs it is in the answer."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._addresses: list[ClusterAddress] = []
        self._halted: list[str] = []

    def say(self, ports: Ports, *namespaces: str) -> None:
        """Tell which cluster `ports` lead to, and who has halted the writes in `namespaces`, if anybody can say."""
        address = ports.cluster_address
        if address is not None and address not in self._addresses:
            self._addresses.append(address)
            if self._output is Output.TABLE:
                tell(f"cluster: {address}")
        for namespace in namespaces:
            self._say_halt(ports, namespace)

    @property
    def record(self) -> dict[str, Any]:
        """The part of an answer for programs: `api_server` with context and server, `halted`; empty before `say`.

        Of several clusters it is the first one's, and `api_servers` has them all.
        """
        halted = {"halted": list(self._halted)} if self._halted else {}
        records = [address.to_record() for address in self._addresses]
        if not records:
            return halted
        return {"api_server": records[0]} | ({"api_servers": records} if records[1:] else {}) | halted

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
