"""Audit records, in every store: one run for one key, and one for one service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from springtide.record.audit import AuditOutcome, AuditPage, AuditRecord
from springtide.record.retention import Ages
from springtide.record.store import RunStore
from unit.record.run_builders import NOON

YESTERDAY = NOON - timedelta(days=1)


def a_record(number: int = 1, **values: Any) -> AuditRecord:
    record = AuditRecord(
        record_id=f"{number:04}",
        at=NOON + timedelta(seconds=number),
        who="ann",
        dag_id="scale_service",
        run_id=f"run-{number}",
        service="checkout",
        reason="sale",
        asked={"service": "checkout", "replicas": "5"},
        digest="d",
    )
    return replace(record, **values)


def claimed(store: RunStore, record: AuditRecord, after: str | None = None) -> AuditRecord:
    return store.claim_start(record, keys_since=YESTERDAY, after=after)


def test_the_first_request_of_a_service_is_kept(store: RunStore) -> None:
    assert claimed(store, a_record()) == a_record()

    assert store.latest_start("checkout", "scale_service") == a_record()
    assert store.start_of_run("run-1") == a_record()
    assert store.latest_start("search", "scale_service") is None
    assert store.latest_start("checkout", "pause_service") is None


def test_a_second_is_told_of_the_first_unless_it_has_seen_it(store: RunStore) -> None:
    claimed(store, a_record(1))

    assert claimed(store, a_record(2)) == a_record(1)
    assert claimed(store, a_record(2), after="another") == a_record(1)
    assert claimed(store, a_record(2), after="run-1") == a_record(2)


def test_one_that_waits_its_turn_looks_at_keys_alone(store: RunStore) -> None:
    claimed(store, a_record(1))

    assert claimed(store, a_record(2), after="run-2") == a_record(2)
    assert store.starts_before(a_record(2), since=YESTERDAY) == (a_record(1),)
    assert store.starts_before(a_record(1), since=YESTERDAY) == ()
    assert store.starts_before(a_record(2), since=NOON + timedelta(seconds=2)) == ()


def test_a_key_leads_to_its_first_request_until_it_is_too_old(store: RunStore) -> None:
    first = a_record(1, key="k-1")
    claimed(store, first)

    assert claimed(store, a_record(2, key="k-1"), after="run-1") == first
    assert store.start_of_key("ann", "k-1", since=YESTERDAY) == first
    assert store.start_of_key("bob", "k-1", since=YESTERDAY) is None
    assert store.start_of_key("ann", "k-1", since=NOON + timedelta(hours=1)) is None
    later = a_record(3, key="k-1")
    assert store.claim_start(later, keys_since=NOON + timedelta(hours=1), after="run-1") == later


def test_a_refused_one_stands_in_no_way_and_its_key_is_free(store: RunStore) -> None:
    claimed(store, a_record(1, key="k-1"))
    store.keep_audit(a_record(1, key="k-1").refused("dag_paused"))

    assert claimed(store, a_record(2, key="k-1")) == a_record(2, key="k-1")
    (_, old) = store.audit(AuditPage(limit=10))
    assert (old.outcome, old.code) == (AuditOutcome.REFUSED, "dag_paused")


def test_records_are_read_page_by_page(store: RunStore) -> None:
    for number in range(1, 6):
        store.keep_audit(a_record(number, who="bob" if number == 3 else "ann"))

    first = store.audit(AuditPage(limit=2))
    rest = store.audit(AuditPage(limit=9, before=(first[-1].at, first[-1].record_id)))

    assert [each.record_id for each in (*first, *rest)] == ["0005", "0004", "0003", "0002", "0001"]
    assert [each.record_id for each in store.audit(AuditPage(limit=9, who="bob"))] == ["0003"]
    assert store.audit(AuditPage(limit=9, service="search")) == ()


def test_old_records_are_pruned(store: RunStore) -> None:
    store.keep_audit(a_record(1))
    store.keep_audit(a_record(2, at=NOON - timedelta(days=100)))

    told = store.prune(Ages(runs=timedelta(days=30)), now=NOON, is_dry=False)

    assert (told.removed["audit"], told.kept["audit"]) == (1, 1)
    assert [each.record_id for each in store.audit(AuditPage(limit=9))] == ["0001"]


def test_of_many_at_once_one_is_kept(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: claimed(store, a_record(number)), range(1, 33)))

    assert len({each.run_id for each in found}) == 1
