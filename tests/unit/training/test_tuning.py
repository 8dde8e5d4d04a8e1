"""Daily tuning: the start-up time is the service's own, and what was found is what the next plan uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from springtide.autoscaling.manifests import applied_now, horizontal_pod_autoscaler
from springtide.capacity.auto import Auto
from springtide.capacity.learned import Forecast, Learned, fingerprint_of
from springtide.capacity.registry import build_model
from springtide.capacity.setting import Setting
from springtide.demand.model import DemandSeries
from springtide.errors import InputError
from springtide.kube.objects import Deployment
from springtide.plan.startup import startup_allowed
from springtide.policy.scaling.auto import AutoSpec
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.model import PhaseRecord, PhaseStatus, RunOutcome, ScalingRun
from springtide.run.estimation import EstimateInputs, estimate_for
from springtide.training.days import Learning
from springtide.training.startup import Startup, seconds_to_serving, startup_of
from springtide.training.tuning import tune_learning, tune_policy
from springtide.workload import Workload
from support.builders import policy
from support.simulation import Simulation, web

NOW = datetime(2026, 11, 11, tzinfo=UTC)
DAY = 1440
AUTO = {"model": "auto", "per_replica": 0.5}


def run(number: int, seconds: float, *, current: int = 3, phase: str = "instances_ready", **values: Any) -> ScalingRun:
    """Return a run from `current` to 6 replicas whose pods served `seconds` after its plan."""
    begun = NOW - timedelta(days=1, minutes=number)
    served = begun + timedelta(seconds=seconds)
    plan = {"current": current, "replicas": 6, "decided_at": begun.isoformat()}
    ended = PhaseRecord(phase=phase, status=PhaseStatus.SUCCEEDED, started_at=begun, ended_at=served, seconds=seconds)
    target = Workload(namespace="shop", deployment="web", service="web")
    whole = ScalingRun(
        run_id=f"r{number}",
        policy="web",
        target=target,
        strategy="in_place",
        requested_by="ada",
        reason="",
        started_at=begun,
        plan=plan,
        phases=(ended,),
        **values,
    )
    return whole.with_outcome(RunOutcome.SUCCEEDED, at=served)


def allowing(of: ScalingRun, seconds: float | None) -> ScalingRun:
    """Return the run, whose plan saw probes that allow so many seconds."""
    assert of.plan is not None
    return replace(of, plan={**of.plan, "allowed_startup": seconds})


def slow_web(seconds: int) -> list[dict[str, Any]]:
    """Return the workload of the simulations with a start-up probe that allows so long."""
    documents = web(2)
    (container,) = documents[1]["spec"]["template"]["spec"]["containers"]
    get = container["readinessProbe"]["httpGet"]
    container["startupProbe"] = {"httpGet": get, "periodSeconds": 1, "failureThreshold": seconds}
    return documents[1:]


def spec(**fields: Any) -> AutoSpec:
    return AutoSpec.model_validate({**AUTO, **fields})


def deployment(*containers: dict[str, Any], **fields: Any) -> Deployment:
    return Deployment(
        {"metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": containers}}, **fields}}
    )


class Wave:
    """A source with a daily rhythm, up to now."""

    def read(self, start: datetime, end: datetime, step: timedelta) -> DemandSeries:
        first = max(start.timestamp(), (NOW - timedelta(days=9)).timestamp())
        times = np.arange(first, end.timestamp(), step.total_seconds())
        noise = np.random.default_rng(3).gamma(100, 0.01, len(times))
        values = (10 + 6 * np.sin(2 * np.pi * times / 86400)) * noise
        return DemandSeries(times=times, values=values, unit="requests/s", source="wave")


def tuned_policy(*models: dict[str, Any]) -> ScalingPolicy:
    demand = {"source": "prometheus", "query": "sum(x)", "unit": "requests/s", "lookback": "21d"}
    return policy(demand=demand, capacity={"models": list(models)})


class TestStartup:
    def test_what_the_policy_says_is_taken(self) -> None:
        assert startup_of(spec(startup="90s"), [run(i, 300) for i in range(9)]) == Startup(90, "as the policy says")

    def test_five_runs_are_enough_to_know_the_slow_ones(self) -> None:
        startup = startup_of(spec(), [run(i, 100 + i) for i in range(5)])

        assert startup.seconds == 104 - 30
        assert "5 measured runs" in startup.reason

    def test_probes_allow_what_kubernetes_waits_for_the_slowest_container(self) -> None:
        slow = {
            "startupProbe": {"periodSeconds": 5, "failureThreshold": 24},
            "readinessProbe": {"initialDelaySeconds": 2, "periodSeconds": 5},
        }

        allowed = startup_allowed(deployment(slow, {"readinessProbe": {}}, minReadySeconds=10))

        assert allowed == 5 * 24 + 2 + 5 + 10
        assert startup_allowed(deployment({"readinessProbe": {"periodSeconds": 1}})) == 60
        assert startup_allowed(deployment({})) is None
        assert startup_allowed(deployment()) is None

    def test_before_that_it_is_what_the_probes_allow_as_the_last_plan_saw_them(self) -> None:
        startup = startup_of(spec(), [allowing(run(0, 100), 137), allowing(run(1, 100), 20)])

        assert startup == Startup(137, "what the probes allow; 2 of 5 runs are measured")

    def test_a_plan_that_had_nothing_to_do_has_seen_them_too(self) -> None:
        assert startup_of(spec(), [replace(run(0, 9), plan=None), allowing(run(1, 50, current=6), 137)]).seconds == 137

    @pytest.mark.parametrize("runs", [[], [allowing(run(0, 100), None)]], ids=["no run", "no probes"])
    def test_without_either_it_is_unknown_and_said_so(self, runs: list[ScalingRun]) -> None:
        startup = startup_of(spec(), runs)

        assert startup == Startup(60, f"unknown: {len(runs)} of 5 runs are measured")

    @pytest.mark.parametrize(
        "other",
        [
            run(1, 50, current=6),
            run(1, 50, current=9),
            run(1, 50, dry_run=True),
            run(1, -5),
            run(1, 50, phase="create_instances"),
            replace(run(1, 50), plan=None),
        ],
        ids=["same", "shrink", "dry", "clock set back", "never served", "no plan"],
    )
    def test_runs_that_added_no_serving_pods_measure_nothing(self, other: ScalingRun) -> None:
        assert seconds_to_serving(other) is None

    def test_pods_serve_once_the_endpoints_are_switched(self) -> None:
        both = run(1, 50)
        later = run(1, 80, phase="endpoints_switched").phases

        assert seconds_to_serving(replace(both, phases=(*both.phases, *later))) == 80


class TestTuning:
    def test_the_next_plan_uses_what_was_found(self) -> None:
        store = MemoryStore()
        wanted = tuned_policy(AUTO)

        models = tune_policy(wanted, Wave(), store, NOW)
        model = build_model(wanted.spec.capacity.models[0], store.learned("web"))

        assert isinstance(model, Auto)
        assert model.tuned == models[0].tuned is not None
        assert models[0].tuned.days == 7

    def test_the_next_plan_looks_as_far_ahead_as_pods_take(self) -> None:
        store = MemoryStore()
        wanted = tuned_policy(AUTO)
        for number in range(6):
            store.save(run(number, 200))

        tune_policy(wanted, Wave(), store, NOW)
        model = build_model(wanted.spec.capacity.models[0], store.learned("web"))

        assert isinstance(model, Auto)
        assert model.startup_seconds == 170

    def test_without_measured_runs_it_is_tuned_for_what_the_probes_of_the_cluster_allow(self) -> None:
        """The daily tuning looks at no cluster: the plan of any run, even of one without anything to do, has."""
        simulation = Simulation.of(2, strategy="in_place")
        simulation.world.apply(*slow_web(seconds=299))
        simulation.world.settle()
        simulation.run(2)

        (tuned_model,) = tune_policy(tuned_policy(AUTO), Wave(), simulation.store, NOW)

        assert tuned_model.startup == Startup(300, "what the probes allow; 0 of 5 runs are measured")
        assert simulation.store.learned("web").startups == {fingerprint_of(spec()): 300}

    def test_before_any_tuning_a_plan_looks_ahead_by_the_probes(self) -> None:
        wanted = tuned_policy(AUTO)
        last_look = NOW
        answers = [
            estimate_for(
                wanted, Wave(), MemoryStore(), now=last_look, current=2, inputs=EstimateInputs(allowed_startup=allowed)
            ).answers[0]
            for allowed in (None, 300.0)
        ]

        assert [answer.inputs["startup_seconds"] for answer in answers] == [60, 300]

    def test_the_same_data_is_not_tuned_twice(self) -> None:
        store = MemoryStore()
        first = tune_policy(tuned_policy(AUTO), Wave(), store, NOW)

        again = tune_policy(tuned_policy(AUTO), Wave(), store, NOW)

        assert again[0].tuned is not None
        assert again[0].tuned == first[0].tuned

    def test_what_else_was_learned_stays(self) -> None:
        store = MemoryStore()
        forecast = Forecast(start=0.0, step=300.0, upper=(1.0,), fingerprint="f")
        store.save_learned("web", Learned(forecasts={"forecast-1": forecast}, errors={"seasonal-1": 0.1}))

        tune_policy(tuned_policy(AUTO), Wave(), store, NOW)
        kept = store.learned("web")

        assert kept.forecasts == {"forecast-1": forecast}
        assert kept.errors == {"seasonal-1": 0.1}
        assert list(kept.tuned) == [fingerprint_of(spec())]
        assert Learned.from_record(kept.to_record()) == kept

    def test_numbers_that_the_cluster_does_not_follow_are_told_and_the_note_stays(self) -> None:
        store = MemoryStore()
        wanted = tuned_policy(AUTO | {"autoscaler": "tuned"})
        follower = horizontal_pod_autoscaler(wanted)
        old = applied_now(
            wanted, Setting(quantile=0.9, target=0.4), follower, at=NOW - timedelta(days=1), by_hand=False
        )
        store.save_learned("web", Learned(applied=old))

        (tuned_model,) = tune_policy(wanted, Wave(), store, NOW)
        assert tuned_model.tuned is not None
        assert tuned_model.stale is not None
        assert (
            f"applied on 2026-11-10 00:00: load ÷ 0.4; now: {tuned_model.tuned.setting.pods_text}" in tuned_model.stale
        )
        assert store.learned("web").applied == old
        assert Learned.from_record(store.learned("web").to_record()) == store.learned("web")

        new = applied_now(wanted, tuned_model.tuned.setting, follower, at=NOW, by_hand=False)
        store.save_learned("web", replace(store.learned("web"), applied=new))
        assert tune_policy(wanted, Wave(), store, NOW)[0].stale is None

    def test_a_policy_without_auto_has_nothing_to_tune(self) -> None:
        fixed = tuned_policy({"model": "fixed", "replicas": 3})

        with pytest.raises(InputError, match="nothing to tune"):
            tune_policy(fixed, Wave(), MemoryStore(), NOW)

    def test_the_daily_history_tunes_what_there_is_to_tune(self) -> None:
        store = MemoryStore()
        for models in ([AUTO], [{"model": "fixed", "replicas": 3}]):
            wanted = tuned_policy(*models)
            assert wanted.spec.demand is not None
            tuned_models = tune_learning(
                Learning(policy=wanted, demand=wanted.spec.demand, store=store, recent=Wave(), maxima=Wave()), NOW
            )

            assert len(tuned_models) == sum(model is AUTO for model in models)

        assert list(store.learned("web").tuned) == [fingerprint_of(spec())]
