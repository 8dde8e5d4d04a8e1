"""What the store writes, scraped by a real Prometheus: every query of every dashboard has something to show."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from deploy.grafana.__main__ import DASHBOARDS, FOLDER

from springtide.record.exposition import exposition
from springtide.record.looks import LeaseSeen, calendars_seen, floors_seen, leases_seen, pauses_seen
from springtide.record.metrics import (
    APPROVAL_DEADLINE,
    APPROVAL_WAITING_SINCE,
    EVENT_LATE_TOLD,
    EVENT_LATENESS,
    EVENT_LEAD,
    EVENT_PREPARED,
    GATES,
    METRICS_HELD_SINCE,
    MODEL_ABSTAINED,
    MODEL_ERROR,
    MODEL_ERROR_AT,
    SWEEP_DURATION,
    SWEEP_ENDED,
    SWEEP_SERVICES,
    SWEEPS,
    EventLabels,
    EventPolicyLabels,
    GateLabels,
    LeaseLabels,
    ModelLabels,
    NoLabels,
    OutcomeLabels,
    PolicyLabels,
)
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.record.samples import Change, became, counted, observed
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from springtide.workload import Workload
from support.prometheus_process import Server, running

NOW = datetime.now(UTC).replace(microsecond=0)
SCRAPES = 6
OUTCOMES = (
    RunOutcome.SUCCEEDED,
    RunOutcome.SUCCEEDED,
    RunOutcome.ROLLED_BACK,
    RunOutcome.FAILED,
    RunOutcome.NOTHING_TO_DO,
    RunOutcome.NEEDS_ATTENTION,
)
FILLED = {"$__rate_interval": "1m", "$__range": "5m", "$policy": "checkout", "$event": "singles-day"}

Changes = tuple[Change, ...]


def run_of(number: int, outcome: RunOutcome) -> ScalingRun:
    run = ScalingRun(
        run_id=f"manual__{number}",
        policy="checkout",
        target=Workload(namespace="shop", deployment="checkout", service="checkout"),
        strategy="blue_green",
        requested_by="ada",
        reason="singles day",
        started_at=NOW,
        plan={"replicas": 6, "current": 3, "clamps": [{"guard": "max_replicas"}]},
        verdict={"status": "pass", "checks": [{"check": "http /healthz", "status": "pass"}]},
    )
    return run.with_outcome(outcome, at=NOW + timedelta(seconds=40 + number))


def keep_runs(store: RunStore, first: int) -> None:
    """Keep a run of each outcome, with a phase whose reads of the cluster were counted."""
    for number, outcome in enumerate(OUTCOMES, first):
        run = run_of(number, outcome)
        phase = PhaseRecord(phase="smoke_test", status=PhaseStatus.RUNNING, started_at=NOW)
        store.save(run)
        store.save_phase(run.run_id, phase.with_end(PhaseStatus.SUCCEEDED, at=NOW, seconds=4), reads=7)


def keep_what_is_counted(store: RunStore) -> None:
    """Keep what sweeps, gates and models count, once."""
    changes: Changes = (
        counted(GATES, GateLabels("metrics", "pass")),
        counted(MODEL_ABSTAINED, ModelLabels("checkout", "forecast")),
        counted(SWEEPS, OutcomeLabels("good")),
        *observed(SWEEP_DURATION, NoLabels(), 42),
    )
    store.measure(lambda _present: changes)


def keep_what_is_seen(store: RunStore) -> None:
    """Keep what rounds, sweeps, preparations and approvals see."""
    checkout = PolicyLabels("checkout")
    event = EventLabels("singles-day")
    at = NOW.timestamp()
    lease = LeaseLabels(policy="checkout", phase="smoke_test", status="needs_attention")
    changes: Changes = (
        became(APPROVAL_WAITING_SINCE, checkout, at - 60),
        became(APPROVAL_DEADLINE, checkout, at + 3600),
        became(METRICS_HELD_SINCE, checkout, at - 300),
        became(MODEL_ERROR, ModelLabels("checkout", "forecast"), 0.12),
        became(MODEL_ERROR_AT, checkout, at - 3600),
        became(SWEEP_ENDED, NoLabels(), at),
        became(SWEEP_SERVICES, OutcomeLabels("good"), 9),
        became(EVENT_LEAD, event, 5400),
        became(EVENT_LATENESS, EventPolicyLabels("checkout", "singles-day"), -1200),
        became(EVENT_PREPARED, event, at - 600),
        became(EVENT_LATE_TOLD, event, at - 900),
    )
    store.measure(leases_seen([LeaseSeen(labels=lease, acquired=NOW, renewed=NOW)], refused=0, now=NOW))
    store.measure(floors_seen({"checkout": NOW + timedelta(hours=2)}, of=["checkout"], now=NOW))
    store.measure(calendars_seen({"sales": False}, now=NOW))
    store.measure(pauses_seen({"checkout": (True, NOW - timedelta(minutes=5))}))
    store.measure(lambda _present: changes)


@contextmanager
def scraped(page: Callable[[int], bytes]) -> Iterator[tuple[str, Event]]:
    """Serve `page` of how many scrapes there were; the event says that there were enough."""
    enough = Event()
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page(len(seen))
            seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if len(seen) >= SCRAPES:
                enough.set()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", enough
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that scraped a store while runs ended."""
    folder = tmp_path_factory.mktemp("dashboards")
    with open_store(f"sqlite:///{folder}/runs.db") as store:
        keep_runs(store, 0)
        keep_what_is_counted(store)
        keep_what_is_seen(store)
        before = exposition(store.totals())
        keep_runs(store, len(OUTCOMES))
        keep_what_is_counted(store)
        after = exposition(store.totals())
    with scraped(lambda number: before if number < SCRAPES // 2 else after) as (target, enough):
        settings = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "springtide", "static_configs": [{"targets": [target]}]}],
        }
        with running(folder / "data", json.dumps(settings)) as server:
            assert enough.wait(60), "Prometheus does not scrape"
            yield server


def queries() -> list[tuple[str, str, str]]:
    """Return every query of every dashboard: where it stands, its expression and its legend."""
    return [
        (f"{dashboard.name}: {panel['title']} {target['refId']}", target["expr"], target["legendFormat"])
        for dashboard in DASHBOARDS
        for panel in json.loads((FOLDER / f"{dashboard.name}.json").read_text())["panels"]
        for target in panel.get("targets", [])
    ]


def answer(server: Server, path: str, **parameters: str) -> Any:
    with httpx.Client(trust_env=False, timeout=10) as client:
        reply = client.get(f"{server.url}/api/v1/{path}", params=parameters)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def filled(expression: str) -> str:
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    return expression


@pytest.mark.parametrize(("where", "expression", "legend"), queries(), ids=[where for where, *_ in queries()])
def test_every_query_of_every_dashboard_has_a_series(shop: Server, where: str, expression: str, legend: str) -> None:
    series = answer(shop, "query", query=filled(expression))["result"]

    assert series, where
    assert all(math.isfinite(float(one["value"][1])) for one in series), series
    named = {part.partition("}}")[0] for part in legend.split("{{")[1:]}
    assert all(named <= one["metric"].keys() for one in series), f"{where}: the legend names a label that is not there"


def test_what_the_dashboards_show_is_what_happened(shop: Server) -> None:
    shown = {where: expression for where, expression, _ in queries()}

    def value(where: str) -> float:
        (one,) = answer(shop, "query", query=filled(shown[where]))["result"]
        return float(one["value"][1])

    assert value("fleet: Runs that need a person A") == 1
    assert value("fleet: Calendars with errors A") == 0
    assert value("fleet: Reads of the cluster for one run A") == pytest.approx(7)
    assert value("fleet: Runs rolled back or failed, of all that ended A") == pytest.approx(1 / 6)
    assert value("service: Replicas of the latest plan A") == 6
    left = 3600 - (datetime.now(UTC) - NOW).total_seconds()
    assert value("service: Time left to approve A") == pytest.approx(left, abs=60)
    assert value("event: Services that were late A") == 0
    assert value("event: Begun before the event A") == 5400


@pytest.mark.parametrize(
    ("metric", "label", "values"),
    [
        ("springtide_desired_replicas", "policy", ["checkout"]),
        ("springtide_event_lead_seconds", "event", ["singles-day"]),
    ],
)
def test_what_can_be_chosen_is_there(shop: Server, metric: str, label: str, values: list[str]) -> None:
    assert answer(shop, f"label/{label}/values", **{"match[]": metric}) == values
