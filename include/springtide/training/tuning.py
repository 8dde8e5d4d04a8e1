"""Tunes the `auto` models of one policy and keeps what was found: once a day, outside of any run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from springtide.autoscaling.manifests import staleness
from springtide.capacity.applied import Applied
from springtide.capacity.learned import fingerprint_of
from springtide.capacity.minutes import seen_minutes
from springtide.capacity.setting import Tuned
from springtide.demand.local_time import clock_of
from springtide.demand.model import DemandSource
from springtide.errors import InputError, PermanentError
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.demand import PrometheusDemand
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import RunStore
from springtide.training.days import Learning
from springtide.training.startup import Startup, startup_of

HISTORY = timedelta(days=28)
"""What is read: a week is replayed, whose plans look back on three."""
_RUNS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel:
    """One `auto` model of a policy: what was decided (None: less than a day of demand), and for which start-up time.

    `stale` says that the cluster's recording rule was given other numbers, None where it was not.
    """

    spec: AutoSpec
    tuned: Tuned | None
    startup: Startup
    stale: str | None = None


def tune_policy(policy: ScalingPolicy, source: DemandSource, store: RunStore, now: datetime) -> tuple[TunedModel, ...]:
    """Tune every `auto` model of `policy` and keep the settings for its next plans. Never touches a cluster.

    From the same data nothing is tuned again.

    Raises:
        InputError: the policy has no `auto` model.
        DemandUnavailable, DemandUnusable: as the source says.
        TemporaryError: the store does not answer.
    """
    from springtide.backtest.daily import service_history, tune_today

    specs = auto_specs(policy)
    demand = policy.spec.demand
    if demand is None:
        raise PermanentError(f"policy {policy.name} has no demand to tune on.", code="capacity_unusable")
    seen = seen_minutes(source.read(now - HISTORY, now, demand.step), now)
    learned = store.learned(policy.name)
    runs = store.latest(policy.name, limit=_RUNS)
    models = []
    for spec in specs:
        startup = startup_of(spec, runs)
        before = learned.tuned.get(fingerprint_of(spec))
        history = service_history(seen, spec, fewest=policy.spec.replicas.min, clock=clock_of(demand))
        tuned = tune_today(history, spec, startup.seconds, now=now, before=before)
        models.append(
            TunedModel(spec=spec, tuned=tuned, startup=startup, stale=_staleness(policy, spec, tuned, learned.applied))
        )
    settings: Mapping[str, Tuned] = {
        fingerprint_of(model.spec): model.tuned for model in models if model.tuned is not None
    }
    startups = {fingerprint_of(model.spec): model.startup.seconds for model in models}
    latest = store.learned(policy.name)  # replaying takes seconds, in which `autoscaler --apply` may have left its note
    store.save_learned(policy.name, replace(latest, tuned=settings, startups=startups))
    return tuple(models)


def _staleness(policy: ScalingPolicy, spec: AutoSpec, tuned: Tuned | None, applied: Applied | None) -> str | None:
    """Say that the cluster follows other numbers than what was just tuned; that is reported, and never changed here."""
    if spec.autoscaler != "tuned" or tuned is None or not isinstance(policy.spec.demand, PrometheusDemand):
        return None
    return staleness(policy, tuned.setting, applied)


def tune_learning(learning: Learning, now: datetime) -> tuple[TunedModel, ...]:
    """Tune the `auto` models of the policy on the past that `learning` reads; a policy without one has nothing to tune.

    Raises:
        DemandUnavailable, DemandUnusable, TemporaryError: see `tune_policy`.
    """
    if not any(isinstance(spec, AutoSpec) for spec in learning.policy.spec.capacity.models):
        return ()
    return tune_policy(learning.policy, learning.recent, learning.store, now)


def auto_specs(policy: ScalingPolicy) -> tuple[AutoSpec, ...]:
    """Return the policy's `auto` models.

    Raises:
        InputError: there is none.
    """
    specs = tuple(spec for spec in policy.spec.capacity.models if isinstance(spec, AutoSpec))
    if not specs:
        raise InputError(
            f"capacity.models: policy {policy.name} has no model auto, so there is nothing to tune. Add one: "
            "{model: auto, per_replica: 55}.",
            code="capacity_unusable",
            field="capacity.models",
        )
    return specs
