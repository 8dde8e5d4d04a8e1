"""The load test of a rehearsal: bounded, through the Service, and at an end as soon as it does harm."""

from __future__ import annotations

from collections.abc import Callable

from springtide.clock import Clock
from springtide.events.rehearsal import LoadOrder
from springtide.events.rehearsed import LoadFigures, figures_of
from springtide.load.generator import Load
from springtide.load.recorder import LoadReport
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.admission import admit
from springtide.run.ports import Ports, RunRequest
from springtide.run.retry import retried
from springtide.verify.route import address_of
from springtide.verify.smoke import promql_check
from springtide.verify.verdict import VerdictStatus

Send = Callable[[str, LoadOrder, Callable[[], str | None], Clock], LoadReport]
"""Sends the load to an address, as `send` does."""


def send(url: str, order: LoadOrder, watch: Callable[[], str | None], clock: Clock) -> LoadReport:
    """Send the load in the calling thread and return its report.

    Raises:
        InputError: it is out of the generator's bounds (`load_invalid`).
    """
    return Load(url, order.rate, seconds=order.seconds, course=order.course(watch), clock=clock).run()


def unwell(ports: Ports, policy: ScalingPolicy) -> str | None:
    """Return which of the policy's conditions on metrics fails now; None when none does, or nobody can say."""
    checks = [check.promql for check in policy.spec.smoke if check.promql is not None]
    for result in (promql_check(check, ports.instant) for check in checks):
        if result.status is VerdictStatus.FAIL:
            return f"{result.check}: {result.message}"
    return None


def load_test(
    ports: Ports, policy: ScalingPolicy, order: LoadOrder, beginning: Callable[[], None], *, send: Send = send
) -> LoadFigures:
    """Send the load and return what it saw; with fewer ready replicas than `order` says, nothing is sent.

    `beginning` is called just before the first request: what was begun must not be sent twice. While it is sent, the
    policy's `promql` checks are asked every 5 s: one that fails ends it.

    Raises:
        InputError: the workload is not fit to be looked at, or the load is out of the generator's bounds.
        Fenced: a run owns the workload: it is changing.
        ClusterRefused, ClusterUnavailable, NotFound: as the client says.
    """
    request = RunRequest(
        run_id="rehearsal",
        policy=policy,
        replicas=None,
        strategy=None,
        requested_by="springtide",
        reason="rehearsal",
        dry_run=True,
    )
    observation, stable = admit(ports, request)
    before = len(observation.ready_endpoints(stable))
    if before < order.replicas:
        return LoadFigures(ready_before=before, ready_after=before)
    url = address_of(observation.required_service, order.port) + order.path
    beginning()
    report = send(url, order, lambda: unwell(ports, policy), ports.clock)
    observation, stable = retried(ports, lambda: admit(ports, request))
    return figures_of(report, order, ready_before=before, ready_after=len(observation.ready_endpoints(stable)))
