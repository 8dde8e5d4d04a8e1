"""What somebody saw, in every store: it takes the place of what was seen before, and unknown is not nothing."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from springtide.capacity.learned import Learned
from springtide.errors import TemporaryError
from springtide.record.looks import (
    EVENTS_SHOWN_FOR,
    EventSeen,
    LeaseSeen,
    approval_asked,
    approval_ended,
    calendars_seen,
    event_late,
    event_prepared,
    floors_seen,
    keep_look,
    leases_seen,
    sweep_ended,
)
from springtide.record.memory import MemoryStore
from springtide.record.metrics import LeaseLabels
from springtide.record.store import RunStore
from unit.record.run_builders import NOON, a_phase, a_run
from unit.record.test_decision_store import a_decision

HOUR = timedelta(hours=1)


def shown(store: RunStore, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one metric, by their labels' values."""
    return {
        tuple(value for _, value in total.labels): total.value
        for total in store.totals()
        if total.name == f"springtide_{name}"
    }


def a_lease(policy: str = "checkout", status: str = "alive", phase: str = "smoke_test") -> LeaseSeen:
    labels = LeaseLabels(policy=policy, phase=phase, status=status)
    return LeaseSeen(labels=labels, acquired=NOON - HOUR, renewed=NOON)


class TestLeases:
    def test_a_round_shows_what_is_held_and_since_when(self, store: RunStore) -> None:
        store.measure(leases_seen([a_lease(), a_lease("search", "needs_attention")], refused=0, now=NOON))

        acquired = (NOON - HOUR).timestamp()
        assert shown(store, "lease_acquired_timestamp_seconds") == {
            ("checkout", "smoke_test", "alive"): acquired,
            ("search", "smoke_test", "needs_attention"): acquired,
        }
        assert shown(store, "runs_needing_attention") == {("search",): 1}
        assert shown(store, "reconcile_end_timestamp_seconds") == {(): NOON.timestamp()}

    def test_what_is_free_by_the_next_round_is_shown_no_more(self, store: RunStore) -> None:
        store.measure(leases_seen([a_lease(status="needs_attention")], refused=0, now=NOON))
        store.measure(leases_seen([], refused=0, now=NOON + HOUR))

        assert shown(store, "lease_renewed_timestamp_seconds") == {}
        assert shown(store, "runs_needing_attention") == {}

    def test_a_namespace_that_cannot_be_read_takes_nothing_away(self) -> None:
        store = MemoryStore()
        store.measure(leases_seen([a_lease(), a_lease("search", "needs_attention")], refused=0, now=NOON))
        store.measure(leases_seen([a_lease(phase="roll_back")], refused=1, now=NOON + HOUR))

        assert set(shown(store, "lease_renewed_timestamp_seconds")) == {
            ("checkout", "roll_back", "alive"),
            ("search", "smoke_test", "needs_attention"),
        }
        assert shown(store, "runs_needing_attention") == {("search",): 1}
        assert shown(store, "reconcile_refused") == {(): 1}


class TestApprovals:
    def test_who_waits_is_shown_until_somebody_answers_and_the_answer_counts_once(self, store: RunStore) -> None:
        store.measure(approval_asked("checkout", now=NOON, within=HOUR))
        assert shown(store, "approval_deadline_timestamp_seconds") == {("checkout",): (NOON + HOUR).timestamp()}

        store.measure(approval_ended("checkout", "approved"))
        store.measure(approval_ended("checkout", "approved"))

        assert shown(store, "approval_waiting_since_timestamp_seconds") == {}
        assert shown(store, "approval_deadline_timestamp_seconds") == {}
        assert shown(store, "gate_outcomes_total") == {("approval", "approved"): 1}

    def test_a_question_that_nobody_took_back_goes_when_its_deadline_is_over(self) -> None:
        store = MemoryStore()
        store.measure(approval_asked("checkout", now=NOON, within=HOUR))
        store.measure(leases_seen([], refused=0, now=NOON + HOUR / 2))
        assert shown(store, "approval_deadline_timestamp_seconds")

        store.measure(leases_seen([], refused=0, now=NOON + HOUR))

        assert shown(store, "approval_deadline_timestamp_seconds") == {}
        assert shown(store, "approval_waiting_since_timestamp_seconds") == {}


class TestFloorsAndCalendars:
    def test_a_floor_is_shown_while_it_is_held(self) -> None:
        store = MemoryStore()
        store.measure(floors_seen({"checkout": NOON, "search": NOON}, of=["checkout", "search"], now=NOON))
        store.measure(floors_seen({"search": NOON}, of=["checkout", "search"], now=NOON))

        assert shown(store, "floor_until_timestamp_seconds") == {("search",): NOON.timestamp()}
        assert shown(store, "floors_check_timestamp_seconds") == {(): NOON.timestamp()}

    def test_the_floor_of_a_policy_that_cannot_be_read_stays(self) -> None:
        store = MemoryStore()
        store.measure(floors_seen({"checkout": NOON, "search": NOON}, of=["checkout", "search"], now=NOON))
        store.measure(floors_seen({"search": NOON + HOUR}, of=["search"], now=NOON))

        assert set(shown(store, "floor_until_timestamp_seconds")) == {("checkout",), ("search",)}

    def test_a_calendar_is_whole_or_broken_and_goes_with_its_file(self) -> None:
        store = MemoryStore()
        store.measure(calendars_seen({"sales.yaml": True, "old.yaml": False}, now=NOON))
        store.measure(calendars_seen({"sales.yaml": False}, now=NOON))

        assert shown(store, "calendar_broken") == {("sales.yaml",): 0}

    def test_the_name_of_a_file_is_cut_to_what_a_label_holds(self, store: RunStore) -> None:
        store.measure(calendars_seen({"é" * 300: True}, now=NOON))

        (name,) = shown(store, "calendar_broken")
        assert len(name[0]) < 121


class TestSweeps:
    def test_a_sweep_is_counted_with_its_services_and_its_time(self, store: RunStore) -> None:
        store.measure(sweep_ended(["checkout", "search", "pay"], ["pay"], began_at=NOON - HOUR / 60, now=NOON))

        assert shown(store, "sweeps_total") == {("failed",): 1}
        assert shown(store, "sweep_services") == {("good",): 2, ("failed",): 1}
        assert shown(store, "sweep_duration_seconds_sum") == {(): 60}
        assert shown(store, "sweep_end_timestamp_seconds") == {(): NOON.timestamp()}

    def test_what_was_shown_of_a_policy_goes_with_it(self) -> None:
        store = MemoryStore()
        store.save_learned("gone", Learned(errors={"forecast-0123": 0.4}))
        store.save_learned("checkout", Learned(errors={"forecast-0123": 0.2}))
        store.measure(sweep_ended(["checkout"], [], began_at=NOON, now=NOON))

        assert shown(store, "model_error_ratio") == {("checkout", "forecast"): 0.2}

    def test_a_folder_without_policies_takes_nothing_away(self) -> None:
        store = MemoryStore()
        store.save_learned("checkout", Learned(errors={"forecast-0123": 0.2}))
        store.measure(sweep_ended([], [], began_at=NOON, now=NOON))

        assert shown(store, "model_error_ratio") == {("checkout", "forecast"): 0.2}


class TestEvents:
    def seen(self, **values: Any) -> EventSeen:
        stood = {"checkout": NOON - HOUR / 2, "search": NOON + HOUR / 4}
        event = EventSeen(event="flash", start=NOON, began_at=NOON - HOUR, stood_at=stood)
        return replace(event, **values)

    def test_a_preparation_shows_its_lead_and_when_each_service_stood(self, store: RunStore) -> None:
        store.measure(event_prepared([self.seen()], now=NOON))

        assert shown(store, "event_lead_seconds") == {("flash",): 3600}
        assert shown(store, "event_lateness_seconds") == {("checkout", "flash"): -1800, ("search", "flash"): 900}
        assert shown(store, "event_prepared_timestamp_seconds") == {("flash",): NOON.timestamp()}
        assert shown(store, "event_late_timestamp_seconds") == {}

    def test_a_service_that_does_not_stand_is_not_shown_as_it_stood_the_last_time(self) -> None:
        store = MemoryStore()
        store.measure(event_prepared([self.seen()], now=NOON))
        store.measure(event_prepared([self.seen(stood_at={"checkout": None, "search": NOON})], now=NOON + HOUR))

        assert shown(store, "event_lateness_seconds") == {("search", "flash"): 0}
        assert shown(store, "event_late_timestamp_seconds") == {("flash",): (NOON + HOUR).timestamp()}

    def test_that_it_cannot_end_in_time_is_shown_at_once(self) -> None:
        store = MemoryStore()
        store.measure(event_late(["flash"], now=NOON))

        assert shown(store, "event_late_timestamp_seconds") == {("flash",): NOON.timestamp()}

    def test_an_event_that_comes_no_more_goes_after_a_month(self) -> None:
        store = MemoryStore()
        store.measure(event_prepared([self.seen()], now=NOON))
        store.measure(event_prepared([self.seen(event="other")], now=NOON + EVENTS_SHOWN_FOR))

        assert set(shown(store, "event_lead_seconds")) == {("other",)}
        assert set(shown(store, "event_lateness_seconds")) == {("checkout", "other"), ("search", "other")}


class TestDecisions:
    def test_what_the_gate_said_and_who_abstained_counts_once_for_each_decision(self, store: RunStore) -> None:
        decision = a_decision(0, gate="hold", abstained=("forecast", "seasonal"))
        store.save_decisions([decision], now=NOON)
        store.save_decisions([decision], now=NOON)

        assert shown(store, "gate_outcomes_total") == {("metrics", "hold"): 1}
        assert shown(store, "model_abstained_total") == {("checkout", "forecast"): 1, ("checkout", "seasonal"): 1}

    def test_since_when_demand_is_not_trusted_is_shown_until_it_is(self, store: RunStore) -> None:
        held = "metrics_gate_held_since_timestamp_seconds"
        for number, gate in enumerate(["pass", "refuse", "hold"]):
            store.save_decisions([a_decision(number, gate=gate)], now=NOON)
        assert shown(store, held) == {("checkout",): a_decision(1).at.timestamp()}

        store.save_decisions([a_decision(3, gate="pass")], now=NOON)

        assert shown(store, held) == {}

    def test_a_run_by_hand_does_not_say_what_sweeps_trust(self) -> None:
        store = MemoryStore()
        store.save_decisions([a_decision(0, gate="hold", by_hand=True)], now=NOON)

        assert shown(store, "metrics_gate_held_since_timestamp_seconds") == {}
        assert shown(store, "gate_outcomes_total") == {("metrics", "hold"): 1}


def test_the_errors_of_models_are_those_that_were_learned_last(store: RunStore) -> None:
    store.save_learned("checkout", Learned(errors={"forecast-0123": 0.4, "seasonal-4567": 0.1}))
    store.save_learned("checkout", Learned(errors={"forecast-89ab": 0.3}))

    assert shown(store, "model_error_ratio") == {("checkout", "forecast"): 0.3}


def test_reads_are_counted_with_every_call_and_not_in_dry_runs(store: RunStore) -> None:
    store.save(a_run("1"))
    store.save(a_run("2", dry_run=True))
    for run_id in ("1", "1", "2"):
        store.save_phase(run_id, a_phase("smoke_test"), reads=7)
    store.save_phase("1", a_phase("create_instances"))

    assert shown(store, "cluster_reads_total") == {("smoke_test",): 14}


def test_a_store_that_does_not_answer_costs_the_metrics_alone(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[object] = []

    def measure(look: object) -> None:
        asked.append(look)
        raise TemporaryError("the store does not answer", code="store_unavailable")

    look = event_late(["flash"], now=NOON)
    keep_look(lambda: nullcontext(SimpleNamespace(measure=measure)), look)

    assert asked == [look]
    assert not caplog.records or "metrics_not_kept" in caplog.text
