"""What was approved ahead, in every store: only ever added, and the newest counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from springtide.record.approvals import APPROVALS_KEPT, ApprovalAhead, last_word
from springtide.record.store import RunStore
from springtide.workload import Workload
from unit.record.run_builders import NOON

EVENT = "sales.launch.20261127T180000Z"
CHECKOUT = Workload(namespace="shop", deployment="checkout", service="checkout")


def an_approval(**values: Any) -> ApprovalAhead:
    return replace(
        ApprovalAhead(
            policy="checkout",
            target=CHECKOUT,
            event=EVENT,
            up_to=40,
            until=NOON + timedelta(days=1),
            at=NOON,
            by="ann",
            reason="the launch at six",
        ),
        **values,
    )


def test_an_approval_is_kept_as_it_is(store: RunStore) -> None:
    elsewhere = an_approval(target=replace(CHECKOUT, cluster="east"))
    store.approve_ahead(elsewhere)

    assert store.approvals_ahead(["checkout"]) == (elsewhere,)


def test_another_approval_stands_beside_the_one_before_it_newest_first(store: RunStore) -> None:
    lower = an_approval(at=NOON + timedelta(minutes=1), up_to=10)
    store.approve_ahead(an_approval())
    store.approve_ahead(lower)

    assert store.approvals_ahead(["checkout"]) == (lower, an_approval())


def test_those_of_other_services_are_not_told(store: RunStore) -> None:
    store.approve_ahead(an_approval(policy="search"))

    assert store.approvals_ahead(["checkout", "cart"]) == ()
    assert store.approvals_ahead([]) == ()


def test_the_oldest_are_forgotten_first(store: RunStore) -> None:
    later = an_approval(at=NOON + APPROVALS_KEPT)
    store.approve_ahead(an_approval())
    store.approve_ahead(later)

    assert store.approvals_ahead(["checkout"]) == (later,)


def test_the_last_word_is_of_one_service_and_one_event() -> None:
    words = [an_approval(), an_approval(at=NOON + timedelta(seconds=1), up_to=0), an_approval(policy="search")]

    assert last_word(words, "checkout", EVENT) == words[1]
    assert last_word(words, "checkout", "sales.other.20261127T180000Z") is None
    assert last_word(words, "search", EVENT) == words[2]
    assert words[1].is_taken_back
