"""`springtide tune` and `springtide autoscaler`: what the one finds, the other writes out."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from springtide.capacity.learned import Learned, fingerprint_of
from springtide.capacity.setting import Setting, Tuned
from springtide.cli.main import app
from springtide.clock import SystemClock
from springtide.kube import live
from springtide.policy.reading.parse import load_policy
from springtide.record.sql import open_store
from support.courses import autoscaler
from support.simulation import Simulation

POLICY = """\
apiVersion: springtide/v1
kind: ScalingPolicy
metadata: {name: web, owner: team-web}
spec:
  target: {namespace: shop, deployment: web, service: web}
  replicas: {min: 2, max: 40}
  demand: {source: DEMAND, unit: requests/s, lookback: 8d, quality: {max_age: 7d, max_missing: 100%}}
  capacity:
    models:
      - {model: auto, per_replica: 100, autoscaler: tuned}
  strategy: {type: in_place}
"""
TRACE = Path(__file__).parents[3] / "examples" / "traces" / "wc98-match-day.csv.gz"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / TRACE.name).write_bytes(TRACE.read_bytes())
    (tmp_path / "policies").mkdir()
    return tmp_path


def run(place: Path, *arguments: str, demand: str = "prometheus, query: sum(x)", code: int = 0) -> str:
    """Return what the command prints, for a policy with this source of demand."""
    (place / "policies" / "web.yaml").write_text(POLICY.replace("DEMAND", demand))
    where = ["--policies", str(place / "policies"), "--store", f"sqlite:///{place}/runs.db"]
    result = CliRunner().invoke(app, [*arguments, *where])
    assert result.exit_code == code, result.output
    return result.output


def test_tuning_says_what_it_found(place: Path) -> None:
    recorded = f"file, path: ../traces/{TRACE.name}, as_of: 1998-06-24T00:00:00Z"

    answer = json.loads(run(place, "tune", "web", "-o", "json", demand=recorded))
    lines = run(place, "tune", "web", demand=recorded).splitlines()

    assert answer[0]["tuned"]["days"] in {2, 3}
    assert answer[0]["startup"] == {"seconds": 60.0, "reason": "unknown: 0 of 5 runs are measured"}
    assert lines[0] == "auto, objective slo, autoscaler tuned"
    assert "autoscaler wants load" in lines[2]
    assert lines[3].endswith("of the autoscaler's cost")


def test_before_tuning_the_rule_has_the_numbers_that_need_none(place: Path) -> None:
    printed = run(place, "autoscaler", "web")
    rule, hpa = YAML(typ="safe", pure=True).load_all(printed)

    assert printed.startswith("# plan 95.0% sure; autoscaler wants load ÷ 0.8 (not tuned yet)\n")
    assert (rule["kind"], hpa["kind"]) == ("PrometheusRule", "HorizontalPodAutoscaler")
    assert rule["spec"]["groups"][0]["rules"][1]["expr"].endswith(" / 0.8")


def test_after_tuning_it_has_the_tuned_ones(place: Path) -> None:
    run(place, "autoscaler", "web")
    spec = load_policy(place / "policies" / "web.yaml").spec.capacity.models[0]
    tuned = Tuned(
        setting=Setting(quantile=0.9, target=0.65, headroom=2.0),
        fingerprint="f",
        decided_at=SystemClock().now(),
        days=7,
        violated_percent=0.05,
        cost_ratio=0.6,
    )
    with open_store(f"sqlite:///{place}/runs.db") as store:
        store.save_learned("web", Learned(tuned={fingerprint_of(spec): tuned}))

    rule, scaled = json.loads(run(place, "autoscaler", "web", "--by", "keda", "-o", "json"))

    assert "/ 0.65 + 2 * sqrt(" in rule["spec"]["groups"][0]["rules"][1]["expr"]
    assert scaled["kind"] == "ScaledObject"


@pytest.fixture(name="cluster")
def embedded_cluster(place: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """The workload in an embedded cluster, which `--apply` reaches."""
    simulation = Simulation.of(2)
    entry = {"server": "https://shop.example:6443"}
    contexts = [{"name": "shop", "context": {"cluster": "shop"}}]
    document = {"clusters": [{"name": "shop", "cluster": entry}], "contexts": contexts, "current-context": "shop"}
    (place / "kubeconfig").write_text(json.dumps(document))
    monkeypatch.setenv("KUBECONFIG", str(place / "kubeconfig"))
    monkeypatch.setattr(live, "connected", lambda *_arguments, **_options: simulation.ports().kube)
    return simulation


def tune_to(place: Path, target: float, headroom: float) -> None:
    """Keep a setting as the daily tuning does."""
    spec = load_policy(place / "policies" / "web.yaml").spec.capacity.models[0]
    tuned = Tuned(
        setting=Setting(quantile=0.9, target=target, headroom=headroom),
        fingerprint="f",
        decided_at=SystemClock().now(),
        days=7,
        violated_percent=0.05,
        cost_ratio=0.6,
    )
    with open_store(f"sqlite:///{place}/runs.db") as store:
        store.save_learned("web", replace(store.learned("web"), tuned={fingerprint_of(spec): tuned}))


def test_applying_shows_what_differs_and_then_has_nothing_to_do(place: Path, cluster: Simulation) -> None:
    dry = run(place, "autoscaler", "web", "--apply", "--dry-run")
    assert cluster.world.get("prometheusrules", "shop", "springtide-web") is None
    first = run(place, "autoscaler", "web", "--apply")
    again = run(place, "autoscaler", "web", "--apply")

    assert dry.endswith("\ndry_run\n")
    assert first.endswith("\napplied\n")
    assert "PrometheusRule shop/springtide-web: new\n  + apiVersion: monitoring.coreos.com/v1" in first
    assert cluster.world.get("horizontalpodautoscalers", "shop", "web") is not None
    assert again.splitlines() == [
        "cluster: context shop, server https://shop.example:6443",
        "PrometheusRule shop/springtide-web: as it should be",
        "HorizontalPodAutoscaler shop/web: as it should be",
        "nothing_to_do",
    ]


def test_where_the_installation_advises_it_is_shown_and_not_applied(
    place: Path, cluster: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_MODE", "advise")
    printed = run(place, "autoscaler", "web", "--apply")

    assert printed.endswith("\nplanned_only\n")
    assert cluster.world.get("prometheusrules", "shop", "springtide-web") is None


@pytest.mark.usefixtures("cluster")
def test_what_was_applied_is_stale_once_the_numbers_change_until_it_is_applied_again(place: Path) -> None:
    run(place, "autoscaler", "web", "--apply")
    assert "stale" not in run(place, "autoscaler", "web")

    tune_to(place, 0.65, 2.0)
    note = run(place, "autoscaler", "web").splitlines()[1]
    answer = json.loads(run(place, "autoscaler", "web", "--apply", "-o", "json"))

    assert note.startswith("# the recording rule in force is stale. applied on ")
    assert "load ÷ 0.8; now: load ÷ 0.65 + 2·√load" in note
    assert note.endswith("springtide autoscaler web --apply")
    assert (answer["service"], answer["outcome"], answer["setting"]["target"]) == ("web", "applied", 0.65)
    assert answer["api_server"] == {"context": "shop", "server": "https://shop.example:6443"}
    assert [each["action"] for each in answer["objects"]] == ["change", "keep"]
    (changed,) = answer["objects"][0]["differences"]
    assert changed["field"] == "spec.groups[0].rules[1].expr"
    assert changed["before"].endswith(" / 0.8")
    assert "stale" not in run(place, "autoscaler", "web")


def test_where_the_rule_is_kept_by_hand_the_note_says_what_to_do_by_hand(place: Path, cluster: Simulation) -> None:
    run(place, "autoscaler", "web", "--apply", "--no-rule")
    assert cluster.world.get("prometheusrules", "shop", "springtide-web") is None

    tune_to(place, 0.65, 2.0)

    assert run(place, "autoscaler", "web").splitlines()[1].endswith("springtide autoscaler web prints the new rule")


def test_what_is_refused_is_no_trace_of_a_stack(place: Path, cluster: Simulation) -> None:
    cluster.world.apply(autoscaler(2))

    printed = run(place, "autoscaler", "web", "--apply", code=1)

    assert printed.splitlines()[1].startswith("not_ours: HorizontalPodAutoscaler web is there already")
    assert "stale" not in run(place, "autoscaler", "web")
