"""Every new pod is asked by itself before it has traffic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from springtide.errors import DeadlineExceeded, NotFound
from springtide.verify.before_switch import smoke_test_of_pods
from springtide.verify.route import Answer
from springtide.verify.smoke import checks_before_switch
from springtide.verify.verdict import Verdict, VerdictStatus
from support.builders import SetBuilder, policy, service
from support.written import WrittenProxy, ways

OK = Answer(status=200, body="fine", headers={})
BROKEN = Answer(status=500, body="oops", headers={})


def asked(
    proxy: WrittenProxy,
    *checks: dict[str, Any],
    pods: int = 3,
    between: Callable[[], None] = lambda: None,
    **ports: Any,
) -> Verdict:
    """Return the verdict over so many pods."""
    spec = policy(smoke=[{"http": {"path": "/healthz", "samples": 1} | check} for check in checks]).spec
    new = SetBuilder(replicas=pods).pod_objects()
    chosen = checks_before_switch(spec.smoke, spec.strategy)
    return smoke_test_of_pods(chosen, new, service(**ports), ways(proxy=proxy), between)


def pods_of(proxy: WrittenProxy) -> list[str]:
    """Return the names of the pods that were asked, in order."""
    return [request.name for request in proxy.requests]


@pytest.mark.parametrize(
    ("samples", "pods", "each"), [(1, 3, 1), (50, 3, 17), (3, 3, 1), (4, 3, 2)], ids=["1", "50", "3", "4"]
)
def test_the_samples_are_dealt_out_and_every_pod_has_as_many(samples: int, pods: int, each: int) -> None:
    proxy = WrittenProxy(OK)
    verdict = asked(proxy, {"samples": samples}, pods=pods)

    assert verdict.status is VerdictStatus.PASS
    assert pods_of(proxy) == [f"web-{number}" for number in range(pods) for _ in range(each)]


def test_one_wrong_pod_of_many_fails_it_and_is_named_with_its_answer() -> None:
    proxy = WrittenProxy(OK, OK, BROKEN)
    verdict = asked(proxy, {})

    assert verdict.status is VerdictStatus.FAIL
    assert "GET /api/v1/namespaces/shop/pods/http:web-2:80/proxy/healthz: status 500: 'oops'" in verdict.message


def test_it_ends_with_the_first_answer_after_which_it_cannot_pass() -> None:
    proxy = WrittenProxy(BROKEN)

    assert asked(proxy, {"samples": 50}, {"path": "/other"}).status is VerdictStatus.FAIL
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((OK, OK, OK, BROKEN), VerdictStatus.PASS),
        ((OK, OK, BROKEN, BROKEN), VerdictStatus.FAIL),
        ((*[BROKEN] * 2, *[OK] * 8), VerdictStatus.FAIL),
    ],
    ids=["within the share", "beyond it", "one pod never right"],
)
def test_a_share_may_be_wrong_but_no_pod_altogether(answers: tuple[Answer, ...], status: VerdictStatus) -> None:
    pods = 5 if len(answers) == 10 else 2
    verdict = asked(WrittenProxy(*answers), {"samples": pods * 2, "must_pass": "75%"}, pods=pods)

    assert verdict.status is status


def test_a_port_that_a_pod_does_not_have_is_a_failure_of_that_pod() -> None:
    verdict = asked(WrittenProxy(OK), {}, ports=[{"port": 80, "targetPort": "admin"}])

    assert verdict.status is VerdictStatus.FAIL
    assert "no container of pod web-0" in verdict.message


def test_a_pod_that_has_gone_is_no_verdict() -> None:
    with pytest.raises(NotFound):
        asked(WrittenProxy(OK, NotFound("pods web-1 not found", code="not_found")), {})


def test_whoever_waits_may_end_it_between_two_requests() -> None:
    proxy = WrittenProxy(OK)

    def too_late() -> None:
        if len(proxy.requests) == 2:
            raise DeadlineExceeded("too late", code="deadline_exceeded")

    with pytest.raises(DeadlineExceeded):
        asked(proxy, {"samples": 50}, between=too_late)
    assert len(proxy.requests) == 2
