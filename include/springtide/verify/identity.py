"""Who answers? Requests through the Service that must all be answered by the pods that should serve (I-7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from springtide.kube.objects import Service
from springtide.policy.scaling.strategy import Probe
from springtide.verify.route import Answer, Route, address_of

TIMEOUT_SECONDS: Final = 5.0
"""How long one probe may take to answer."""


def wrong_answer(
    probe: Probe,
    service: Service,
    route: Route,
    *,
    pods: Collection[str],
    between: Callable[[], None] = lambda: None,
) -> str | None:
    """Send `probe.times` requests in a row; return what was wrong with the first bad one, None when all were right.

    An answer is right when one of `pods` (names) gave it: it is named in the body, or in the header that the probe
    says. Where the service does not say who answers (`identity: none`), any answer below 500 is right. `between` is
    called before each request, which lets the caller renew its lease.
    """
    url = address_of(service) + probe.path
    for number in range(1, probe.times + 1):
        between()
        answer = route.get(url, timeout_seconds=TIMEOUT_SECONDS)
        wrong = _judge(probe, answer, pods)
        if wrong is not None:
            return f"probe {number} of {probe.times} to {url}: {wrong}"
    return None


_SERVER_ERROR = 500


def _judge(probe: Probe, answer: Answer, pods: Collection[str]) -> str | None:
    if answer.error is not None:
        return answer.error
    if probe.identity == "none":
        return None if answer.status < _SERVER_ERROR else f"status {answer.status}"
    header = probe.header
    text = answer.body if header is None else answer.headers.get(header.lower(), "")
    if set(re.findall(r"[a-z0-9][-a-z0-9.]*", text)) & set(pods):
        return None
    where = "body" if header is None else f"header {header}"
    return (
        f"status {answer.status}, and its {where} names none of the {len(pods)} pods that should serve: {text[:80]!r}"
    )
