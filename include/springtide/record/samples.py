"""Samples of metrics: what they are, how they change, and what somebody saw. Pure; `metrics` has the names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from springtide.record.metrics import AnyLabels, Metric

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]

LONGEST: Final = 120
"""Characters of a label's value: names are shorter, and a file's name is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One sample that goes up by `value`, or becomes it."""

    name: str
    labels: Labels
    value: float
    replaces: bool = False

    @property
    def key(self) -> Key:
        """What makes two samples the same."""
        return self.name, self.labels


@dataclass(frozen=True, slots=True)
class Gone:
    """One sample that is no more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Total:
    """One sample's present value."""

    name: str
    labels: Labels
    value: float


Present = Mapping[Key, float]
"""Every sample's present value."""

Look = Callable[[Present], Iterable[Change | Gone]]
"""What somebody saw: how the samples change by it, from what they are. Pure: a store may ask it more than once."""


def applied(change: Change, value: float | None) -> float:
    """Return the sample's next value; `value` is its present one, None when it has none yet."""
    return change.value if change.replaces or value is None else value + change.value


def key_of(metric: Metric, labels: AnyLabels) -> Key:
    """Return what makes two samples of `metric` the same."""
    return metric.name, _pairs(labels)


def counted(metric: Metric, labels: AnyLabels, by: float = 1.0) -> Change:
    """Return what makes a counter go up."""
    return Change(name=metric.name, labels=_pairs(labels), value=by)


def became(metric: Metric, labels: AnyLabels, value: float) -> Change:
    """Return what gives a gauge its value."""
    return Change(name=metric.name, labels=_pairs(labels), value=value, replaces=True)


def observed(metric: Metric, labels: AnyLabels, value: float) -> Iterable[Change]:
    """Yield what one observation adds to a histogram, whose buckets are cumulative."""
    pairs = _pairs(labels)
    for bound in metric.bounds:
        if value <= bound:
            yield Change(name=f"{metric.name}_bucket", labels=(*pairs, ("le", bound_text(bound))), value=1.0)
    yield Change(name=f"{metric.name}_sum", labels=pairs, value=value)


def bound_text(bound: float) -> str:
    """Return how a bucket's bound is written."""
    return "+Inf" if math.isinf(bound) else str(bound)


def _pairs(labels: AnyLabels) -> Labels:
    # An empty label is none to Prometheus: two samples that differ by it alone would be one series twice.
    return tuple((name, _label(value)) for name, value in asdict(labels).items() if value or name != "cluster")


def _label(value: str) -> str:
    # A file's name may be bytes that are no text, which no database takes.
    return str(value)[:LONGEST].encode(errors="replace").decode()
