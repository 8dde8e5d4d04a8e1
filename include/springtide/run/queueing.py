"""A run that waits for its turn: behind whoever owns the workload, and behind requests that came before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from springtide.errors import PermanentError
from springtide.run.lease import read_lease
from springtide.run.ports import Ports, RunRequest
from springtide.run.request_parameters import STALE_AFTER

LONGEST: Final = STALE_AFTER - timedelta(minutes=5)
"""How long a run waits: soon after that what was asked for has gone by."""

SECONDS_BETWEEN_TURNS: Final = 10
"""Between two looks at whose turn it is."""


def who_is_ahead(ports: Ports, request: RunRequest, due: datetime, is_going: Callable[[str], bool]) -> str | None:
    """Return who has the turn before this run, in words; None where it is its own, or where it does not wait.

    `is_going` says of a run of the same DAG whether it goes on.

    Raises:
        PermanentError: it has waited since `due` for longer than `LONGEST` (`service_busy`).
        ClusterUnavailable, TemporaryError: the cluster or the store does not answer.
    """
    if not request.is_queued or request.dry_run:
        return None
    ahead = _owner(ports, request) or _earlier(ports, request, is_going)
    if ahead is not None and ports.clock.now() - due > LONGEST:
        minutes = int(LONGEST.total_seconds() // 60)
        raise PermanentError(
            f"{request.policy.name}: {ahead} It was waited for {minutes} minutes; what was asked for has gone by. "
            "Look at what goes on there, then ask again.",
            code="service_busy",
            field="service",
        )
    return ahead


def _owner(ports: Ports, request: RunRequest) -> str | None:
    lease = read_lease(ports.kube, request.policy.spec.target.workload)
    if lease is None or lease.holder in {"", request.run_id}:
        return None
    return f"run {lease.holder} owns the workload, in phase {lease.phase}."


def _earlier(ports: Ports, request: RunRequest, is_going: Callable[[str], bool]) -> str | None:
    own = ports.store.start_of_run(request.run_id)
    if own is None:
        return None
    earlier = ports.store.starts_before(own, since=own.at - STALE_AFTER)
    ahead = next((each for each in earlier if is_going(each.run_id)), None)
    return None if ahead is None else f"run {ahead.run_id} was asked for before it, by {ahead.who}."
