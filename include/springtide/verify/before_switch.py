"""The smoke test before traffic: every new pod is asked by itself, by way of the API server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from springtide.errors import InputError
from springtide.kube.objects import Pod, Service
from springtide.policy.scaling.smoke import HttpCheck
from springtide.quantities import round_up
from springtide.verify.destinations import Ways
from springtide.verify.smoke import name_of, problem_with
from springtide.verify.verdict import CheckResult, Verdict, VerdictStatus


def smoke_test_of_pods(
    checks: Sequence[HttpCheck], pods: Sequence[Pod], service: Service, ways: Ways, between: Callable[[], None]
) -> Verdict:
    """Ask every one of `pods` every check, and return the verdict; the first check that fails ends it.

    The samples of a check are dealt out evenly, at least one to each pod. It fails when no answer of a pod is right, or
    fewer than `must_pass` of all are. `between` is called before each request: what it raises ends the test.

    Raises:
        NotFound: a pod has gone.
        ClusterRefused, ClusterUnavailable: the API server does not pass the requests on.
    """
    results: list[CheckResult] = []
    for check in checks:
        problem = _problem(check, pods, service, ways, between)
        status = VerdictStatus.PASS if problem is None else VerdictStatus.FAIL
        message = problem or f"all of {len(pods)} new pods answered {check.expect} before the switch"
        results.append(CheckResult(name_of(check), status, message))
        if problem is not None:
            break
    return Verdict.of(results)


def _problem(
    check: HttpCheck, pods: Sequence[Pod], service: Service, ways: Ways, between: Callable[[], None]
) -> str | None:
    each = round_up(check.samples / len(pods))
    total = each * len(pods)
    allowed = total - check.needed_of(total)
    wrong = 0
    for pod in pods:
        try:
            destination = ways.to_pod(check, service, pod)
        except InputError as error:
            return error.message
        good = 0
        for number in range(1, each + 1):
            between()
            problem = problem_with(check, destination.get())
            good += problem is None
            wrong += problem is not None
            # Not asked on once it cannot pass any more: every answer that does not come costs a whole timeout.
            if wrong > allowed or (number == each and not good):
                return f"before the switch, GET {destination.address}: {problem}"
    return None
