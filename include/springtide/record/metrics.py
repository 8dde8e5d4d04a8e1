"""Every Prometheus metric that springtide has, and how each follows from what was recorded.

A metric is counted in the same transaction that keeps the fact it counts: `changes` compares the stored run with the
one that replaces it. So a phase that is repeated, a run that is saved twice and a process that dies half-way count
once, and processes that live for seconds need no memory of their own: whoever exports (`write_textfile` for
node_exporter's textfile collector, `exposition` for a page) reads the store's totals. Every exporter of one store shows
the same numbers: take `max without (instance)` when there are several. Dry runs are not counted: they do nothing.

Labels are bounded: never a run's id, never a pod's name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from springtide.errors import TemporaryError
from springtide.record.model import PhaseStatus

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family

    from springtide.record.model import Record, ScalingRun

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]

FILE: Final = "springtide.prom"
"""What `write_textfile` writes; the textfile collector reads every `*.prom` of its directory."""

SECONDS: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, math.inf)
"""Upper bounds of the histograms: from a run of one second to one that waits for nodes for an hour."""


@dataclass(frozen=True, slots=True)
class RunLabels:
    """A run, by how it was done and how it ended."""

    strategy: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PhaseLabels:
    """A phase, by its name."""

    phase: str


@dataclass(frozen=True, slots=True)
class PolicyLabels:
    """A policy, by its name."""

    policy: str


@dataclass(frozen=True, slots=True)
class GuardLabels:
    """A guard of the plan, by its name."""

    guard: str


@dataclass(frozen=True, slots=True)
class CheckLabels:
    """A smoke check, by its status: pass, fail or inconclusive."""

    outcome: str


AnyLabels = RunLabels | PhaseLabels | PolicyLabels | GuardLabels | CheckLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric's name, what it says, and which labels it has; `bounds` make it a histogram."""

    name: str
    help: str
    labels: type[AnyLabels]
    bounds: tuple[float, ...] = ()


RUNS: Final = Metric(name="springtide_runs_total", help="Runs that ended.", labels=RunLabels)
RUN_DURATION: Final = Metric(
    name="springtide_run_duration_seconds",
    help="Time from the start of a run to its end.",
    labels=RunLabels,
    bounds=SECONDS,
)
PHASE_DURATION: Final = Metric(
    name="springtide_phase_duration_seconds",
    help="Time that one attempt at a phase took.",
    labels=PhaseLabels,
    bounds=SECONDS,
)
DESIRED_REPLICAS: Final = Metric(
    name="springtide_desired_replicas", help="Replicas of the policy's latest plan.", labels=PolicyLabels
)
PLAN_CLAMPED: Final = Metric(
    name="springtide_plan_clamped_total", help="Plans that a guard changed.", labels=GuardLabels
)
SMOKE_CHECKS: Final = Metric(
    name="springtide_smoke_checks_total", help="Smoke checks, by what they said.", labels=CheckLabels
)

METRICS: Final = (RUNS, RUN_DURATION, PHASE_DURATION, DESIRED_REPLICAS, PLAN_CLAMPED, SMOKE_CHECKS)


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
class Total:
    """One sample's present value."""

    name: str
    labels: Labels
    value: float


def applied(change: Change, value: float | None) -> float:
    """Return the sample's next value; `value` is its present one, None when it has none yet."""
    return change.value if change.replaces or value is None else value + change.value


def changes(before: ScalingRun | None, after: ScalingRun) -> tuple[Change, ...]:
    """Return what the step from `before` (None: the run is new) to `after` counts for."""
    if after.dry_run:
        return ()
    return (*_plan_changes(before, after), *_phase_changes(before, after), *_end_changes(before, after))


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


def _plan_changes(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    known = before.plan if before else None
    if after.plan is not None and after.plan != known:
        labels = PolicyLabels(after.policy)
        yield Change(
            name=DESIRED_REPLICAS.name, labels=_pairs(labels), value=float(after.plan["replicas"]), replaces=True
        )
    if after.plan is not None and known is None:
        yield from (_counted(PLAN_CLAMPED, GuardLabels(clamp["guard"])) for clamp in _parts(after.plan, "clamps"))


def _phase_changes(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    over = {phase.key for phase in before.phases if phase.is_ended} if before else set()
    for phase in after.phases:
        counts = phase.status in {PhaseStatus.SUCCEEDED, PhaseStatus.FAILED} and phase.key not in over
        if counts and phase.seconds is not None:
            yield from _observed(PHASE_DURATION, PhaseLabels(phase.phase), phase.seconds)


def _end_changes(before: ScalingRun | None, after: ScalingRun) -> Iterator[Change]:
    if after.verdict is not None and (before is None or before.verdict is None):
        yield from (_counted(SMOKE_CHECKS, CheckLabels(check["status"])) for check in _parts(after.verdict, "checks"))
    if after.seconds is not None and (before is None or before.outcome is not after.outcome):
        labels = RunLabels(after.strategy, after.outcome.value)
        yield _counted(RUNS, labels)
        yield from _observed(RUN_DURATION, labels, after.seconds)


def _parts(record: Record, name: str) -> Iterable[Record]:
    parts: Iterable[Record] = record.get(name, ())
    return parts


def _pairs(labels: AnyLabels) -> Labels:
    return tuple(asdict(labels).items())


def _counted(metric: Metric, labels: AnyLabels) -> Change:
    return Change(name=metric.name, labels=_pairs(labels), value=1.0)


def _observed(metric: Metric, labels: AnyLabels, value: float) -> Iterator[Change]:
    """Yield what one observation adds to a histogram, whose buckets are cumulative."""
    pairs = _pairs(labels)
    for bound in metric.bounds:
        if value <= bound:
            yield Change(name=f"{metric.name}_bucket", labels=(*pairs, ("le", _bound(bound))), value=1.0)
    yield Change(name=f"{metric.name}_sum", labels=pairs, value=value)


def _bound(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else str(bound)


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
        kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
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
                bounds = [_bound(bound) for bound in metric.bounds]
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
