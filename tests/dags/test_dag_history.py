"""The daily history run: learns one day of every service, the same however often, and has no way to a cluster."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.sdk import CronDataIntervalTimetable

from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.record.sql import open_store
from springtide_airflow.history import DemandingServicesOperator, LearnDayOperator, PruneOperator, day_of
from springtide_airflow.hook import SpringtideHook
from unit.record.run_builders import a_run

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.record.history import HistoryDay

# great-expectations asks the standard library for modules that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_[a-z]+' is deprecated:DeprecationWarning")

DAY = date(2026, 11, 9)
POLICY = """
apiVersion: springtide/v1
kind: ScalingPolicy
metadata: {name: checkout, owner: payments}
spec:
  target: {namespace: shop, deployment: checkout, service: checkout}
  replicas: {min: 2, max: 20}
  demand: {source: file, path: demand.csv, unit: requests/s, lookback: 1d}
  capacity: {models: [{model: target_utilization, per_replica: 10}]}
  strategy: {type: in_place}
"""


@pytest.fixture
def store_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty store, with one policy that reads demand and one that does not."""
    start = datetime(2026, 11, 9, tzinfo=UTC)
    rows = [f"{(start + timedelta(minutes=m)).isoformat()},{50 + m % 60}" for m in range(1440)]
    (tmp_path / "demand.csv").write_text("\n".join(["timestamp,value", *rows]))
    (tmp_path / "checkout.yaml").write_text(POLICY)
    fixed = POLICY.replace("checkout", "search").replace("{model: target_utilization, per_replica: 10}", "FIXED")
    (tmp_path / "search.yaml").write_text(
        "".join(line for line in fixed.splitlines(keepends=True) if "demand:" not in line).replace(
            "FIXED", "{model: fixed, replicas: 3}"
        )
    )
    (tmp_path / "broken.yaml").write_text("not: a policy")
    url = f"sqlite:///{tmp_path}/runs.db"
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    monkeypatch.setenv("SPRINGTIDE_PAGES", str(tmp_path / "pages"))
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", url)
    monkeypatch.setattr(SpringtideHook, "get_connection", _no_connection)
    return url


def _no_connection(_: SpringtideHook, conn_id: str) -> None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    raise AirflowNotFoundException(conn_id)


def context(**conf: Any) -> Context:
    """Return the context of a backfill run over `DAY`."""
    start = datetime.combine(DAY, datetime.min.time(), UTC)
    dag_run = SimpleNamespace(
        dag_id="capacity_history", run_id="backfill__1", run_type="backfill", data_interval_start=start,
        logical_date=start, run_after=start, conf=conf,
    )  # fmt: skip
    return cast("Context", {"dag_run": dag_run, "ti": SimpleNamespace(try_number=1)})


def learn(**conf: Any) -> dict[str, Any]:
    """Run the task that learns."""
    return LearnDayOperator(task_id="learn_day", service="checkout").execute(context(**conf))


def kept(url: str) -> tuple[HistoryDay, ...]:
    """Return every day that is kept."""
    with open_store(url) as store:
        return store.days("checkout", date(2020, 1, 1), date(2030, 1, 1))


def test_services_that_read_demand_are_learned(store_url: str) -> None:
    assert store_url
    assert DemandingServicesOperator(task_id="services").execute(context()) == ["checkout"]


def test_a_day_is_kept_and_kept_again_the_same(store_url: str) -> None:
    first = learn()
    rows = kept(store_url)
    second = learn()

    assert first == second
    assert kept(store_url) == rows
    assert [(row.day, row.peak, row.required, row.actual) for row in rows] == [(DAY, 109.0, 11, None)]
    assert rows[0].profile[:2] == (54.0, 59.0)
    assert json.dumps(first)
    assert Path(first["pages"]).is_file()


@pytest.mark.parametrize("conf", [{}, {"dry_run": False}, {"dry_run": False, "replicas": 50, "strategy": "in_place"}])
def test_whatever_its_conf_says_there_is_no_way_to_a_cluster(
    store_url: str, monkeypatch: pytest.MonkeyPatch, conf: dict[str, Any]
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a run that learns opened the cluster")

    for name in ("kube", "ports", "reading_ports"):
        monkeypatch.setattr(SpringtideHook, name, forbidden)

    DemandingServicesOperator(task_id="services").execute(context(**conf))
    learn(**conf)

    assert len(kept(store_url)) == 1


def test_that_the_cluster_follows_old_numbers_is_said_every_day(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_url
    stale = SimpleNamespace(stale="the recording rule in force is stale")
    monkeypatch.setattr("springtide.training.tuning.tune_learning", lambda *_: (stale, SimpleNamespace(stale=None)))
    yesterday = context()
    yesterday["dag_run"].data_interval_start = datetime.now(UTC) - timedelta(days=1)

    found = LearnDayOperator(task_id="learn_day", service="checkout").execute(yesterday)

    assert found["stale"] == ["the recording rule in force is stale"]
    assert "stale" not in learn()


def test_a_day_that_is_not_over_teaches_nothing(store_url: str) -> None:
    assert store_url
    today = datetime.now(UTC)
    of_today = context()
    of_today["dag_run"].data_interval_start = today

    with pytest.raises(InputError, match="is not over yet"):
        LearnDayOperator(task_id="learn_day", service="checkout").execute(of_today)


@pytest.mark.parametrize(
    ("start", "logical", "day"),
    [
        (datetime(2026, 11, 9, tzinfo=UTC), None, DAY),
        (None, datetime(2026, 11, 9, 5, tzinfo=UTC), DAY),
        (None, None, DAY),
    ],
)
def test_the_day_is_that_of_the_interval(start: datetime | None, logical: datetime | None, day: date) -> None:
    run = SimpleNamespace(
        data_interval_start=start, logical_date=logical, run_after=datetime(2026, 11, 10, 3, tzinfo=UTC)
    )

    assert day_of(cast("Context", {"dag_run": run})) == day


def test_it_runs_daily_over_utc_days_and_can_be_backfilled(bag: DagBag) -> None:
    dag = bag.dags["capacity_history"]

    assert isinstance(dag.timetable, CronDataIntervalTimetable)
    assert not dag.catchup
    assert dag.get_task("learn_day").upstream_task_ids == {"services"}
    assert not dag.params


def test_what_is_older_than_the_setting_says_is_forgotten_and_told(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_KEEP_RUNS", "30d")
    now = datetime.now(UTC)
    with open_store(store_url) as store:
        for name, age in (("old", 40), ("newer", 20), ("newest", 0)):
            run = a_run(name, started_at=now - timedelta(days=age))
            store.save(run.with_outcome(RunOutcome.SUCCEEDED, at=now))

    told = PruneOperator(task_id="prune").execute(context())

    assert (told["removed"]["runs"], told["kept"]["runs"]) == (1, 2)
    with open_store(store_url) as store:
        assert [run.run_id for run in store.latest()] == ["newest", "newer"]


def test_an_age_that_would_forget_too_much_fails_the_task(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_url
    monkeypatch.setenv("SPRINGTIDE_KEEP_RUNS", "1d")

    with pytest.raises(InputError, match="SPRINGTIDE_KEEP_RUNS"):
        PruneOperator(task_id="prune").execute(context())
