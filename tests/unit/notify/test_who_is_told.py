"""Owners, tags and `spec.notify`: who is told what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from springtide.errors import PolicyError
from springtide.notify.links import answer_page, run_page
from springtide.notify.routing import channel_names, fits, tag_of
from springtide.notify.wanted import recipients
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from support.builders import policy, policy_document, policy_text


def owned(owner: str, **notify: Any) -> ScalingPolicy:
    document = policy_document("web", **({"notify": notify} if notify else {}))
    document["metadata"]["owner"] = owner
    return ScalingPolicy.model_validate(document)


@pytest.mark.parametrize(
    ("owner", "tag"),
    [
        ("payments", "payments"),
        ("Team Payments (EU)", "team-payments-eu"),
        ("a, b; c", "a-b-c"),
        ("1:urgent", "1-urgent"),
        ("支付", "springtide"),
        ("x" * 100, "x" * 63),
    ],
)
def test_an_owner_is_a_tag_that_apprise_takes_as_it_is(owner: str, tag: str) -> None:
    from apprise.tag import AppriseTag

    assert tag_of(owner) == tag
    assert str(AppriseTag.parse(tag)) == tag  # type: ignore[no-untyped-call]


def test_the_owner_is_told_of_everything_but_success() -> None:
    checkout = owned("Payments")

    assert recipients("failed", [checkout]) == ("payments",)
    assert recipients("succeeded", [checkout]) == ()


def test_a_policy_says_what_it_wants_on_top_and_to_whom_it_goes() -> None:
    checkout = owned("payments", also=["succeeded"], to=["on-call", "payments"])

    assert recipients("succeeded", [checkout]) == ("on-call", "payments")
    assert recipients("event_late", [checkout]) == ("on-call", "payments")


def test_an_empty_list_silences_a_service_and_no_other() -> None:
    assert recipients("failed", [owned("payments", on=[]), owned("search")]) == ("search",)


def test_what_an_unreadable_policy_wants_is_not_known_so_the_installation_is_told() -> None:
    assert recipients("failed", [None, owned("payments")]) == ("payments", "springtide")


def test_a_url_without_tags_is_for_everybody() -> None:
    assert fits(frozenset(), frozenset({"payments"}))
    assert fits(frozenset({"payments", "eu"}), frozenset({"payments"}))
    assert not fits(frozenset({"search"}), frozenset({"payments"}))


def test_urls_are_remembered_by_what_is_no_secret_and_twins_stay_apart() -> None:
    names = channel_names(["slack://T...A/B...C/", "slack://T...A/B...C/", "mailto://ada"])

    assert len(set(names)) == 3
    assert names == channel_names(["slack://T...A/B...C/", "slack://T...A/B...C/", "mailto://ada"])


@pytest.mark.parametrize(
    ("notify", "told"),
    [
        ({"onn": ["failed"]}, "spec.notify.onn: unknown key; did you mean on?"),
        ({"on": ["fail"]}, "spec.notify.on[0]: expected 'failed', 'rolled_back', 'needs_attention'"),
        ({"to": ["Team Payments"]}, "spec.notify.to[0]: the text 'Team Payments' is out of range: text like"),
    ],
)
def test_a_wrong_key_or_value_is_told_with_what_is_allowed(tmp_path: Path, notify: dict[str, Any], told: str) -> None:
    (tmp_path / "web.yaml").write_text(policy_text("web", notify=notify))

    with pytest.raises(PolicyError) as caught:
        PolicyFolder(tmp_path).get("web")

    assert told in str(caught.value)


def test_the_pages_are_those_of_the_address_that_people_use() -> None:
    run = "manual__2026-11-28T20:00:00+00:00"

    page = run_page("https://ops.example/airflow/", "scale_service", run)

    assert page == "https://ops.example/airflow/dags/scale_service/runs/manual__2026-11-28T20%3A00%3A00%2B00%3A00"
    assert answer_page("https://ops.example", "d", "r", "approve") == (
        "https://ops.example/dags/d/runs/r/tasks/approve/required_actions"
    )
    assert run_page(None, "d", "r") is None
    assert run_page("javascript:alert(1)", "d", "r") is None


def test_a_policy_without_the_key_is_told_as_before() -> None:
    assert policy().spec.notify.also == ()
