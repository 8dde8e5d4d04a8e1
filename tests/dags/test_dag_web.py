"""REST and pages as the API server mounts them, in a real Airflow: its logins, its rights, and runs of its DAGs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.builders import policy_text
from support.simulation import Simulation

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from starlette.testclient import TestClient

pytestmark = pytest.mark.filterwarnings(
    "ignore:GitWildMatchPattern:DeprecationWarning",
    "ignore:Using `httpx`",
    "ignore:Some DAGs",
)

SCALE = "/springtide/scale/?name=checkout&pods=3"


@pytest.fixture(scope="module")
def known_dags(bag: DagBag) -> DagBag:
    """Return the DAGs as Airflow's database knows them, where a run of them is started."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        if session.get(DagBundleModel, "springtide") is None:
            session.add(DagBundleModel(name="springtide"))
        session.flush()
        dags = [LazyDeserializedDAG.from_dag(dag) for dag in bag.dags.values()]
        SerializedDAG.bulk_write_to_db("springtide", None, dags, session=session)
        session.flush()
        from airflow.models.serialized_dag import SerializedDagModel

        for dag in dags:
            SerializedDagModel.write_dag(dag, bundle_name="springtide", session=session)
    return bag


@pytest.fixture
def server(
    known_dags: DagBag, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """Return a client of Airflow's own API server with springtide's plugin; its cluster is the simulation's."""
    assert known_dags.dags
    assert simulation.policy
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from starlette.testclient import TestClient

    purge_cached_app()
    dead()  # what other tests have run stands in the same database
    alive("SchedulerJob", "TriggererJob")
    yield TestClient(create_app(), base_url="http://airflow.example")
    dead()


def alive(*kinds: str) -> None:
    """Let parts of Airflow have a heart that beats."""
    from airflow.jobs.job import Job, JobState
    from airflow.utils.session import create_session

    with create_session() as session:
        for kind in kinds:
            job = Job()  # type: ignore[no-untyped-call]
            job.job_type = kind
            job.state = JobState.RUNNING
            job.latest_heartbeat = datetime.now(UTC)
            session.add(job)


def dead() -> None:
    """End every part, and every run."""
    from airflow.jobs.job import Job
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(Job))
        session.execute(delete(DagRun))


def token(role: str | None, name: str = "", *, seconds: int = 600) -> str:
    """Return the token of a user with `role`, for so many seconds from now on."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    manager: Any = get_auth_manager()
    user = SimpleAuthManagerUser(username=name or f"the-{role}", role=role)
    return str(manager.generate_jwt(user, expiration_time_in_seconds=seconds))


def login(role: str | None, name: str = "") -> dict[str, Any]:
    """Return the header of that user."""
    return {"headers": {"Authorization": f"Bearer {token(role, name)}"}}


def runs() -> list[Any]:
    """Return the runs of `scale_service` that Airflow has."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return list(session.scalars(select(DagRun).where(DagRun.dag_id == "scale_service")))


def test_airflow_s_logins_stand_before_every_page(server: TestClient) -> None:
    address = "/springtide/api/v1/health"

    assert server.get(address).status_code == 401
    assert server.get(address).json()["code"] == "auth_required"
    assert server.get(address, headers={"Authorization": "Bearer nonsense"}).json()["code"] == "token_invalid"
    assert server.get(address, **login(None)).status_code == 403
    assert server.get(address, **login("viewer")).status_code == 200


def test_a_token_that_has_expired_is_told_with_what_to_do(server: TestClient) -> None:
    expired = {"Authorization": f"Bearer {token('op', seconds=-60)}"}

    answer = server.get("/springtide/api/v1/health", headers=expired)

    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert answer.json()["detail"] == "this token has expired. Ask POST /auth/token for another."


def test_a_page_behind_a_login_that_is_over_says_so_and_leads_to_airflow_s_login_and_back(server: TestClient) -> None:
    server.cookies.set("_token", token("op", seconds=-60))

    answer = server.get("/springtide/pages/events", headers={"Accept": "text/html"})

    assert answer.status_code == 401
    assert "your login to Airflow is over: log in to Airflow" in answer.text
    way_in = "/api/v2/auth/login?next=%2Fspringtide%2Fpages%2Fevents"
    assert f'href="{way_in}"' in answer.text
    led = server.get(way_in, follow_redirects=False)
    assert (led.status_code, led.headers["location"].endswith("next=%2Fspringtide%2Fpages%2Fevents")) == (307, True)


def test_a_cookie_of_airflow_reads_and_does_not_write(server: TestClient) -> None:
    server.cookies.set("_token", token("op"))

    assert server.get("/springtide/api/v1/policies").status_code == 200
    assert server.post(SCALE).json()["code"] == "bearer_required"


def test_a_user_starts_a_run_in_their_own_name(server: TestClient) -> None:
    answer = server.post(f"{SCALE}&reason=sale", **login("user", "ann"))

    assert answer.status_code == 202, answer.text
    (run,) = runs()
    assert (run.run_id, run.triggering_user_name) == (answer.json()["run_id"], "ann")
    assert run.conf == {
        "service": "checkout",
        "replicas": "3",
        "reason": "sale",
        "strategy": "policy",
        "dry_run": False,
    }
    assert answer.json()["state"] == "queued"
    assert answer.json()["link"] == f"/dags/scale_service/runs/{run.run_id}"
    audit = server.get("/springtide/api/v1/audit", **login("user")).json()
    assert [(each["who"], each["reason"], each["outcome"]) for each in audit["items"]] == [("ann", "sale", "started")]


def test_a_viewer_starts_nothing(server: TestClient) -> None:
    answer = server.post(SCALE, **login("viewer"))

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert runs() == []


def test_a_get_plans_by_the_connections_of_airflow(server: TestClient) -> None:
    answer = server.get(SCALE, **login("viewer"))

    assert answer.status_code == 200, answer.text
    assert (answer.json()["current"], answer.json()["replicas"]) == (2, 3)
    assert runs() == []


def test_the_same_key_starts_one_run(server: TestClient) -> None:
    headers = {"Authorization": f"Bearer {token('user')}", "Idempotency-Key": "order-1"}

    answers = [server.post(SCALE, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 200]
    assert len(runs()) == 1


def test_without_a_triggerer_nothing_is_queued(server: TestClient) -> None:
    dead()
    alive("SchedulerJob")

    answer = server.post(SCALE, **login("user"))

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        503,
        "airflow_unhealthy",
        "triggerer",
    )
    assert runs() == []


def test_on_a_paused_dag_nothing_is_queued(server: TestClient) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    chosen = update(DagModel).where(DagModel.dag_id == "scale_service")
    with create_session() as session:
        session.execute(chosen.values(is_paused=True))
    try:
        answer = server.post(SCALE, **login("user"))
    finally:
        with create_session() as session:
            session.execute(chosen.values(is_paused=False))

    assert (answer.status_code, answer.json()["code"]) == (409, "dag_paused")
    assert runs() == []


def test_a_policy_says_who_may_by_name_and_by_role(server: TestClient) -> None:
    text = policy_text("checkout").replace(
        '"owner": "team-web"', '"owner": "team-web", "may_scale": ["bob", "role:op"]'
    )
    Path(os.environ["SPRINGTIDE_POLICIES"], "checkout.yaml").write_text(text)

    ann = server.post(SCALE, **login("user", "ann"))
    carl = server.post(f"{SCALE}&queue=true", **login("op", "carl"))
    bob = server.post(f"{SCALE}&queue=true", **login("user", "bob"))

    assert (ann.status_code, ann.json()["code"]) == (403, "not_allowed")
    assert (carl.status_code, bob.status_code) == (202, 202)


def test_the_metrics_stay_where_they_are(server: TestClient) -> None:
    assert server.get("/springtide/metrics").status_code == 403
    assert server.get("/springtide/openapi.json").status_code == 404
    assert server.get("/springtide/docs").status_code == 404
    assert server.get("/springtide/api/v1/openapi.json").status_code == 401
    document = server.get("/springtide/api/v1/openapi.json", **login("viewer")).json()
    assert document["servers"] == [{"url": "/springtide"}]
    assert {"/scale/", "/api/v1/audit", "/api/v1/policies/validate"} <= document["paths"].keys()
