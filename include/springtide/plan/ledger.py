"""The downstream ledger: connections of all replicas of all services that share a database, old sets and new. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from springtide.plan.findings import Finding, FindingStatus
from springtide.policy.scaling.downstream import Downstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One service's part: the most replicas that it has at once while runs are under way. None: nobody could see.

    `run` is the run in flight whose peak is counted; empty where none is.
    """

    service: str
    replicas: int | None
    connections_per_replica: int
    run: str = ""

    @property
    def connections(self) -> int:
        """The connections that this part may take; what is not seen counts for nothing here."""
        return (self.replicas or 0) * self.connections_per_replica

    def __str__(self) -> str:
        seen = "? replicas" if self.replicas is None else f"{self.replicas} replicas"
        in_flight = f", with run {self.run!r} in flight" if self.run else ""
        return f"{self.service} {seen} x {self.connections_per_replica}{in_flight}"


def ledger_findings(
    own: Sequence[Downstream], shares: Mapping[str, Sequence[Share]], limits: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield one finding per entry of `downstream`; `shares` and the strictest usable `limits` are by its name."""
    if not own:
        yield Finding(check="downstream", status=FindingStatus.PASSED, message="the policy names nothing downstream")
    for entry in own:
        yield _finding(entry.name, shares[entry.name], limits[entry.name])


def _finding(name: str, shares: Sequence[Share], usable: int) -> Finding:
    # What could not be seen counts for nothing here, so the total is a lower bound: enough to refuse by, never to pass.
    total = sum(share.connections for share in shares)
    message = f"{name}: {total} connections at the peak ({' + '.join(map(str, shares))}), {usable} may be used"
    if total > usable:
        message += ". Scale fewer at once, or lower connections_per_replica with the pools, or raise the limit"
        return Finding(check="downstream", status=FindingStatus.REFUSED, message=f"{message}.", code="downstream_short")
    unseen = [share.service for share in shares if share.replicas is None]
    if unseen:
        message += f"; the replicas of {', '.join(unseen)} could not be read"
        return Finding(check="downstream", status=FindingStatus.NOT_CHECKED, message=message)
    return Finding(check="downstream", status=FindingStatus.PASSED, message=message)
