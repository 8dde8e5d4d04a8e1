"""Which cluster a command talks to, told before it does: a write in the wrong one cannot be taken back."""

from __future__ import annotations

from typing import Any

from springtide.cli.display import tell
from springtide.cli.options import Output
from springtide.kube.kubeconfig import ClusterAddress
from springtide.run.ports import Ports


class ClusterNote:
    """Tells people once on stderr, however often a command opens a cluster; for programs it is in the answer."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._addresses: list[ClusterAddress] = []

    def say(self, ports: Ports) -> None:
        """Tell which cluster `ports` lead to."""
        address = ports.cluster_address
        if address is None or address in self._addresses:
            return
        self._addresses.append(address)
        if self._output is Output.TABLE:
            tell(f"cluster: {address}")

    @property
    def record(self) -> dict[str, Any]:
        """The part of an answer for programs: `api_server`, with context and server; empty before `say`.

        Of several clusters it is the first one's, and `api_servers` has them all.
        """
        records = [address.to_record() for address in self._addresses]
        if not records:
            return {}
        return {"api_server": records[0]} | ({"api_servers": records} if records[1:] else {})
