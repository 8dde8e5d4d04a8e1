"""Paused services, in every store: one open pause each, and a person's before springtide's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from springtide.record.pauses import BY_SPRINGTIDE, PAUSES_KEPT, Pause
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from unit.record.run_builders import NOON

LATER = NOON + timedelta(minutes=5)
TOMORROW = NOON + timedelta(days=1)


def a_pause(service: str = "checkout", **values: Any) -> Pause:
    return replace(Pause(service=service, at=NOON, by="ann", reason="the cache is cold", namespace="shop"), **values)


def test_a_pause_holds_until_somebody_resumes_it(store: RunStore) -> None:
    assert store.pause(a_pause()) == a_pause()

    assert store.pauses(now=NOON + timedelta(days=300)) == {"checkout": a_pause()}


def test_a_pause_with_an_end_is_over_by_itself(store: RunStore) -> None:
    store.pause(a_pause(until=LATER))

    assert store.pauses(["checkout"], now=LATER - timedelta(seconds=1)) == {"checkout": a_pause(until=LATER)}
    assert store.pauses(["checkout"], now=LATER) == {}
    assert store.resume("checkout", by="bob", now=LATER) is None


def test_those_of_other_services_are_asked_for_by_name(store: RunStore) -> None:
    for service in ("checkout", "search"):
        store.pause(a_pause(service))

    assert store.pauses(["search", "cart"], now=LATER) == {"search": a_pause("search")}
    assert set(store.pauses(now=LATER)) == {"checkout", "search"}


def test_who_resumes_it_stands_beside_who_paused_it(store: RunStore) -> None:
    store.pause(a_pause())

    ended = store.resume("checkout", by="bob", now=LATER)

    assert ended == a_pause(ended_at=LATER, ended_by="bob")
    assert store.pauses(now=LATER) == {}
    assert store.latest_pauses("checkout") == (ended,)
    assert store.resume("checkout", by="bob", now=LATER) is None


def test_a_persons_pause_takes_the_place_of_the_one_before_it(store: RunStore) -> None:
    store.pause(a_pause(by=BY_SPRINGTIDE, reason="the same words twice"))

    new = store.pause(a_pause(at=LATER, by="bob", until=TOMORROW))

    assert store.pauses(now=LATER) == {"checkout": new}
    assert [(each.by, each.ended_by) for each in store.latest_pauses("checkout")] == [
        ("bob", None),
        (BY_SPRINGTIDE, "bob"),
    ]


def test_springtides_own_never_takes_the_place_of_another(store: RunStore) -> None:
    store.pause(a_pause(until=TOMORROW))

    holds = store.pause(a_pause(at=LATER, by=BY_SPRINGTIDE, reason="the same words twice"))

    assert holds == a_pause(until=TOMORROW)
    assert store.latest_pauses("checkout") == (a_pause(until=TOMORROW),)


def test_of_several_processes_that_find_out_one_has_the_word(store: RunStore) -> None:
    found = [a_pause(at=NOON + timedelta(seconds=number), by=BY_SPRINGTIDE) for number in range(8)]
    with ThreadPoolExecutor(8) as processes:
        held = list(processes.map(store.pause, found))

    assert len({pause.at for pause in held}) == 1
    assert len(store.latest_pauses("checkout")) == 1


def test_the_oldest_that_are_over_are_forgotten(store: RunStore) -> None:
    for number in range(PAUSES_KEPT + 5):
        store.pause(a_pause(at=NOON + timedelta(minutes=number)))

    kept = store.latest_pauses("checkout")

    assert len(kept) == PAUSES_KEPT + 1
    assert (kept[0].at, kept[0].ended_at) == (NOON + timedelta(minutes=PAUSES_KEPT + 4), None)


def test_another_opening_of_the_database_sees_it(url: str) -> None:
    with open_store(url) as one, open_store(url) as other:
        one.pause(a_pause(until=TOMORROW, cluster="eu"))

        assert other.pauses(now=NOON) == {"checkout": a_pause(until=TOMORROW, cluster="eu")}
