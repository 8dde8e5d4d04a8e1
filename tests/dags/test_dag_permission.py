"""Whoever `metadata.may_scale` does not name pauses, aborts and approves nothing, also from Airflow's own form."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from springtide.errors import PermanentError
from springtide_airflow.aborting import AbortRunOperator
from springtide_airflow.approving import ApproveAheadOperator
from springtide_airflow.pausing import PauseServiceOperator
from support.builders import policy_text
from support.dag_notes import executed
from support.fleet import Fleet
from support.fleet_scene import Scene, SceneWiring
from support.simulation import Simulation

PAUSE = {"service": "web", "action": "pause", "reason": "its cache is cold", "until": ""}
APPROVE = {"service": "web", "event": "sales.flash", "up_to": 6, "reason": "nobody is awake", "until": None}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Return a scene whose one service only bob may scale, with a sale ahead."""
    made = Scene(Fleet({"web": ()}), tmp_path, monkeypatch)
    document = made.fleet.document("web")
    made.policy(document | {"metadata": document["metadata"] | {"may_scale": ["bob"]}})
    asks = {"web": {"replicas": 6}}
    made.calendar({"name": "flash", "start": made.at(hours=20), "duration": "2h", "services": asks})
    return made


def started_by(user: str, params: dict[str, Any]) -> Any:
    """Return the context of a task of a DAG run that `user` has started by hand."""
    dag_run = SimpleNamespace(triggering_user_name=user, run_type="manual", run_id=f"manual__{user}", conf={})
    return {"params": params, "dag_run": dag_run}


def test_only_who_may_scale_a_service_pauses_it(scene: Scene) -> None:
    pause = PauseServiceOperator(task_id="pause")
    pause.wiring = SceneWiring(scene)

    with pytest.raises(PermanentError, match="eve"):
        executed(pause, started_by("eve", PAUSE))

    assert scene.fleet.store.latest_pauses("web") == ()


def test_only_who_may_scale_a_service_approves_for_it(scene: Scene) -> None:
    approve = ApproveAheadOperator(task_id="approve")
    approve.wiring = SceneWiring(scene)

    with pytest.raises(PermanentError, match="eve"):
        executed(approve, started_by("eve", APPROVE))
    assert scene.fleet.store.approvals_ahead(["web"]) == ()

    executed(approve, started_by("bob", APPROVE))
    assert [approval.by for approval in scene.fleet.store.approvals_ahead(["web"])] == ["bob"]


def test_only_who_may_scale_a_service_aborts_its_run(simulation: Simulation, tmp_path: Path) -> None:
    text = policy_text("checkout").replace('"owner": "team-web"', '"owner": "team-web", "may_scale": ["bob"]')
    (tmp_path / "checkout.yaml").write_text(text)
    asked = {"service": "checkout", "run_id": "", "reason": "the new pods are slow"}

    with pytest.raises(PermanentError, match="eve"):
        executed(AbortRunOperator(task_id="abort"), started_by("eve", asked))

    assert [call for call in simulation.world.history.calls if call.method == "PATCH"] == []
