"""Two policies of two clusters: each run reaches its own by the connection that its policy names."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from springtide.errors import InputError
from springtide.record.model import RunOutcome
from springtide.workload import Workload
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.triggers import PhaseTrigger
from support.two_clusters import ALPHA, SECOND, TwoClusters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow.sdk import DAG

    from springtide.run.ports import Ports

pytestmark = [  # what Airflow 3.3.2 itself does when a DAG runs inside a test
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern"),
    pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`"),
]

CALLED = {ALPHA: "checkout", SECOND: "search"}


@pytest.fixture
def opened() -> list[str]:
    """The connections that tasks have opened."""
    return []


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> TwoClusters:
    """Two clusters behind two connections, and a policy for each."""
    monkeypatch.setenv("SPRINGTIDE_POLICIES", str(tmp_path))
    made = TwoClusters(called=CALLED)
    for cluster, name in CALLED.items():
        (tmp_path / f"{name}.yaml").write_text(json.dumps(made.document(cluster)))

    @contextmanager
    def ports(hook: SpringtideHook, _on_wait: Callable[[str], None]) -> Iterator[Ports]:
        opened.append(hook.kubernetes_conn_id)
        yield made.ports(hook.kubernetes_conn_id)

    monkeypatch.setattr(SpringtideHook, "ports", ports)
    return made


def test_each_runs_by_its_own_connection(scale_service: DAG, both: TwoClusters, opened: list[str]) -> None:
    first = scale_service.test(run_conf={"service": "checkout", "replicas": 4})
    of_first = set(opened)
    opened.clear()
    second = scale_service.test(run_conf={"service": "search", "replicas": 3})

    assert (of_first, set(opened)) == ({ALPHA}, {SECOND})
    assert (both.desired(ALPHA), both.desired(SECOND)) == (4, 3)
    store = both.here[ALPHA].store
    ends = {store.get(run.run_id).target.cluster: store.get(run.run_id).outcome for run in (first, second)}
    assert ends == {ALPHA: RunOutcome.SUCCEEDED, SECOND: RunOutcome.SUCCEEDED}


def test_a_trigger_that_another_process_makes_again_knows_the_cluster() -> None:
    workload = Workload(namespace="shop", deployment="web", service="web", cluster=SECOND)

    _, arguments = PhaseTrigger("instances_ready", workload.to_record(), "run-1", 0.0).serialize()

    assert Workload.from_record(json.loads(json.dumps(arguments))["workload"]) == workload


def test_a_connection_that_is_not_there_is_named_with_its_policy() -> None:
    with pytest.raises(InputError) as caught:
        SpringtideHook.of_cluster("nowhere", "checkout").kube()

    assert caught.value.code == "connection_missing"
    assert "connection 'nowhere', which policy checkout names in target.cluster" in caught.value.message
