"""Which cluster a command talks to, told before it does: a write in the wrong one cannot be taken back."""

from __future__ import annotations

from typing import Any

from springtide.cli.display import tell
from springtide.cli.options import Output
from springtide.kube.kubeconfig import ClusterAddress
from springtide.run.ports import Ports


class ClusterNote:
    """Tells people once on stderr, however often a command opens the cluster; for programs it is in the answer."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._address: ClusterAddress | None = None

    def say(self, ports: Ports) -> None:
        """Tell which cluster `ports` lead to."""
        is_known = self._address is not None
        self._address = ports.cluster_address
        if self._address is not None and not is_known and self._output is Output.TABLE:
            tell(f"cluster: {self._address}")

    @property
    def record(self) -> dict[str, Any]:
        """The part of an answer for programs: `api_server`, with context and server; empty before `say`."""
        return {} if self._address is None else {"api_server": self._address.to_record()}
