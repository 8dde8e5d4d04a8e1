"""The store's totals as Prometheus reads them: a page, or a file for node_exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import TemporaryError
from springtide.record.metrics import METRICS, Metric
from springtide.record.samples import Total, bound_text

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family

FILE: Final = "springtide.prom"
"""What `write_textfile` writes; the textfile collector reads every `*.prom` of its directory."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""What the page is called over HTTP."""


def exposition(totals: Iterable[Total]) -> bytes:
    """Return the totals in Prometheus' text format."""
    from prometheus_client import generate_latest

    return generate_latest(_registry(totals))


def write_textfile(totals: Iterable[Total], directory: Path) -> Path:
    """Write the totals to `directory`/springtide.prom, which appears whole or not at all, and return its path.

    Raises:
        TemporaryError: the directory cannot be written to (`metrics_unwritable`).
    """
    from prometheus_client import write_to_textfile

    path = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(path), _registry(totals))
    except OSError as error:
        raise TemporaryError(
            f"metrics could not be written to {path}: {error.strerror}. Give this user the right to write there.",
            code="metrics_unwritable",
            field="metrics_directory",
        ) from error
    return path


class _Totals:
    """What a registry asks for metrics."""

    def __init__(self, totals: Iterable[Total]) -> None:
        self._values = {(total.name, total.labels): total.value for total in totals}

    def collect(self) -> Iterator[Family]:
        """Yield every metric, those without a sample too, so that a dashboard finds them from the first day."""
        for metric in METRICS:
            yield self._histogram(metric) if metric.bounds else self._simple(metric)

    def _simple(self, metric: Metric) -> Family:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        names = [field.name for field in fields(metric.labels)]
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family: Family = kind(metric.name, metric.help, labels=names)
        for (name, labels), value in self._values.items():
            if name == metric.name:
                family.add_sample(name, dict(labels), value)
        return family

    def _histogram(self, metric: Metric) -> Family:
        from prometheus_client.core import HistogramMetricFamily

        names = [field.name for field in fields(metric.labels)]
        family = HistogramMetricFamily(metric.name, metric.help, labels=names)
        for (name, labels), value in self._values.items():
            if name == f"{metric.name}_sum":
                bounds = [bound_text(bound) for bound in metric.bounds]
                counts = [
                    self._values.get((f"{metric.name}_bucket", (*labels, ("le", bound))), 0.0) for bound in bounds
                ]
                values = [label for _, label in labels]
                family.add_metric(values, buckets=list(zip(bounds, counts, strict=True)), sum_value=value)
        return family


def _registry(totals: Iterable[Total]) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Totals(totals))
    return registry
