"""What was told, in every store: each fact in one pair of hands, once, and again only while it is news."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from springtide.record.notifications import CLAIM_FOR, KEPT_FOR, TRIES, TRY_FOR
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from unit.record.run_builders import NOON

FACT = {"kind": "failed", "subject": "checkout"}
LATER = NOON + timedelta(minutes=5)


def test_of_several_processes_one_is_given_a_fact_to_tell(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as processes:
        claims = list(processes.map(lambda _: store.claim_notification("one", FACT, now=NOON), range(8)))

    assert len([claim for claim in claims if claim is not None]) == 1


def test_two_openings_of_one_database_tell_a_fact_once(url: str) -> None:
    with open_store(url) as one, open_store(url) as other:
        claim = one.claim_notification("one", FACT, now=NOON)
        assert claim is not None
        assert other.claim_notification("one", FACT, now=NOON) is None

        one.settle_notification(claim.settled(["slack"], is_whole=True))

        assert other.claim_notification("one", FACT, now=LATER) is None
        assert other.waiting_notifications(now=LATER, limit=10) == ()


def test_what_could_not_be_sent_waits_with_its_words_and_with_who_has_it(store: RunStore) -> None:
    claim = store.claim_notification("one", FACT, now=NOON)
    assert claim is not None
    store.settle_notification(claim.settled(["mail"], is_whole=False))

    (waiting,) = store.waiting_notifications(now=LATER, limit=10)

    assert (waiting.fact, waiting.tries, waiting.reached) == (FACT, 1, ("mail",))
    again = store.claim_notification("one", FACT, now=LATER)
    assert again is not None
    assert (again.tries, again.reached) == (2, ("mail",))


def test_the_claim_of_a_process_that_died_lapses(store: RunStore) -> None:
    assert store.claim_notification("one", FACT, now=NOON) is not None
    assert store.waiting_notifications(now=NOON, limit=10) == ()

    assert [kept.key for kept in store.waiting_notifications(now=NOON + CLAIM_FOR, limit=10)] == ["one"]
    assert store.claim_notification("one", FACT, now=NOON + CLAIM_FOR) is not None


def test_it_is_given_up_after_so_many_tries(store: RunStore) -> None:
    for _ in range(TRIES):
        claim = store.claim_notification("one", FACT, now=NOON)
        assert claim is not None
        store.settle_notification(claim.settled([], is_whole=False))

    assert store.claim_notification("one", FACT, now=NOON) is None
    assert store.waiting_notifications(now=NOON, limit=10) == ()


def test_it_is_given_up_when_it_is_no_news_any_more(store: RunStore) -> None:
    claim = store.claim_notification("one", FACT, now=NOON)
    assert claim is not None
    store.settle_notification(claim.settled([], is_whole=False))

    assert store.waiting_notifications(now=NOON + TRY_FOR, limit=10) == ()
    assert store.claim_notification("one", FACT, now=NOON + TRY_FOR) is None


def test_a_turn_that_was_not_used_is_given_back(store: RunStore) -> None:
    claim = store.claim_notification("one", FACT, now=NOON)
    assert claim is not None
    store.settle_notification(claim.untried())

    (waiting,) = store.waiting_notifications(now=NOON, limit=10)
    assert waiting.tries == 0


@pytest.fixture
def told(store: RunStore) -> RunStore:
    """Return a store in which three facts were told."""
    for key in ("calendar_broken:a_b.yaml", "calendar_broken:axb.yaml", "failed:run:1"):
        claim = store.claim_notification(key, FACT, now=NOON)
        assert claim is not None
        store.settle_notification(claim.settled([], is_whole=True))
    return store


def test_what_is_over_is_news_when_it_is_back(told: RunStore) -> None:
    told.forget_notifications("calendar_broken:", but=["calendar_broken:axb.yaml"])

    assert told.claim_notification("calendar_broken:a_b.yaml", FACT, now=LATER) is not None
    assert told.claim_notification("calendar_broken:axb.yaml", FACT, now=LATER) is None
    assert told.claim_notification("failed:run:1", FACT, now=LATER) is None


def test_a_prefix_is_text_and_no_pattern(told: RunStore) -> None:
    told.forget_notifications("calendar_broken:a_b")

    assert told.claim_notification("calendar_broken:axb.yaml", FACT, now=LATER) is None


def test_after_a_season_the_same_is_a_reminder(told: RunStore) -> None:
    assert told.claim_notification("failed:run:1", FACT, now=NOON + KEPT_FOR) is not None


def test_the_oldest_waits_first_and_no_more_than_were_asked_for(store: RunStore) -> None:
    for number in (2, 0, 1):
        claim = store.claim_notification(f"fact-{number}", FACT, now=NOON + timedelta(minutes=number))
        assert claim is not None
        store.settle_notification(claim.settled([], is_whole=False))

    assert [kept.key for kept in store.waiting_notifications(now=LATER, limit=2)] == ["fact-0", "fact-1"]
