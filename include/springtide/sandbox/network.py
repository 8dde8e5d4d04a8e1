"""The addresses of a sandbox: a /16 of loopback, for the API server, the Services and the pods."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Network:
    """127.<second>.0.0/16: .0.1 is the node and the API server, .1.0 to .199.255 are pods, .200.0 to .254.255 Services.

    .0.2 is the claim of whoever uses these addresses.

    A pod's address is used again only when all others have been: a late packet to a dead pod must not find a new one.
    """

    second: int = 96
    _pods: int = field(default=0, init=False)
    _services: int = field(default=0, init=False)
    _taken: set[str] = field(default_factory=set, init=False)

    @property
    def node(self) -> str:
        """The node's own address."""
        return f"127.{self.second}.0.1"

    @property
    def services(self) -> str:
        """The range of the Services' addresses, for people."""
        return f"127.{self.second}.200.1 to 127.{self.second}.254.254"

    @property
    def claim(self) -> tuple[str, int]:
        """What a running sandbox listens on to keep others from its addresses."""
        return f"127.{self.second}.0.2", 6443

    def pod_address(self) -> str:
        """Return a free pod address."""
        while True:
            number = self._pods % (199 * 254)
            self._pods += 1
            address = f"127.{self.second}.{1 + number // 254}.{1 + number % 254}"
            if address not in self._taken:
                self._taken.add(address)
                return address

    def release(self, address: str) -> None:
        """Give a pod's address back."""
        self._taken.discard(address)

    def is_service_address(self, address: str) -> bool:
        """Say whether `address` is one that a Service of this sandbox may have."""
        parts = address.split(".")
        if len(parts) != len("127") + 1 or not all(part.isdecimal() for part in parts):
            return False
        first, second, third, fourth = map(int, parts)
        return (first, second) == (127, self.second) and 200 <= third <= 254 and 1 <= fourth <= 254  # noqa: PLR2004

    def service_address(self) -> str:
        """Return a free cluster IP; they are never used twice."""
        number = self._services
        self._services += 1
        return f"127.{self.second}.{200 + number // 254}.{1 + number % 254}"
