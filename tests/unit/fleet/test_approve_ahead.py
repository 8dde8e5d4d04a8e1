"""What somebody approves ahead, judged by our own words, whoever sent it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from springtide.errors import InputError
from springtide.events.calendars import Calendars, ExpandedCalendar
from springtide.fleet.approve_ahead import approval_asked
from springtide.policy.calendar.model import EventCalendar
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.approvals import ApprovalAhead
from support.builders import policy

NOW = datetime(2026, 11, 26, 17, tzinfo=UTC)
LAUNCH = "sales.launch.20261127T180000Z"
GOOD: dict[str, Any] = {"service": "checkout", "event": "sales.launch", "up_to": 12, "reason": "nobody is awake"}


class _Policies:
    def names(self) -> Sequence[str]:
        return ["checkout", "search"]

    def get(self, name: str) -> ScalingPolicy:
        if name not in self.names():
            raise InputError(f"there is no policy {name}.", code="service_unknown", field="service")
        there = policy(replicas={"min": 2, "max": 20})
        return there.model_copy(update={"metadata": there.metadata.model_copy(update={"name": name})})


def calendars() -> Calendars:
    event = {"name": "launch", "start": "2026-11-27T18:00", "end": "2026-11-27T22:00"}
    spec = {"timezone": "UTC", "events": [event | {"services": {"checkout": {"multiply": "3x"}}}]}
    document = {"apiVersion": "springtide/v1", "kind": "EventCalendar", "metadata": {"name": "sales", "owner": "shop"}}
    calendar = EventCalendar.model_validate(document | {"spec": spec})
    return Calendars((ExpandedCalendar.of(calendar, Path(), now=NOW),))


def asked(by: str | None = "ann", now: datetime = NOW, **changes: Any) -> ApprovalAhead:
    return approval_asked(GOOD | changes, by=by, policies=_Policies(), calendars=calendars(), now=now)


def test_an_approval_is_of_one_time_of_the_event_until_its_end() -> None:
    approval = asked()

    assert (approval.event, approval.up_to, approval.by) == (LAUNCH, 12, "ann")
    assert approval.until == datetime(2026, 11, 27, 22, tzinfo=UTC)
    assert approval.target == policy().spec.target.workload


def test_it_can_end_sooner_and_be_taken_back() -> None:
    sooner = asked(until="2026-11-27T19:00:00+00:00")

    assert sooner.until == datetime(2026, 11, 27, 19, tzinfo=UTC)
    assert asked(take_back=True, up_to=None).is_taken_back


def test_an_event_that_was_added_is_named_by_its_whole_id_and_has_an_end() -> None:
    approval = asked(event="ad-hoc.flash.20261126T200000Z", until="2026-11-26T22:00:00Z")

    assert approval.event == "ad-hoc.flash.20261126T200000Z"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"by": None}, "by"), ({"by": ""}, "by"),
        ({"service": "nosuch"}, "service"), ({"service": "search"}, "service"),
        ({"event": "sales.nosuch"}, "event"), ({"event": None}, "event"), ({"event": "x" * 300}, "event"),
        ({"event": "ad-hoc.flash"}, "event"), ({"event": "ad-hoc.flash.20261126T200000Z"}, "until"),
        ({"up_to": 21}, "up_to"), ({"up_to": 0}, "up_to"), ({"up_to": None}, "up_to"), ({"up_to": True}, "up_to"),
        ({"up_to": "12"}, "up_to"), ({"up_to": 1.5}, "up_to"), ({"take_back": "yes"}, "take_back"),
        ({"until": "2026-11-27T23:00:00Z"}, "until"), ({"until": "2026-11-27T19:00:00"}, "until"),
        ({"until": "2026-11-26T16:00:00Z"}, "until"), ({"until": "soon"}, "until"),
        ({"reason": ""}, "reason"), ({"reason": "  "}, "reason"), ({"reason": "two\nlines"}, "reason"),
        ({"force": True}, "force"),
    ],
)  # fmt: skip
def test_everything_else_is_refused_and_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        asked(**changes)
    assert refused.value.field == field


def test_what_is_over_is_not_approved_any_more() -> None:
    with pytest.raises(InputError) as refused:
        asked(now=NOW + timedelta(days=2))
    assert refused.value.field in {"event", "name"}


def test_the_bound_is_told_with_both_numbers() -> None:
    with pytest.raises(InputError) as refused:
        asked(up_to=80)
    assert "80" in refused.value.message
    assert "1 to 20, the replicas.max of policy checkout" in refused.value.message
