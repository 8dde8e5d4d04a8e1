"""Sends runs that have ended to where Airflow sends its own traces.

Airflow's settings alone decide: `[traces] otel_on`, and OpenTelemetry's variables for where and how. While it is off,
nothing is read and nothing is made. A run is a trace of its own, linked with the span of the task that sent it.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from springtide import __version__
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from springtide.record.spans import RunSpan, RunTrace
    from springtide.record.store import RunStore

log = logging.getLogger(__name__)

_sending: Final = Lock()
"""A provider has one tracer of a name, and the tracer one source of ids."""


def trace_runs(run_ids: Iterable[str]) -> None:
    """Send the runs that have ended; whatever goes wrong is logged, and is no run's concern."""
    provider = trace.get_tracer_provider()
    asked = list(run_ids)
    if not asked or not isinstance(provider, TracerProvider):
        return
    try:
        with SpringtideHook().store() as store:
            installation = airflow_settings().installation or store.installation()
            for run_id in asked:
                _trace_run(provider, store, run_id, installation)
    except Exception as error:  # noqa: BLE001  a trace is for looking at: it must not fail what it shows
        log.warning("no trace is sent of %s: %s", ", ".join(asked), error)


def _trace_run(provider: TracerProvider, store: RunStore, run_id: str, installation: str) -> None:
    from springtide.record.spans import trace_of

    try:
        made = trace_of(store.get(run_id), installation)
        if made is not None:
            send(provider, made)
    except Exception as error:  # noqa: BLE001  one run without a trace takes no other's
        log.warning("no trace is sent of run %s: %s", run_id, error)


def send(provider: TracerProvider, made: RunTrace) -> None:
    """Hand the spans to the provider, whose sampler, processors and exporter do the rest."""
    tracer = provider.get_tracer("springtide", __version__)
    if not isinstance(tracer, Tracer):
        return  # OTEL_SDK_DISABLED
    task = trace.get_current_span()
    links = [trace.Link(task.get_span_context())] if task.get_span_context().is_valid else []
    with _sending:
        run = _sent(tracer, made.run, Context(), links)
        for phase in made.phases:
            _sent(tracer, phase, trace.set_span_in_context(run, Context()), [])
    task.add_link(run.get_span_context())


def _sent(tracer: Tracer, span: RunSpan, parent: Context, links: list[trace.Link]) -> trace.Span:
    tracer.id_generator = _Ids(span)
    attributes = dict(span.attributes)
    sent = tracer.start_span(span.name, context=parent, start_time=span.start_ns, attributes=attributes, links=links)
    if span.is_failed:
        sent.set_status(trace.Status(trace.StatusCode.ERROR, span.error_code or None))
    sent.end(end_time=span.end_ns)
    return sent


class _Ids(IdGenerator):
    """Gives the ids that a span already has."""

    def __init__(self, span: RunSpan) -> None:
        self._span = span

    def generate_span_id(self) -> int:
        return self._span.span_id

    def generate_trace_id(self) -> int:
        return self._span.trace_id
