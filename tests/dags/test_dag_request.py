"""What somebody asks of a run is judged inside the task, whoever asked and through whatever door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from springtide.clock import ManualClock
from springtide.errors import InputError, PolicyError
from springtide_airflow.parameters import origin_of, request_of
from support.builders import policy_text

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "checkout.yaml").write_text(policy_text("checkout", replicas={"min": 2, "max": 20}))
    (tmp_path / "broken.yaml").write_text(policy_text("broken", replicas={"min": 99, "max": 20}))
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    return tmp_path


def dag_run(**changes: Any) -> SimpleNamespace:
    facts = {
        "run_id": "manual__1",
        "run_type": "manual",
        "run_after": NOW,
        "logical_date": None,
        "data_interval_end": None,
        "triggering_user_name": "ada",
        "clear_number": 0,
    }
    return SimpleNamespace(**facts | changes)


def context(params: dict[str, Any], **changes: Any) -> Context:
    return cast("Context", {"params": params, "dag_run": dag_run(**changes)})


def test_run_is_named_and_asked_for_as_airflow_knows_it(folder: Path) -> None:
    assert folder.is_dir()
    asked = {"service": "checkout", "replicas": "8", "strategy": "blue_green", "reason": "sale", "dry_run": False}

    request = request_of(context(asked), ManualClock(NOW))

    assert (request.run_id, request.requested_by, request.trigger) == ("manual__1", "ada", "manual")
    assert (request.policy.name, request.replicas, request.strategy) == ("checkout", 8, "blue_green")
    assert (request.reason, request.dry_run) == ("sale", False)


@pytest.mark.parametrize(
    ("run_id", "conf", "asked_by", "trigger"),
    [
        (
            "checkout__prepare_events__scheduled__1__0",
            {"event": "sales.flash.20261112T120000Z"},
            "the preparation, for event sales.flash",
            "event",
        ),
        (
            "checkout__adjust_capacity__scheduled__1__0",
            {"event": "sales.flash.20261112T120000Z"},
            "the sweep, for event sales.flash",
            "event",
        ),
        ("checkout__adjust_capacity__scheduled__1__0", {}, "the sweep", "schedule"),
        ("checkout__rehearse_event__manual__1__back0", {}, "the rehearsal", "manual"),
        ("a-run-of-somebody's-dag", {"event": "\n"}, "another DAG", "manual"),
    ],
)
def test_a_run_of_a_conductor_says_in_words_who_asked_for_it(
    run_id: str, conf: dict[str, Any], asked_by: str, trigger: str
) -> None:
    asked = context(conf, run_id=run_id, run_type="operator_triggered", triggering_user_name=None)

    origin = origin_of(asked)

    assert (origin.requested_by, origin.trigger) == (asked_by, trigger)


def test_who_knows_how_long_a_floor_is_needed_says_so(folder: Path) -> None:
    assert folder.is_dir()

    request = request_of(context({"service": "checkout", "until": "2026-11-12T02:00:00Z"}), ManualClock(NOW))

    assert request.until == datetime(2026, 11, 12, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("replicas", ["auto", "8", 8])
def test_replicas_are_a_number_or_worked_out(folder: Path, replicas: str | int) -> None:
    assert folder.is_dir()

    request = request_of(context({"service": "checkout", "replicas": replicas}), ManualClock(NOW))

    assert request.replicas == (None if replicas == "auto" else 8)
    assert request.strategy is None  # the policy's own


@pytest.mark.parametrize(
    ("run_type", "trigger"),
    [("manual", "manual"), ("scheduled", "schedule"), ("backfill", "backfill"), ("asset_triggered", "event")],
)
def test_what_started_the_run_is_kept(folder: Path, run_type: str, trigger: str) -> None:
    assert folder.is_dir()

    request = request_of(
        context({"service": "checkout"}, run_type=run_type, triggering_user_name=None), ManualClock(NOW)
    )

    assert request.trigger == trigger
    assert request.requested_by == f"airflow ({run_type})"


HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({"service": "nope"}, "service_unknown"),
    ({"service": "../checkout"}, "service_unknown"),
    ({"service": "checkout.yaml"}, "service_unknown"),
    ({"service": ""}, "service_unknown"),
    ({"service": None}, "service_unknown"),
    ({"service": ["checkout"]}, "service_unknown"),
    ({"service": "{{ conf }}"}, "service_unknown"),
    ({}, "service_unknown"),
    ({"replicas": 0}, "zero_refused"),
    ({"replicas": "-1"}, "pods_negative"),
    ({"replicas": 1.5}, "pods_not_integer"),
    ({"replicas": "1.5"}, "pods_not_integer"),
    ({"replicas": True}, "pods_not_integer"),
    ({"replicas": "abc"}, "pods_not_integer"),
    ({"replicas": " 5"}, "pods_not_integer"),
    ({"replicas": "٣"}, "pods_not_integer"),
    ({"replicas": {"$gt": 1}}, "pods_not_integer"),
    ({"replicas": 10**9}, "pods_too_many"),
    ({"replicas": "99999999999999999999"}, "pods_too_many"),
    ({"replicas": 1}, "pods_below_min"),
    ({"strategy": "delete_everything"}, "strategy_unknown"),
    ({"strategy": ["blue_green"]}, "strategy_unknown"),
    ({"reason": "a\nb"}, "reason_invalid"),
    ({"reason": "x" * 501}, "reason_invalid"),
    ({"reason": 7}, "reason_invalid"),
    ({"dry_run": "false"}, "flag_invalid"),
    ({"dry_run": 0}, "flag_invalid"),
    ({"until": "tomorrow"}, "until_invalid"),
    ({"until": "2026-11-12T02:00:00"}, "until_invalid"),
    ({"until": "2026-11-10T02:00:00Z"}, "until_invalid"),
    ({"until": "9999-11-10T02:00:00Z"}, "until_invalid"),
    ({"until": 1794000000}, "until_invalid"),
    ({"replica": 5}, "parameter_unknown"),
    ({"kubeconfig": "/etc/passwd"}, "parameter_unknown"),
]


@pytest.mark.parametrize(("wrong", "code"), HOSTILE)
def test_hostile_conf_is_refused_by_name_and_value(folder: Path, wrong: dict[str, Any], code: str) -> None:
    assert folder.is_dir()
    asked = {"service": "checkout"} | wrong if wrong else {}

    with pytest.raises(InputError) as refused:
        request_of(context(asked), ManualClock(NOW))

    assert refused.value.code == code
    assert refused.value.field
    assert len(refused.value.message) < 400


def test_parameter_of_nearly_the_right_name_is_pointed_out(folder: Path) -> None:
    assert folder.is_dir()

    with pytest.raises(InputError, match="did you mean replicas"):
        request_of(context({"service": "checkout", "replica": 5}), ManualClock(NOW))


def test_policy_with_errors_is_refused_with_its_lines(folder: Path) -> None:
    assert folder.is_dir()

    with pytest.raises(PolicyError, match=r"broken\.yaml:\d+"):
        request_of(context({"service": "broken"}), ManualClock(NOW))


@pytest.mark.parametrize(
    ("changes", "past"),
    [
        ({}, False),
        ({"run_after": NOW - timedelta(days=2)}, False),  # without a date it is due when it begins
        ({"run_after": NOW - timedelta(minutes=59), "clear_number": 1}, False),
        ({"run_after": NOW - timedelta(minutes=61), "clear_number": 1}, True),
        ({"run_after": NOW - timedelta(minutes=59), "run_type": "operator_triggered"}, False),
        ({"run_after": NOW - timedelta(minutes=61), "run_type": "operator_triggered"}, True),
        ({"logical_date": NOW - timedelta(days=365)}, True),
        ({"data_interval_end": NOW - timedelta(days=1), "logical_date": NOW}, True),
        ({"logical_date": NOW, "run_after": NOW - timedelta(days=2)}, False),  # for the present, whenever queued
        ({"run_type": "backfill"}, True),
    ],
)
def test_run_over_the_past_only_plans(folder: Path, changes: dict[str, Any], *, past: bool) -> None:
    assert folder.is_dir()
    asked = context({"service": "checkout"}, **changes)

    assert origin_of(asked).is_past(NOW) is past
    assert request_of(asked, ManualClock(NOW)).dry_run is past


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({}, False),
        ({"run_after": NOW - timedelta(days=2)}, False),
        ({"logical_date": NOW - timedelta(minutes=59)}, False),
        ({"logical_date": NOW - timedelta(minutes=65)}, True),
        ({"logical_date": NOW - timedelta(minutes=65), "clear_number": 1}, False),
        ({"logical_date": NOW - timedelta(days=2), "run_type": "backfill"}, False),
        ({"run_after": NOW - timedelta(minutes=65), "run_type": "operator_triggered"}, True),
    ],
)
def test_one_that_comes_too_late_is_refused_unless_it_is_a_backfill_or_cleared(
    folder: Path, changes: dict[str, Any], *, is_refused: bool
) -> None:
    assert folder.is_dir()

    refusal = origin_of(context({"service": "checkout"}, **changes)).refusal_for_age(NOW)

    assert (refusal is not None) is is_refused
    if refusal is not None:
        assert refusal.message.startswith("due 65 min ago (2026-11-11 10:55 UTC); trigger it again.")


def test_who_lifts_a_freeze_and_why_goes_with_the_request(folder: Path) -> None:
    assert folder.is_dir()
    asked = {"service": "checkout", "override": "ann: the sale was moved"}

    assert request_of(context(asked), ManualClock(NOW)).override == "ann: the sale was moved"


@pytest.mark.parametrize(("run_type", "has_asked"), [("manual", False), ("operator_triggered", True)])
def test_only_a_run_that_another_dag_starts_is_not_asked_for_freezes(
    folder: Path, run_type: str, *, has_asked: bool
) -> None:
    assert folder.is_dir()

    request = request_of(context({"service": "checkout"}, run_type=run_type), ManualClock(NOW))

    assert request.is_freeze_known is has_asked
