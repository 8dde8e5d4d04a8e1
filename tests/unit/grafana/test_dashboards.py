"""The dashboards ask for metrics and labels that there are, lie on the page, and are what the code makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import yaml
from deploy.grafana.__main__ import DASHBOARDS, FOLDER, text_of
from deploy.grafana.model import COLUMNS, Dashboard, Panel, Query, Row
from deploy.grafana.queries import among, labels_of, latest

from springtide.errors import InputError
from springtide.record.metrics import METRICS, RUNS
from support.promql import named_in

UNITS = {"none", "s", "percentunit"}
BY_GRAFANA = {"__rate_interval", "__range"}

SERIES = {metric.name: set(labels_of(metric)) for metric in METRICS if not metric.bounds} | {
    f"{metric.name}{part}": {*labels_of(metric), *(["le"] if part == "_bucket" else [])}
    for metric in METRICS
    if metric.bounds
    for part in ("_bucket", "_sum", "_count")
}
"""The labels of every series that Prometheus can know."""

PAGES = {dashboard.name: json.loads((FOLDER / f"{dashboard.name}.json").read_text()) for dashboard in DASHBOARDS}

every_page = pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))


def panels(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels that ask something: all but the rows' titles."""
    yield from (panel for panel in page["panels"] if panel["type"] != "row")


def expressions() -> list[tuple[str, str]]:
    return [
        (f"{page['title']}: {panel['title']}", target["expr"])
        for page in PAGES.values()
        for panel in panels(page)
        for target in panel["targets"]
    ]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_the_file_is_what_the_code_makes(dashboard: Dashboard) -> None:
    written = (FOLDER / f"{dashboard.name}.json").read_text()

    assert written == text_of(dashboard), "run `python -m deploy.grafana` and commit what it writes"


def test_a_folder_of_dashboards_holds_those_and_no_others() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {"fleet", "service", "event"} == set(PAGES)


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=[where for where, _ in expressions()])
def test_every_query_asks_for_metrics_and_labels_that_there_are(where: str, expression: str) -> None:
    named = named_in(expression)

    assert named.metrics, where
    assert named.metrics.keys() - SERIES.keys() == set()
    assert {name: labels - SERIES[name] for name, labels in named.metrics.items() if labels - SERIES[name]} == {}
    assert named.groups <= set().union(*(SERIES[name] for name in named.metrics))


def test_what_is_no_metric_and_no_label_is_seen() -> None:
    named = named_in('sum by (pod) (rate(springtide_run_total{stratgy="a{b}"}[5m])) and on (policy) up')

    assert named.metrics == {"rate": set(), "springtide_run_total": {"stratgy"}, "up": set()}
    assert named.groups == {"pod", "policy"}
    assert "springtide_run_total" not in SERIES


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {name for _, expression in expressions() for name in named_in(expression).metrics}

    assert [m.name for m in METRICS if not shown & {m.name, f"{m.name}_bucket"}] == []


def test_a_label_that_a_metric_does_not_have_cannot_be_asked_for() -> None:
    with pytest.raises(InputError, match=r"springtide_runs_total has no label 'policy'; allowed: strategy, outcome"):
        among(RUNS, "policy")
    with pytest.raises(InputError, match="no label 'policy'"):
        latest(RUNS, {"policy": "$policy"})


@every_page
def test_a_page_has_what_grafana_finds_it_by(page: dict[str, Any]) -> None:
    assert re.fullmatch(r"springtide-[a-z]{1,29}", page["uid"])
    assert page["schemaVersion"] == 39
    assert page["tags"] == ["springtide"]
    assert "id" not in page, "a number of one Grafana is another dashboard's in the next"
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])


def test_no_two_pages_have_one_uid_or_title() -> None:
    assert len({page["uid"] for page in PAGES.values()}) == len({page["title"] for page in PAGES.values()}) == 3


@every_page
def test_panels_lie_on_the_page_and_not_on_each_other(page: dict[str, Any]) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in page["panels"]]

    assert [title for title, at in places if at["x"] < 0 or at["x"] + at["w"] > COLUMNS] == []
    assert [(a, b) for (a, one), (b, other) in combinations(places, 2) if overlap(one, other)] == []


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not above


@every_page
def test_every_panel_says_what_it_shows_and_in_which_unit(page: dict[str, Any]) -> None:
    for panel in panels(page):
        assert re.fullmatch(r"[A-Z].{20,}\.", panel["description"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert steps[0] is None, panel["title"]
        assert steps[1:] == sorted(steps[1:]), panel["title"]
        if panel["type"] in {"stat", "bargauge", "table"}:
            assert panel["fieldConfig"]["defaults"]["noValue"], f"{panel['title']}: nothing known must not look like 0"
    titles = [panel["title"] for panel in panels(page)]
    assert len(titles) == len(set(titles))


@every_page
def test_every_query_has_a_letter_of_its_own_and_asks_the_chosen_prometheus(page: dict[str, Any]) -> None:
    for panel in panels(page):
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters))
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


@every_page
def test_every_variable_that_is_used_can_be_chosen(page: dict[str, Any]) -> None:
    chosen = {variable["name"]: variable for variable in page["templating"]["list"]}
    used = {name for panel in panels(page) for target in panel["targets"] for name in variables(target["expr"])}

    assert used - BY_GRAFANA == chosen.keys() - {"datasource"}
    for variable in chosen.values():
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
            assert found is not None
            assert found[2] in SERIES[found[1]]


def variables(expression: str) -> list[str]:
    return re.findall(r"\$(\w+)", expression)


def test_a_panel_that_is_wider_than_the_page_is_refused() -> None:
    wide = Panel(kind="stat", title="Wide", description="Too wide.", unit="s", queries=(Query(expr="up"),), width=25)
    page = Dashboard(name="wide", title="wide", description="wide", rows=(Row(title="row", panels=(wide,)),))

    with pytest.raises(InputError, match="25 columns wide; at most 24"):
        page.to_json()


def test_grafanas_container_finds_the_datasource_and_the_files() -> None:
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())
    providers = yaml.safe_load((FOLDER / "provisioning/dashboards/springtide.yaml").read_text())

    (source,) = sources["datasources"]
    (provider,) = providers["providers"]
    assert (sources["apiVersion"], providers["apiVersion"]) == (1, 1)
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "${PROMETHEUS_URL}", True)
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards/springtide")
