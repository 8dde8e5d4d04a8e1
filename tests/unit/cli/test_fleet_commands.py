"""`springtide adjust` and `springtide prepare` over the embedded cluster: a sweep and a preparation without Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app
from springtide.cli.options import CliContext
from springtide.errors import ClusterUnavailable
from springtide.record.sql import open_store
from springtide.record.store import RunStore
from springtide.recovery.rounds import COMMAND_LINE
from springtide.run.ports import Ports
from springtide.sandbox.core import Settings
from springtide.sandbox.world import World
from support.fleet import START, Fleet

CALENDAR = """
apiVersion: springtide/v1
kind: EventCalendar
metadata: {{name: sales, owner: commerce}}
spec:
  timezone: UTC
  pace: {{runs: 1}}  # one world, one thread
  events:
    - name: flash
      start: {start:%Y-%m-%dT%H:%M}
      duration: 3h
      lead: 1h
      services: {{web: {{multiply: 3x}}, db: {{replicas: 4}}}}
"""


@dataclass
class Shop:
    """A fleet, and the folders that commands read."""

    fleet: Fleet
    folder: Path

    def policy(self, name: str, replicas: int) -> None:
        """Write the policy of one service, whose demand asks for so many replicas."""
        document = self.fleet.document(name)
        document["spec"]["capacity"]["models"][0]["replicas"] = replicas
        (self.folder / "policies" / f"{name}.yaml").write_text(json.dumps(document))

    def calendar(self, *, ahead: timedelta) -> None:
        """Write a calendar with one event, which begins so far ahead of now."""
        text = CALENDAR.format(start=datetime.now(UTC) + ahead)
        (self.folder / "calendars" / "sales.yaml").write_text(text)

    def run(self, *arguments: str, code: int = 0) -> Any:
        """Return what a command answered."""
        options = [f"--{name}={self.folder / name}" for name in ("policies", "calendars")]
        store = f"--store=sqlite:///{self.folder}/runs.db"
        result = CliRunner().invoke(app, [*arguments, *options, store, "--output=json"])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if result.stdout else json.loads(result.stderr)


def shop_of(fleet: Fleet, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for name in ("policies", "calendars"):
        (folder / name).mkdir()

    @contextmanager
    def ports(_place: CliContext, _on_wait: Callable[[str], None], *, store: RunStore, **_: object) -> Iterator[Ports]:
        yield replace(fleet.ports(), store=store)

    monkeypatch.setattr(CliContext, "ports", ports)
    shop = Shop(fleet, folder)
    for name in fleet.after:
        shop.policy(name, START)
    shop.calendar(ahead=timedelta(days=3))
    return shop


def world() -> World:
    """Return a world in which it is the machine's time: calendars are read by that."""
    return World(Settings(seed=1), start=datetime.now(UTC))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return shop_of(Fleet({"db": (), "web": ("db",), "mail": ()}, world=world()), tmp_path, monkeypatch)


def test_a_sweep_scales_what_demand_asks_for_and_nothing_else(shop: Shop) -> None:
    shop.policy("web", 4)

    report = shop.run("adjust")

    assert shop.fleet.replicas() == {"db": START, "web": 4, "mail": START}
    assert report["services"]["web"] == "2 → 4: its policy asks for 4"
    assert shop.run("adjust")["services"]["web"] == "4 stay: its policy asks for 4"
    with open_store(f"sqlite:///{shop.folder}/runs.db") as store:
        (run,) = store.latest()
    assert run.run_id.startswith(COMMAND_LINE)  # if it dies, `springtide reconcile` may end it


def test_a_dry_run_says_what_would_be_done_and_does_nothing(shop: Shop) -> None:
    shop.calendar(ahead=timedelta(minutes=30))

    report = shop.run("prepare", "--dry-run")

    assert report["standing"] == {"db": 4, "web": 6}
    assert set(shop.fleet.replicas().values()) == {START}
    assert shop.run("prepare", "--dry-run") == report  # nothing was noted either


def test_all_runs_of_a_command_share_one_store(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.calendar(ahead=timedelta(minutes=30))
    opened: list[CliContext] = []
    really = CliContext.open_store

    def open_and_count(place: CliContext) -> RunStore:
        opened.append(place)
        return really(place)

    monkeypatch.setattr(CliContext, "open_store", open_and_count)

    report = shop.run("prepare")

    assert len(report["standing"]) == 2
    assert len(opened) == 1


def test_what_is_due_is_prepared_once_in_its_order_and_held_by_the_sweep(shop: Shop) -> None:
    shop.calendar(ahead=timedelta(minutes=30))

    report = shop.run("prepare")

    assert shop.fleet.replicas() == {"db": 4, "web": 6, "mail": START}
    assert "asks for 3x of 2" in report["services"]["web"]
    assert [name for _, name, _ in shop.fleet.grown()] == ["db", "web"]
    assert shop.run("prepare")["services"] == {}
    assert shop.run("adjust")["standing"] == {"db": 4, "web": 6, "mail": START}


def test_nothing_is_due_before_the_lead_unless_it_is_named(shop: Shop) -> None:
    assert shop.run("prepare")["services"] == {}

    shop.run("prepare", "sales.flash")

    assert shop.fleet.replicas() == {"db": 4, "web": 6, "mail": START}


def test_an_event_that_there_is_not_is_refused(shop: Shop) -> None:
    assert shop.run("prepare", "nosuch", code=1)["error"]["code"] == "event_unknown"


def test_one_that_fails_holds_back_what_needs_it_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet({"db": (), "web": ("db",), "mail": ()}, failing=frozenset({"db"}), world=world())
    shop = shop_of(fleet, tmp_path, monkeypatch)
    for name in fleet.after:
        shop.policy(name, 3)

    report = shop.run("adjust", code=1)

    assert shop.fleet.replicas() == {"db": START, "web": START, "mail": 3}
    assert "ErrImageNeverPull" in report["problems"]["db"]
    assert report["problems"]["web"].startswith("held back: it comes after db, which failed: ")


def test_a_policy_with_errors_keeps_no_other_service_from_its_sweep(shop: Shop) -> None:
    shop.policy("web", 4)
    (shop.folder / "policies" / "mail.yaml").write_text("spec: [")

    report = shop.run("adjust", code=1)

    assert set(report["problems"]) == {"mail"}
    assert shop.fleet.replicas()["web"] == 4


def test_by_a_broken_calendar_nothing_is_done(shop: Shop) -> None:
    shop.policy("web", 1)
    (shop.folder / "calendars" / "sales.yaml").write_text("spec: [")

    assert "sales.yaml" in shop.run("adjust", code=1)["error"]["message"]
    assert shop.fleet.replicas()["web"] == START


def test_a_cluster_that_does_not_answer_is_worth_another_try(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_place: CliContext, _on_wait: Callable[[str], None], **_: object) -> object:
        raise ClusterUnavailable("the API server does not answer", code="cluster_unavailable")

    monkeypatch.setattr(CliContext, "ports", away)

    assert shop.run("adjust", code=75)["error"]["code"] == "cluster_unavailable"


def test_for_people_it_is_a_table(shop: Shop) -> None:
    options = [f"--{name}={shop.folder / name}" for name in ("policies", "calendars")]
    result = CliRunner().invoke(app, ["adjust", *options, f"--store=sqlite:///{shop.folder}/runs.db"])

    assert result.exit_code == 0
    assert "2 stay: its policy asks for 2" in result.stdout
