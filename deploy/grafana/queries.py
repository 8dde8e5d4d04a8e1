"""PromQL over springtide's metrics, from the metrics themselves: a name or a label that is none cannot be written.

Every exporter of one store shows the same numbers. So whatever is asked first takes the greatest over the exporters
(`latest`), and only then adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from springtide.errors import InputError
from springtide.record.metrics import Metric

Where = dict[str, str]
"""Labels and the values that they must have; `$name` is what was chosen at the top of the dashboard."""


def latest(metric: Metric, where: Where | None = None) -> str:
    """Return the last value of every series of a gauge or a counter."""
    return f"max{_by(labels_of(metric))}({metric.name}{_selector(metric, where)})"


def among(metric: Metric, *by: str, where: Where | None = None) -> str:
    """Return the sum of the last values, by some labels or of all."""
    return f"sum{_grouped(metric, by)}({latest(metric, where)})"


def age(metric: Metric, where: Where | None = None) -> str:
    """Return how many seconds ago the moment of every series was; below 0 where it is still to come."""
    return f"time() - {latest(metric, where)}"


def silence(metric: Metric, looked_at: Metric, where: Where | None = None) -> str:
    """Return how many seconds before the last look, `looked_at`, the moment of every series was.

    Who looks seldom, or no more, makes nobody silent.
    """
    return f"scalar({latest(looked_at)}) - {latest(metric, where)}"


def left(metric: Metric, where: Where | None = None) -> str:
    """Return in how many seconds the moment of every series comes; below 0 where it has been."""
    return f"{latest(metric, where)} - time()"


def growth(metric: Metric, *by: str, where: Where | None = None, over: str = "$__rate_interval") -> str:
    """Return by how much a counter grew within `over`, by some labels or in all."""
    increase = f"increase({metric.name}{_selector(metric, where)}[{over}])"
    return f"sum{_grouped(metric, by)}(max{_by(labels_of(metric))}({increase}))"


def quantile(metric: Metric, share: float, *by: str, over: str = "$__range") -> str:
    """Return the value that this share of what a histogram saw within `over` kept below, by some labels or in all."""
    increase = f"max{_by([*labels_of(metric), 'le'])}(increase({metric.name}_bucket[{over}]))"
    return f"histogram_quantile({share}, sum{_by([*_known(metric, by), 'le'])}({increase}))"


def share_of(metric: Metric, where: Where, *, over: str = "$__range") -> str:
    """Return which share of what a counter counted within `over` is `where`, 0 to 1."""
    return f"{growth(metric, where=where, over=over)} / {growth(metric, over=over)}"


def per(metric: Metric, whole: Metric, *, over: str = "$__range") -> str:
    """Return how much of one counter comes on one of another."""
    return f"{growth(metric, over=over)} / {growth(whole, over=over)}"


def of_event(expression: str, event_metric: Metric, label: str, where: Where) -> str:
    """Return those series of `expression` whose `label` is among those that an event's metric has."""
    return f"{expression} and on ({', '.join(_known(event_metric, [label]))}) {latest(event_metric, where)}"


def labels_of(metric: Metric) -> list[str]:
    """Return the names of a metric's labels."""
    return [field.name for field in fields(metric.labels)]


def _grouped(metric: Metric, by: Sequence[str]) -> str:
    return _by(_known(metric, by))


def _by(labels: Sequence[str]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""


def _selector(metric: Metric, where: Where | None) -> str:
    values = where or {}
    pairs = [f'{label}="{values[label]}"' for label in _known(metric, list(values))]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _known(metric: Metric, labels: Sequence[str]) -> Sequence[str]:
    for label in labels:
        if label not in labels_of(metric):
            raise InputError(
                f"{metric.name} has no label {label!r}; allowed: {', '.join(labels_of(metric)) or 'none'}.",
                code="label_unknown",
            )
    return labels
