"""One request of every smoke check to the stable set, before anything is written: a check that cannot pass refuses.

A run whose check fails for another reason than its new pods would bring them up, switch, and go all the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from springtide.errors import InputError
from springtide.kube.objects import Pod, Service
from springtide.kube.observation import Observation, PodSet
from springtide.plan.findings import Finding, FindingStatus
from springtide.policy.scaling.smoke import HttpCheck, PromqlCheck, SmokeCheck
from springtide.policy.scaling.strategy import RunSettings
from springtide.run.ports import Ports
from springtide.verify.destinations import Destination, Ways
from springtide.verify.route import Answer
from springtide.verify.smoke import (
    Instant,
    checks_after_switch,
    checks_before_switch,
    name_of,
    problem_with,
    promql_check,
)
from springtide.verify.verdict import VerdictStatus
from springtide.workload import Workload

_CHECK: Final = "smoke"
_ATTEMPTS: Final = 3
"""A check is refused when so many answers in a row are wrong: one that fails by chance is none that cannot pass."""


def smoke_findings(
    ports: Ports,
    checks: tuple[SmokeCheck, ...],
    settings: RunSettings,
    *,
    target: Workload,
    stable: PodSet,
    observation: Observation,
) -> Iterator[Finding]:
    """Yield what came of every check, asked by each way that a run with these `settings` will use.

    Raises:
        ClusterRefused, ClusterUnavailable, NotFound: the API server does not pass a request on.
    """
    serving = {endpoint.pod_uid for endpoint in observation.ready_endpoints(stable)}
    pods = [pod for pod in stable.ready_pods if pod.uid in serving]
    asks = any(check.http for check in checks)
    if asks and not pods:
        message = f"{stable.scaled.title} has no ready pod that the Service sends to, so nothing was asked"
        yield Finding(check=_CHECK, status=FindingStatus.NOT_CHECKED, message=f"{message}.")
    elif asks:
        rehearsal = _Rehearsal(ports.ways_to(target), observation.required_service, pods[0])
        yield from map(rehearsal.before_switch, checks_before_switch(checks, settings))
        https = (check.http for check in checks_after_switch(checks, settings) if check.http is not None)
        yield from map(rehearsal.after_switch, https)
    yield from (_condition(check.promql, ports.instant) for check in checks if check.promql is not None)


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """One ready pod of the stable set, and the Service that leads to it."""

    ways: Ways
    service: Service
    pod: Pod

    def before_switch(self, check: HttpCheck) -> Finding:
        """Return what the pod answers by the way that the new pods will be asked."""
        advice = "or ask it when: after_switch, if the API server cannot reach pods"
        return _finding(check, lambda: self.ways.to_pod(check, self.service, self.pod), advice)

    def after_switch(self, check: HttpCheck) -> Finding:
        """Return what the Service answers."""
        advice = "or write via: api_server, if ClusterIPs cannot be reached from here"
        if check.via == "api_server":
            advice = "or write via: service, if the API server cannot reach pods"
        return _finding(check, lambda: self.ways.to_service(check, self.service), advice)


def _finding(check: HttpCheck, destination_of: Callable[[], Destination], advice: str) -> Finding:
    name = name_of(check)
    try:
        destination = destination_of()
    except InputError as error:
        return _refused(f"{name}: {error.message}", error.code)
    address = f"GET {destination.address}"
    answer = _best_answer(check, destination)
    problem = problem_with(check, answer)
    if problem is None:
        message = f"{name}: the stable set answers {address} with {answer.status}"
        return Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)
    message = f"{name}: {address} is to answer {check.expect}, and the stable set does not either: {problem}. "
    if answer.error is None:
        return _refused(f"{message}Correct path, port, headers or expect, or mend the service.", "smoke_cannot_pass")
    return _refused(f"{message}Correct scheme or port, {advice}.", "smoke_unreachable")


def _best_answer(check: HttpCheck, destination: Destination) -> Answer:
    for _ in range(_ATTEMPTS - 1):
        answer = destination.get()
        if problem_with(check, answer) is None:
            return answer
    return destination.get()


def _refused(message: str, code: str) -> Finding:
    return Finding(check=_CHECK, status=FindingStatus.REFUSED, message=message, code=code)


def _condition(check: PromqlCheck, instant: Instant | None) -> Finding:
    """Return what Prometheus says now: never a refusal, because a condition may only hold once there is load."""
    result = promql_check(check, instant)
    status = FindingStatus.PASSED if result.status is VerdictStatus.PASS else FindingStatus.WARNING
    told = "" if status is FindingStatus.PASSED else "; a run in which that is still so does not pass its smoke test."
    return Finding(check=_CHECK, status=status, message=f"{result.check}: {result.message}{told}")
