"""The daily history run: learns one day of every service, the same however often, and has no way to a cluster."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.sdk import CronDataIntervalTimetable

from springtide.errors import DemandUnavailable, InputError, PermanentError, TemporaryError
from springtide.fleet.memory import ProcessMemory
from springtide.record.history import SLOTS, HistoryDay
from springtide.record.model import RunOutcome
from springtide.record.sql import open_store
from springtide.training.whole_days import LearnedDay
from springtide_airflow.history import DemandingServicesOperator, LearnDayOperator, PruneOperator, day_of
from springtide_airflow.hook import SpringtideHook
from support.dag_notes import executed
from unit.record.run_builders import a_run

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import Context

    from springtide.training.days import Learning

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
        logical_date=start, run_after=start, conf=conf, clear_number=0,
    )  # fmt: skip
    ti = SimpleNamespace(try_number=1, max_tries=4, xcom_push=lambda **_: None)
    return cast("Context", {"dag_run": dag_run, "ti": ti, "task_state_store": ProcessMemory()})


def learn_in(attempt: Context, *services: str) -> dict[str, Any]:
    """Run one attempt at the task that learns; return what it found, or raise why it fails."""
    task = LearnDayOperator(task_id="learn_day", services=list(services or ("checkout",)))
    return cast("dict[str, Any]", executed(task, cast("dict[str, Any]", attempt)))


def learn(**conf: Any) -> dict[str, Any]:
    """Let one service be learned, and return what was found of it."""
    return cast("dict[str, Any]", learn_in(context(**conf))["learned"]["checkout"])


def kept(url: str) -> tuple[HistoryDay, ...]:
    """Return every day that is kept."""
    with open_store(url) as store:
        return store.days("checkout", date(2020, 1, 1), date(2030, 1, 1))


def test_services_that_read_demand_are_learned(store_url: str) -> None:
    assert store_url
    assert DemandingServicesOperator(task_id="services").execute(context()) == [["checkout"]]


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

    found = learn_in(yesterday)["learned"]["checkout"]

    assert found["stale"] == ["the recording rule in force is stale"]
    assert "stale" not in learn()


def test_a_day_that_is_not_over_teaches_nothing(store_url: str) -> None:
    assert store_url
    today = datetime.now(UTC)
    of_today = context()
    of_today["dag_run"].data_interval_start = today

    with pytest.raises(InputError, match="is not over yet"):
        learn_in(of_today)


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


@pytest.fixture
def tried(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Tried:
    """Return what becomes of three services that read demand, in tasks that do nothing else."""
    folder = Path(store_url.removeprefix("sqlite:///")).parent
    for name in ("api", "web"):
        (folder / f"{name}.yaml").write_text(POLICY.replace("checkout", name))
    tried = Tried()
    monkeypatch.setattr("springtide.training.whole_days.learn_whole_day", tried.learn)
    return tried


@dataclass
class Tried:
    """Which services were learned, in their order; `meets` is what becomes of some the next time."""

    meets: dict[str, BaseException] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)

    def learn(self, learning: Learning, day: date, now: datetime) -> LearnedDay:
        del now
        name = learning.policy.name
        self.services.append(name)
        if name in self.meets:
            raise self.meets.pop(name)
        kept = HistoryDay(policy=name, day=day, unit="requests/s", profile=(None,) * SLOTS)
        learning.store.save_day(kept)
        return LearnedDay(day=kept)

    def done(self) -> list[str]:
        """Return the services since this was asked last."""
        done = list(self.services)
        self.services.clear()
        return done


THREE = ("api", "checkout", "web")
AWAY = DemandUnavailable("no answer", code="demand_unavailable", retry_after=timedelta(milliseconds=1))


class TestAttempts:
    def test_one_that_fails_keeps_what_it_learned_of_the_others(self, tried: Tried, store_url: str) -> None:
        tried.meets["checkout"] = PermanentError("no such query", code="demand_refused")

        with pytest.raises(PermanentError, match=r"checkout: no such query \(demand_refused\)"):
            learn_in(context(), *THREE)

        assert tried.done() == list(THREE)
        with open_store(store_url) as store:
            assert [len(store.days(name, DAY, DAY)) for name in THREE] == [1, 0, 1]

    def test_the_next_one_learns_what_is_left(self, tried: Tried) -> None:
        task = context()
        tried.meets["checkout"] = AWAY
        with pytest.raises(TemporaryError, match="checkout: no answer"):
            learn_in(task, *THREE)
        tried.done()

        found = learn_in(task, *THREE)

        assert tried.done() == ["checkout"]
        assert (list(found["learned"]), found["learned_before"]) == (["checkout"], ["api", "web"])

    def test_the_next_one_goes_on_where_the_task_was_killed(self, tried: Tried) -> None:
        task = context()
        tried.meets["checkout"] = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            learn_in(task, *THREE)
        tried.done()

        learn_in(task, *THREE)

        assert tried.done() == ["web", "checkout"]

    @pytest.mark.parametrize(("clear_number", "max_tries"), [(1, 6), (0, 6)])
    def test_a_task_that_is_cleared_learns_all_again(self, tried: Tried, clear_number: int, max_tries: int) -> None:
        task = context()
        learn_in(task, *THREE)
        task["dag_run"].clear_number = clear_number
        cast("Any", task["ti"]).max_tries = max_tries
        tried.done()

        learn_in(task, *THREE)

        assert tried.done() == list(THREE)


class TestInAirflow:
    """What Airflow itself makes of the DAG: parts, a retry and what it remembers."""

    pytestmark = pytest.mark.filterwarnings(
        "ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`", "ignore:Multiple rows returned"
    )

    def run(self, bag: DagBag) -> Any:
        """Run it over `DAY`."""
        dag = deepcopy(bag.dags["capacity_history"])
        over = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(days=1)
        return dag.test(logical_date=over, run_after=over)

    def titles(self, run: Any) -> dict[str, str]:
        """Return how the mapped tasks ended, by their names in the page."""
        tasks = [ti for ti in run.get_task_instances() if ti.task_id == "learn_day"]
        return {ti.rendered_map_index: str(ti.state) for ti in tasks}

    def test_each_task_learns_its_part_and_is_called_by_it(
        self, bag: DagBag, tried: Tried, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SPRINGTIDE_LEARN_CHUNK", "2")

        run = self.run(bag)

        assert self.titles(run) == {"api to checkout, 2 services": "success", "web": "success"}
        assert sorted(tried.done()) == list(THREE)

    def test_a_retry_learns_only_what_is_left(self, bag: DagBag, tried: Tried) -> None:
        tried.meets["api"] = AWAY

        run = self.run(bag)

        assert self.titles(run) == {"api to web, 3 services": "success"}
        assert tried.done() == [*THREE, "api"]

    def test_a_task_that_fails_is_called_by_its_part_as_well_and_fails_the_run(self, bag: DagBag, tried: Tried) -> None:
        tried.meets["web"] = PermanentError("no such query", code="demand_refused")

        run = self.run(bag)

        assert self.titles(run) == {"api to web, 3 services": "failed"}
        assert str(run.state.value) == "failed"


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


def test_an_age_of_pages_that_is_none_fails_the_task_that_makes_them(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_url
    monkeypatch.setenv("SPRINGTIDE_KEEP_PAGES", "0d")

    with pytest.raises(InputError, match="SPRINGTIDE_KEEP_PAGES"):
        learn()


def test_an_age_that_would_forget_too_much_fails_the_task(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_url
    monkeypatch.setenv("SPRINGTIDE_KEEP_RUNS", "1d")

    with pytest.raises(InputError, match="SPRINGTIDE_KEEP_RUNS"):
        PruneOperator(task_id="prune").execute(context())
