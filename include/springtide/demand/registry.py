"""From a policy's `demand` to its source, and from a source to demand that may be acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from springtide.demand.access import NO_LOGIN, PrometheusAccess
from springtide.demand.quality import believable, check_quality, unusable
from springtide.demand.usage_signals import (
    Signals,
    absence,
    asked_signals,
    is_doubtful,
    told_on_a_quiet_day,
    with_signals,
)
from springtide.demand.verdict import QualityOutcome, QualityVerdict
from springtide.errors import InputError
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from springtide.demand.model import DemandSeries, DemandSource


log = structlog.get_logger(__name__)


def demand_source(
    spec: PrometheusDemand | FileDemand,
    *,
    prometheus_url: str | None,
    base: Path,
    headers: Mapping[str, str] | None = None,
    access: PrometheusAccess = NO_LOGIN,
    kept: Path | None = None,
) -> DemandSource:
    """Return the source that `spec` names. Nothing is read or connected yet.

    With a folder `kept`, what Prometheus answered is kept there, and only what is new is asked for.

    `prometheus_url` may hold `user:password@`; `access` says how to log in, and `headers` are more of its headers.
    `base` is the folder of policies, where the paths of files start.

    Raises:
        InputError: Prometheus is needed and no address, or a wrong one, was given.
        DemandUnusable: the file lies neither in `base` nor beside it.
    """
    if isinstance(spec, PrometheusDemand):
        from springtide.demand.cached import CachedSource
        from springtide.demand.connection import PrometheusAddress
        from springtide.demand.prometheus import PrometheusSource

        if prometheus_url is None:
            raise InputError(
                "demand.source is prometheus, and no address of one was given. Pass --prometheus URL, or set "
                "SPRINGTIDE_PROMETHEUS to it; in Airflow it is the connection prometheus_default.",
                code="prometheus_url_required",
                field="demand.source",
            )
        address = PrometheusAddress.parse(prometheus_url, headers, access=access)
        source = PrometheusSource(spec.query, spec.unit, address=address)
        return source if kept is None else CachedSource(source, kept, key=f"{address.identity} {spec.query}")
    from springtide.demand.file import FileSource

    # Resolved before it is compared: a link inside the folder may lead to any file of the machine.
    try:
        path = (base / spec.path).resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise unusable(spec.path, f"it cannot be found ({type(error).__name__}).") from error
    if not path.is_relative_to(base.resolve().parent):
        raise unusable(spec.path, "it leads away from the folder of policies and what lies beside it.")
    return FileSource(path, spec.unit, name=spec.path, as_of=spec.as_of)


def read_demand(
    source: DemandSource,
    spec: PrometheusDemand | FileDemand,
    *,
    now: datetime,
    expected: float | None = None,
    ask: Callable[[str], float | None] | None = None,
) -> tuple[DemandSeries, QualityVerdict]:
    """Return the demand of the `lookback` before `now`, and what the quality gate lets a run do with it.

    `ask` answers one query now, for the signals of `demand.alive` and for whether demand is measured at all; None where
    nobody can be asked, as for the past. What is found and changes nothing is logged.

    Raises:
        DemandUnavailable: the source did not answer in time: try again.
        DemandUnusable: what it answered must not be acted on.
    """
    series = believable(source.read(now - spec.lookback, now, spec.step), spec, now=now)
    verdict = check_quality(series, spec, now=now, expected=expected)
    if isinstance(spec, PrometheusDemand):
        verdict = _with_surroundings(series, spec, verdict, now=now.timestamp(), ask=ask)
    for finding in verdict.findings:
        if finding.outcome is QualityOutcome.PASS:
            log.warning("demand_remark", source=series.source, rule=finding.rule, message=finding.message)
    return series, verdict


def _with_surroundings(
    series: DemandSeries,
    spec: PrometheusDemand,
    verdict: QualityVerdict,
    *,
    now: float,
    ask: Callable[[str], float | None] | None,
) -> QualityVerdict:
    signals = Signals()
    if ask is not None and spec.alive:
        doubtful = is_doubtful(series, verdict, now=now)
        signals = asked_signals(spec.alive, ask, is_doubtful=doubtful)
        verdict = with_signals(verdict, signals.values) if doubtful else told_on_a_quiet_day(verdict, signals)
    absent = absence(series, spec.query, signals, now=now, ask=ask)
    return verdict if absent is None else QualityVerdict((*verdict.findings, absent))
