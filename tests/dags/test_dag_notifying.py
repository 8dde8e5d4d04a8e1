"""People are told by Airflow's Apprise provider, here to webhooks on loopback: once, in words, and at nobody's cost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator

from springtide.notify.facts import Fact
from springtide.policy.reading.folder import PolicyFolder
from springtide.record.memory import MemoryStore
from springtide.record.sql import open_store
from springtide_airflow import notifying, sensors
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.notifying import teller
from support.fleet import Fleet
from support.fleet_scene import Scene
from support.simulation import Simulation
from support.webhook import Webhook

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

    from springtide.run.ports import Ports

# Airflow's own: its plugin loader, and the execution API that `dag.test()` asks
pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning",
    "ignore:Using `httpx`",
    "ignore:Multiple rows returned",
    "ignore:'[a-z]+' is deprecated:DeprecationWarning",  # what Apprise loads of the standard library
)

FACT = Fact(kind="failed", subject="checkout", key="failed:1", to=("payments",), lines=("the smoke test failed",))
Connect = Callable[..., None]


@pytest.fixture
def webhooks() -> Iterator[Callable[[], Webhook]]:
    """Return a function that opens a webhook until the end of the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Webhook().open())


@pytest.fixture
def scene_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a scene with one service."""
    return Scene(Fleet({"web": ()}), tmp_path, monkeypatch)


@pytest.fixture
def webhook(webhooks: Callable[[], Webhook]) -> Webhook:
    return webhooks()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Return a function that makes the connection, of URLs with or without a tag."""

    def to(*entries: tuple[str, str | None]) -> None:
        config = [{"path": path} | ({"tag": tag} if tag else {}) for path, tag in entries]
        value = {"conn_type": "apprise", "extra": {"config": config}}
        monkeypatch.setenv("AIRFLOW_CONN_SPRINGTIDE_NOTIFY", json.dumps(value))

    return to


def test_a_fact_reaches_the_webhook_of_its_owner_alone_and_once(
    webhooks: Callable[[], Webhook], connect: Connect
) -> None:
    payments = webhooks()
    search = webhooks()
    connect((payments.url, "payments"), (search.url, "search"))
    store = MemoryStore()

    for _ in range(3):
        teller(lambda: store).tell(FACT)

    assert search.received == []
    (message,) = payments.received
    assert (message["title"], message["message"]) == ("checkout: failed", "the smoke test failed")
    assert message["type"] == "failure"


def test_two_processes_on_one_store_tell_a_fact_once(webhook: Webhook, connect: Connect, tmp_path: Path) -> None:
    connect((webhook.url, None))

    for _ in range(2):
        teller(lambda: open_store(f"sqlite:///{tmp_path}/runs.db")).tell(FACT)

    assert webhook.titles == ["checkout: failed"]


def test_without_the_connection_nothing_is_sent_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SPRINGTIDE_NOTIFY", raising=False)
    notifying._say_that_nobody_is_told.cache_clear()

    with caplog.at_level(logging.INFO, logger=notifying.__name__):
        for _ in range(2):
            teller(MemoryStore).tell(FACT)

    assert [record.getMessage() for record in caplog.records if record.name == notifying.__name__] == [
        "nobody is told of anything: there is no connection springtide_notify"
    ]


def test_foreign_text_arrives_as_text(webhook: Webhook, connect: Connect) -> None:
    connect((webhook.url, None))
    hostile = "<b>sale</b>\n\n# [free](http://evil.example) <!channel> @here"

    teller(MemoryStore).tell(replace(FACT, subject=hostile, lines=(hostile,)))

    (message,) = webhook.received
    for text in (message["title"], message["message"]):
        assert not set("<>[]@\n") & set(text)
        assert "sale" in text


@pytest.mark.parametrize("trouble", ["answers 500", "hangs", "is gone"])
def test_what_a_webhook_does_costs_a_line_in_the_log_and_is_told_later(
    trouble: str,
    webhook: Webhook,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(notifying, "SEND_SECONDS", 0.2)
    store = MemoryStore()
    connect(("json://127.0.0.1:1/T0KEN" if trouble == "is gone" else webhook.url, None))
    webhook.status = 500 if trouble == "answers 500" else 200
    if trouble == "hangs":
        webhook.gate.clear()

    teller(lambda: store).tell(FACT)

    printed = "".join(capsys.readouterr())
    assert "T0KEN" not in printed
    assert "not_told" in printed
    webhook.status = 200
    webhook.gate.set()
    connect((webhook.url + "/other", None))
    teller(lambda: store).tell()
    assert webhook.titles[-1] == "checkout: failed"


def test_a_url_that_cannot_be_used_is_told_and_keeps_no_other_from_its_message(
    webhook: Webhook, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connect(("nonsense://T0KEN", None), (webhook.url, None))

    teller(MemoryStore).tell(FACT)

    assert "only 1 of its 2 URLs can be used" in caplog.text
    assert webhook.titles == ["checkout: failed"]


def test_a_connection_that_is_none_of_apprise_costs_a_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SPRINGTIDE_NOTIFY", "slack://T0KEN")

    teller(MemoryStore).tell(FACT)

    printed = "".join(capsys.readouterr())
    assert "notifications failed: KeyError" in printed
    assert "T0KEN" not in printed


class Run:
    """A service of `payments` in a simulated cluster, and the DAG that scales it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **spec: Any) -> None:
        self.simulation = Simulation.of(2, strategy="in_place")
        document = self.simulation.policy.model_dump(mode="json")
        document["spec"] |= spec
        document["metadata"] = {"name": "checkout", "owner": "payments"}
        (folder / "checkout.yaml").write_text(json.dumps(document))
        self.folder = PolicyFolder(folder)
        monkeypatch.setenv("SPRINGTIDE_POLICIES", str(folder))
        monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{folder}/runs.db")
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example")
        monkeypatch.setattr(SpringtideHook, "ports", self._ports)
        monkeypatch.setattr(sensors, "PATIENCE", timedelta(hours=1))

    @contextmanager
    def _ports(self, _on_wait: object) -> Iterator[Ports]:
        yield replace(self.simulation.ports(), policy_of=self.folder.get)

    def end(self, bag: DagBag) -> tuple[str, str]:
        """Run the DAG to its end; return its name and how it ended."""
        done = bag.dags["scale_service"].test(run_conf={"service": "checkout", "replicas": "4"})
        return done.run_id, str(done.state.value)


def rejecting(operator: ApprovalOperator, context: Any) -> Any:
    now = context["dag_run"].run_after
    who = {"id": "1", "name": "ada"}
    answer = {"chosen_options": ["Reject"], "params_input": {}, "responded_at": now, "responded_by_user": who}
    return operator.execute_complete(context, answer)


def test_a_run_that_waits_for_a_person_and_is_rejected_tells_both_with_their_pages(
    bag: DagBag, webhook: Webhook, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect((webhook.url, "payments"))
    run = Run(tmp_path, monkeypatch, approval={"always": True})
    monkeypatch.setattr(ApprovalOperator, "execute", rejecting)

    run_id, state = run.end(bag)

    assert (state, webhook.titles) == ("failed", ["checkout: a plan waits for approval", "checkout: failed"])
    wanted, failed = (message["message"].splitlines() for message in webhook.received)
    page = f"https://airflow.example/dags/scale_service/runs/{run_id.replace(':', '%3A').replace('+', '%2B')}"
    assert wanted[0].startswith("2 → 4 replicas by in_place: ")
    assert wanted[-1] == f"{page}/tasks/approve/required_actions"
    assert "was rejected by ada" in failed[0]
    assert failed[0].startswith("checkout 2 → 4, ")
    assert failed[1:] == ["Put right what it says, then start it again.", f"run {run_id}", page]


def test_a_run_that_succeeds_is_told_where_that_is_asked_for_alone(
    bag: DagBag, webhook: Webhook, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect((webhook.url, None))
    assert Run(tmp_path, monkeypatch).end(bag)[1] == "success"
    assert webhook.received == []

    assert Run(tmp_path, monkeypatch, notify={"also": ["succeeded"]}).end(bag)[1] == "success"

    assert webhook.titles == ["checkout: succeeded"]
    assert webhook.received[0]["message"].startswith("checkout 2 → 4, done after ")


def test_a_run_goes_on_where_the_webhook_does_not_answer(
    bag: DagBag, webhook: Webhook, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect((webhook.url, None))
    monkeypatch.setattr(notifying, "SEND_SECONDS", 0.2)
    run = Run(tmp_path, monkeypatch, notify={"also": ["succeeded"]})
    webhook.gate.clear()

    assert run.end(bag)[1] == "success"

    (waiting,) = run.simulation.store.waiting_notifications(now=run.simulation.world.now(), limit=10)
    assert waiting.fact["kind"] == "succeeded"


def test_an_event_is_told_when_it_is_prepared_and_when_it_is_given_back(
    bag: DagBag, webhook: Webhook, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect((webhook.url, None))
    scene = Scene(Fleet({"db": (), "web": ("db",)}), tmp_path, monkeypatch)
    event = {"name": "flash", "start": scene.at(minutes=10) + "Z", "end": scene.at(hours=1) + "Z", "owner": "ada"}
    asks = {"web": {"multiply": "4x"}, "db": {"replicas": 5}}

    assert scene.run(bag, "prepare_events", event=event | {"services": asks})[0] == "success"

    (prepared,) = webhook.received
    assert prepared["title"] == "ad-hoc.flash: the event is prepared"
    assert "web: 2 → 8: " in prepared["message"]

    scene.fleet.world.advance(2 * 3600)
    for _ in range(4):
        assert scene.run(bag, "adjust_capacity")[0] == "success"

    assert webhook.titles[1:] == ["ad-hoc.flash: given back"]


@pytest.mark.parametrize("dag", ["check_calendars", "adjust_capacity"])
def test_a_calendar_that_breaks_is_told_once_until_it_is_mended(
    dag: str, scene_of_one: Scene, bag: DagBag, webhook: Webhook, connect: Connect
) -> None:
    connect((webhook.url, "springtide"))
    calendar = scene_of_one.folder / "calendars" / "sales.yaml"
    scene_of_one.calendar()
    whole = calendar.read_text()

    for text in ("spec: [", "spec: [", whole, "spec: ["):
        calendar.write_text(text)
        scene_of_one.run(bag, dag)

    assert webhook.titles == ["calendar sales.yaml: broken, events known before stay"] * 2
    assert str(scene_of_one.folder) not in webhook.received[0]["message"]
