"""What Airflow's traces hold of a run: the cluster is simulated, the exporters are OpenTelemetry's own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from springtide.errors import TemporaryError
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.record.sql import open_store
from springtide.sandbox.faults import Crashed, Fault, FaultKind, FaultPlan, Match
from springtide.workload import Workload
from springtide_airflow.hook import SpringtideHook
from support.dag_runs import run_id_of
from support.otlp_receiver import Receiver, receiving
from support.simulation import Simulation

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from springtide.record.store import RunStore

pytestmark = [  # what Airflow 3.3.2 itself does when a DAG runs inside a test
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
    # A traced DAG run asks for its one serialized DAG, and gets every version that the tests before it have made.
    pytest.mark.filterwarnings("ignore:Multiple rows returned with uselist=False for lazily-loaded attribute"),
]

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)


@pytest.fixture
def simulation(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """The same, whose tasks keep their records where the simulation does."""

    @contextmanager
    def store(_hook: SpringtideHook) -> Iterator[RunStore]:
        yield simulation.store

    monkeypatch.setattr(SpringtideHook, "store", store)
    return simulation


def traced_to(exporter: SpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Airflow's traces go to `exporter`, as its settings would for a whole process."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    traced_to(exporter, monkeypatch)
    return exporter


def run_once(dag: DAG, simulation: Simulation, **conf: object) -> tuple[str, str]:
    """Do all tasks of a DAG run; return how it ended, and its name."""
    due = simulation.world.clock.now()
    run = dag.test(logical_date=due, run_after=due, run_conf={"service": "checkout", **conf})
    return str(run.state.value), str(run.run_id)


def scope_of(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def of_springtide(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    """Return the run's spans, the whole one first, in the order in which they began."""
    spans = [span for span in exporter.get_finished_spans() if scope_of(span) == "springtide"]
    return sorted(spans, key=lambda span: (span.parent is not None, span.start_time or 0))


def test_a_run_is_one_trace_with_a_span_for_each_phase(
    scale_service: DAG, simulation: Simulation, exported: InMemorySpanExporter
) -> None:
    state, run_id = run_once(scale_service, simulation, replicas=4)

    whole, *phases = of_springtide(exported)
    record = simulation.store.get(run_id)
    assert state == "success"
    assert [phase.name for phase in phases] == [phase.phase for phase in record.phases]
    assert {"create_instances", "switch_endpoints", "smoke_test"} <= {phase.name for phase in phases}
    assert (whole.name, whole.parent, whole.status.status_code) == ("springtide run", None, trace.StatusCode.UNSET)
    assert {phase.context.trace_id for phase in phases} == {whole.context.trace_id}
    assert {phase.parent.span_id for phase in phases if phase.parent} == {whole.context.span_id}
    assert dict(whole.attributes or {})["springtide.outcome"] == record.outcome.value == "succeeded"
    assert record.ended_at is not None
    assert whole.end_time == int(record.ended_at.timestamp() * 1e6) * 1000


def test_a_run_that_was_rolled_back_is_marked_by_its_code(
    scale_service: DAG, simulation: Simulation, exported: InMemorySpanExporter
) -> None:
    due = simulation.world.clock.now() - timedelta(hours=2)
    simulation.world.faults = FaultPlan().at(Match(write=5), Fault(FaultKind.CRASH_AFTER))
    with pytest.raises(Crashed):
        simulation.run(4, run_id_of(due))
    simulation.world.faults = FaultPlan()
    simulation.world.settle()

    run = scale_service.test(logical_date=due, run_after=due, run_conf={"service": "checkout", "replicas": 4})

    whole, *phases = of_springtide(exported)
    record = simulation.store.get(run_id_of(due))
    assert (str(run.state.value), record.outcome) == ("failed", RunOutcome.ROLLED_BACK)
    assert record.error is not None
    assert whole.status.status_code is trace.StatusCode.ERROR
    assert whole.status.description == dict(whole.attributes or {})["error.type"] == record.error["code"]
    assert phases[-1].name == "roll_back"


def test_a_run_with_nothing_to_do_is_traced_too(
    scale_service: DAG, simulation: Simulation, exported: InMemorySpanExporter
) -> None:
    run_once(scale_service, simulation, replicas=2)

    whole, *phases = of_springtide(exported)
    assert dict(whole.attributes or {})["springtide.outcome"] == "nothing_to_do"
    assert [phase.name for phase in phases] == ["calculate_capacity"]


def test_a_run_that_reconcile_runs_ended_is_sent_by_it_once(
    bag: DagBag, simulation: Simulation, exported: InMemorySpanExporter
) -> None:
    simulation.world.faults = FaultPlan().at(Match(write=5), Fault(FaultKind.CRASH_AFTER))
    with pytest.raises(Crashed):
        simulation.run(4, "manual__gone")
    simulation.world.faults = FaultPlan()
    simulation.world.settle()
    assert of_springtide(exported) == []

    for _ in range(2):
        assert str(bag.dags["reconcile_runs"].test().state.value) == "success"

    whole, *phases = of_springtide(exported)
    attributes = dict(whole.attributes or {})
    assert (attributes["springtide.run_id"], attributes["springtide.outcome"]) == ("manual__gone", "rolled_back")
    assert phases[-1].name == "roll_back"


def test_the_run_and_the_task_that_sent_it_are_linked(
    scale_service: DAG, simulation: Simulation, exported: InMemorySpanExporter
) -> None:
    task = trace.get_tracer_provider().get_tracer("airflow").start_span("worker.report")
    with trace.use_span(task, end_on_exit=True):
        run_once(scale_service, simulation, replicas=2)

    whole = of_springtide(exported)[0]
    (report,) = [span for span in exported.get_finished_spans() if span.name == "worker.report"]
    assert [link.context.span_id for link in whole.links] == [report.context.span_id]
    assert [link.context.trace_id for link in report.links] == [whole.context.trace_id]


class Broken(SpanExporter):
    """An exporter that can only fail."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise ConnectionRefusedError(f"{len(spans)} spans for nobody")


def test_an_exporter_that_fails_fails_no_run(
    scale_service: DAG, simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced_to(Broken(), monkeypatch)

    state, run_id = run_once(scale_service, simulation, replicas=4)

    assert (state, simulation.store.get(run_id).outcome) == ("success", RunOutcome.SUCCEEDED)


def test_a_store_that_does_not_answer_costs_the_trace_and_not_the_run(
    scale_service: DAG,
    simulation: Simulation,
    exported: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def store(_hook: SpringtideHook) -> None:
        raise TemporaryError("the store does not answer", code="store_unavailable")

    monkeypatch.setattr(SpringtideHook, "store", store)
    with caplog.at_level(logging.WARNING):
        state, run_id = run_once(scale_service, simulation, replicas=4)

    assert (state, of_springtide(exported)) == ("success", [])
    assert f"no trace is sent of {run_id}: the store does not answer" in caplog.text


def test_without_airflows_traces_nothing_is_read(
    scale_service: DAG, simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(SpringtideHook, "store", opened.append)

    state, _ = run_once(scale_service, simulation, replicas=4)

    assert (state, opened) == ("success", [])


SENDING = """
import sys
import airflow  # sets up its traces, as it does for a task
from airflow.sdk.execution_time.task_runner import flush_spans
from springtide_airflow.tracing import trace_runs

with flush_spans():
    trace_runs(sys.argv[1:])
"""


def send_from_airflow(folder: Path, receiver: Receiver, *run_ids: str, on: str = "True") -> None:
    """Send runs of the store in `folder` from a process that is set up as Airflow's own, by its settings alone."""
    settings = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__TRACES__OTEL_ON": on,
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_SERVICE_NAME": "airflow-of-the-shop",
        "SPRINGTIDE_STORE_URL": f"sqlite:///{folder}/runs.db",
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": f"{ROOT}/include:{ROOT}/plugins",
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | settings
    command = [sys.executable, "-c", SENDING, *run_ids]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def kept(tmp_path: Path) -> ScalingRun:
    """A run that is in the store of `tmp_path`."""
    phase = PhaseRecord(phase="smoke_test", status=PhaseStatus.RUNNING, started_at=NOON + timedelta(seconds=10))
    run = ScalingRun(
        run_id="manual__1",
        policy="checkout",
        target=Workload(namespace="shop", deployment="checkout", service="checkout"),
        strategy="blue_green",
        requested_by="ada",
        reason="singles day",
        started_at=NOON,
    ).with_phase(phase.with_end(PhaseStatus.SUCCEEDED, at=NOON + timedelta(seconds=14), seconds=4))
    with open_store(f"sqlite:///{tmp_path}/runs.db") as store:
        store.save(run.with_outcome(RunOutcome.SUCCEEDED, at=NOON + timedelta(seconds=42)))
        return store.get(run.run_id)


def seconds(span: Span) -> tuple[float, float]:
    begin = int(NOON.timestamp()) * 10**9
    return (span.start_time_unix_nano - begin) / 1e9, (span.end_time_unix_nano - begin) / 1e9


def test_airflows_settings_send_a_run_to_a_collector(kept: ScalingRun, tmp_path: Path) -> None:
    with receiving() as receiver:
        send_from_airflow(tmp_path, receiver, "no such run", kept.run_id)
        whole, phase = receiver.spans("springtide")
        send_from_airflow(tmp_path, receiver, kept.run_id)
        again = receiver.spans("springtide")[2:]

    assert set(receiver.paths) == {"/v1/traces"}
    assert receiver.services() == {"airflow-of-the-shop"}
    assert (whole.name, seconds(whole), whole.parent_span_id) == ("springtide run", (0, 42), b"")
    assert (phase.name, seconds(phase), phase.parent_span_id) == ("smoke_test", (10, 14), whole.span_id)
    assert [(span.trace_id, span.span_id) for span in again] == [
        (whole.trace_id, whole.span_id),
        (whole.trace_id, phase.span_id),
    ]


def test_nothing_is_sent_while_airflows_traces_are_off(kept: ScalingRun, tmp_path: Path) -> None:
    with receiving() as receiver:
        send_from_airflow(tmp_path, receiver, kept.run_id, on="False")

    assert receiver.requests == []


def test_a_collector_that_refuses_costs_the_task_nothing(kept: ScalingRun, tmp_path: Path) -> None:
    with receiving(status=400) as receiver:
        send_from_airflow(tmp_path, receiver, kept.run_id)

    assert len(receiver.spans("springtide")) == 2
