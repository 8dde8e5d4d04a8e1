"""The alerts, by promtool: each fires where it must, not where it must not, and leads to its heading."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from architecture.prose import anchors
from springtide.cli.alert_rules import prometheus_rule
from springtide.record.metrics import METRICS

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yaml"
TESTS = ROOT / "deploy/prometheus/tests/rules.yaml"
OBJECT = ROOT / "deploy/kubernetes/monitoring/prometheus-rule.yaml"


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", str(RULES))


def test_every_alert_fires_where_it_must_and_is_quiet_where_it_must_not() -> None:
    promtool("test", "rules", str(TESTS))


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    fires: set[str] = set()
    quiet: set[str] = set()
    for test in yaml.safe_load(TESTS.read_text())["tests"]:
        (expected,) = test["promql_expr_test"]
        name = re.search(r'alertname="(\w+)"', expected["expr"])
        assert name is not None
        (fires if expected["exp_samples"] else quiet).add(name[1])

    assert fires == quiet == set(alerts())


def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES.read_text().replace("springtide_runs_needing_attention", "nothing"))
    (tmp_path / "tests" / "rules.yaml").write_text(TESTS.read_text())

    with pytest.raises(AssertionError, match="SpringtideRunNeedsAttention"):
        promtool("test", "rules", str(tmp_path / "tests" / "rules.yaml"))


def test_every_alert_says_how_bad_it_is_and_leads_to_its_heading() -> None:
    headings = anchors((ROOT / "docs/runbook.md").read_text())
    for name, rule in alerts().items():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")

        assert rule["labels"]["severity"] in {"critical", "warning"}, name
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}, name
        assert (page, anchor) == ("docs/runbook.md", name.lower()), name
        assert anchor in headings, name


def test_alerts_are_about_metrics_that_there_are() -> None:
    names = {metric.name for metric in METRICS}

    asked = {name for rule in alerts().values() for name in re.findall(r"\bspringtide_\w+", rule["expr"])}

    assert asked
    assert asked <= names


def test_texts_name_only_labels_that_the_alert_keeps() -> None:
    for name, rule in alerts().items():
        kept = {label.strip() for by in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in by.split(",")}
        told = {label for text in rule["annotations"].values() for label in re.findall(r"\$labels\.(\w+)", text)}

        assert told <= kept, name


def test_the_object_of_the_operator_holds_the_same_alerts() -> None:
    document = yaml.safe_load(OBJECT.read_text())

    assert OBJECT.read_text() == prometheus_rule(RULES.read_text())
    assert document["kind"] == "PrometheusRule"
    assert document["spec"]["groups"] == yaml.safe_load(RULES.read_text())["groups"]


def test_runbooks_become_links_where_somebody_says_where_the_pages_are() -> None:
    made = yaml.safe_load(prometheus_rule(RULES.read_text(), pages="https://docs.example.com/springtide"))

    links = {rule["annotations"]["runbook_url"] for group in made["spec"]["groups"] for rule in group["rules"]}
    assert len(links) == len(alerts())
    assert all(link.startswith("https://docs.example.com/springtide/runbook.md#") for link in links)
