"""`springtide tune` and `springtide autoscaler`: what the one finds, the other writes out."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from springtide.capacity.learned import Learned, fingerprint_of
from springtide.capacity.setting import Setting, Tuned
from springtide.cli.main import app
from springtide.clock import SystemClock
from springtide.policy.parse import load_policy
from springtide.record.sql import open_store

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

    told = json.loads(run(place, "tune", "web", "-o", "json", demand=recorded))
    lines = run(place, "tune", "web", demand=recorded).splitlines()

    assert told[0]["tuned"]["days"] in {2, 3}
    assert told[0]["startup"] == {"seconds": 60.0, "reason": "unknown: 0 of 5 runs are measured"}
    assert lines[0] == "auto, objective slo, autoscaler tuned"
    assert "autoscaler wants load" in lines[2]
    assert lines[3].endswith("of the autoscaler's cost")


def test_before_tuning_the_rule_has_the_numbers_that_need_none(place: Path) -> None:
    told = run(place, "autoscaler", "web")
    rule, hpa = YAML(typ="safe", pure=True).load_all(told)

    assert told.startswith("# plan 95.0% sure; autoscaler wants load ÷ 0.8 (not tuned yet)\n")
    assert (rule["kind"], hpa["kind"]) == ("PrometheusRule", "HorizontalPodAutoscaler")
    assert rule["spec"]["groups"][0]["rules"][1]["expr"].endswith(" / 0.8")


def test_after_tuning_it_has_the_tuned_ones(place: Path) -> None:
    run(place, "autoscaler", "web")
    spec = load_policy(place / "policies" / "web.yaml").spec.capacity.models[0]
    tuned = Tuned(Setting(0.9, 0.65, 2.0), "f", SystemClock().now(), 7, 0.05, 0.6)
    with open_store(f"sqlite:///{place}/runs.db") as store:
        store.save_learned("web", Learned(tuned={fingerprint_of(spec): tuned}))

    rule, scaled = json.loads(run(place, "autoscaler", "web", "--by", "keda", "-o", "json"))

    assert "/ 0.65 + 2 * sqrt(" in rule["spec"]["groups"][0]["rules"][1]["expr"]
    assert scaled["kind"] == "ScaledObject"
