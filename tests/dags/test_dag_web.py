"""REST and pages as the API server mounts them, in a real Airflow: its logins and its rights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from starlette.testclient import TestClient

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning", "ignore:Using `httpx`")


@pytest.fixture
def server(bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Return a client of Airflow's own API server, whose one plugin is springtide's."""
    assert bag.dags
    monkeypatch.setenv("SPRINGTIDE_STORE_URL", f"sqlite:///{tmp_path}/runs.db")
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from starlette.testclient import TestClient

    purge_cached_app()
    return TestClient(create_app(), base_url="http://airflow.example")


def login(role: str | None) -> dict[str, Any]:
    """Return the header of a user with `role`."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    manager: Any = get_auth_manager()
    token = manager.generate_jwt(SimpleAuthManagerUser(username=f"the-{role}", role=role))
    return {"headers": {"Authorization": f"Bearer {token}"}}


def test_airflow_s_logins_stand_before_every_page(server: TestClient) -> None:
    address = "/springtide/api/v1/health"

    assert server.get(address).status_code == 401
    assert server.get(address).json()["code"] == "auth_required"
    assert server.get(address, headers={"Authorization": "Bearer nonsense"}).json()["code"] == "token_invalid"
    assert server.get(address, **login(None)).status_code == 403
    assert server.get(address, **login("viewer")).status_code == 200
