"""What the log is told of Events that could not be kept: each, but a missing right once."""

from __future__ import annotations

from dataclasses import dataclass, field

from structlog.testing import capture_logs

from springtide.errors import ClusterRefused, ClusterUnavailable, Conflict, SpringtideError
from springtide.kube.object_events import KeptObjectEvents, ObjectEvent, ToldReason
from springtide.kube.objects import Kind
from springtide.workload import Workload
from support.builders import NOW

WEB = Workload(namespace="shop", deployment="web", service="web")
FORBIDDEN = ClusterRefused("create event: refused with 403.", code="rbac_missing")
AWAY = ClusterUnavailable("create event: no answer in time.", code="cluster_unreachable")
THERE = Conflict("create event: it is there.", code="already_exists")


@dataclass
class Refusing:
    """A client that refuses every Event."""

    error: SpringtideError
    asked: list[str] = field(default_factory=list)

    def announce(self, _kind: Kind, event: ObjectEvent) -> None:
        self.asked.append(event.reason.value)
        raise self.error


def tell_all(error: SpringtideError) -> tuple[int, list[str]]:
    """Tell every reason; return how often the client was asked, and which codes the log has."""
    client = Refusing(error)
    events = KeptObjectEvents(client)
    with capture_logs() as logs:
        for reason in ToldReason:
            events.tell(ObjectEvent(workload=WEB, run_id="run-1", reason=reason, message="…", at=NOW))
    return len(client.asked), [entry["code"] for entry in logs if entry["log_level"] == "warning"]


def test_a_missing_right_is_told_once_and_nothing_more_is_tried() -> None:
    assert tell_all(FORBIDDEN) == (1, ["rbac_missing"])


def test_an_api_server_that_does_not_answer_is_told_each_time() -> None:
    assert tell_all(AWAY) == (len(ToldReason), ["cluster_unreachable"] * len(ToldReason))


def test_what_was_told_before_is_no_fault() -> None:
    assert tell_all(THERE) == (len(ToldReason), [])
